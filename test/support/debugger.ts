import { once } from 'node:events'
import { within } from '../../packages/test-support/wait.ts'

interface Message {
  readonly id?: number
  readonly method?: string
  readonly error?: { readonly message: string }
  readonly params?: {
    readonly scriptId?: string
    readonly url?: string
    readonly callFrames?: readonly { readonly location: { readonly scriptId: string; readonly lineNumber: number } }[]
  }
}

/** A debugger of a Node process. https://chromedevtools.github.io/devtools-protocol/v8/Debugger/ */
export class Debugger {
  readonly #socket: WebSocket
  readonly #answers = new Map<number, PromiseWithResolvers<void>>()
  readonly #stopped: PromiseWithResolvers<{ readonly url: string; readonly line: number }> = Promise.withResolvers()
  /** The URL of each script. */
  readonly #scripts = new Map<string, string>()
  #requests = 0

  private constructor(socket: WebSocket) {
    this.#socket = socket
    socket.addEventListener('message', ({ data }) => this.#receive(JSON.parse(String(data))))
  }

  /** @param address as printed by Node. */
  static async connect(address: string): Promise<Debugger> {
    const socket = new WebSocket(address)
    await within(once(socket, 'open'), `a debugger at ${address}`)
    const session = new Debugger(socket)
    await session.#ask('Debugger.enable')
    return session
  }

  /** @param line counted from 1. */
  async breakAt(url: string, line: number): Promise<void> {
    await this.#ask('Debugger.setBreakpointByUrl', { url, lineNumber: line - 1 })
  }

  /** Waits until the process stops. @returns where. */
  stopped(): Promise<{ readonly url: string; readonly line: number }> {
    return within(this.#stopped.promise, 'a breakpoint to be hit')
  }

  /** Lets the process continue. */
  async close(): Promise<void> {
    await this.#ask('Debugger.disable')
    this.#socket.close()
  }

  async #ask(method: string, params: object = {}): Promise<void> {
    this.#requests += 1
    const answer = Promise.withResolvers<void>()
    this.#answers.set(this.#requests, answer)
    this.#socket.send(JSON.stringify({ id: this.#requests, method, params }))
    await within(answer.promise, `the answer to ${method}`)
  }

  #receive({ id, method, error, params }: Message): void {
    if (id !== undefined) {
      const answer = this.#answers.get(id)
      if (error) answer?.reject(new Error(error.message))
      else answer?.resolve()
    }
    const { scriptId, url = '', callFrames: [frame] = [] } = params ?? {}
    if (method === 'Debugger.scriptParsed' && scriptId !== undefined) this.#scripts.set(scriptId, url)
    if (method !== 'Debugger.paused' || !frame) return
    const { location } = frame
    this.#stopped.resolve({ url: this.#scripts.get(location.scriptId) ?? '', line: location.lineNumber + 1 })
  }
}
