import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { until } from './wait.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

interface Ended {
  readonly code: number | null
  /** Both outputs, in the order in which they came. */
  readonly output: string
  readonly out: string
  readonly err: string
}

/** Runs a command of the CLI in its own process. */
export class Command {
  readonly #child: ChildProcess
  readonly ended: Promise<Ended>
  output = ''
  out = ''
  err = ''

  /** @param folder the working directory. */
  constructor(file: string, args: readonly string[], env: NodeJS.ProcessEnv, folder = root) {
    this.#child = spawn(process.execPath, [file, ...args], {
      cwd: folder,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    for (const name of ['out', 'err'] as const)
      this.#child[`std${name}`]?.on('data', (chunk: Buffer) => {
        this.output += chunk
        this[name] += chunk
      })
    this.ended = once(this.#child, 'close').then(([code]) => {
      const { output, out, err } = this
      return { code, output, out, err }
    })
  }

  get pid(): number {
    return this.#child.pid ?? -1
  }

  async prints(text: string): Promise<void> {
    let over = false
    void this.ended.then(() => {
      over = true
    })
    const printed = (): string => {
      if (over && !this.output.includes(text)) throw new Error(`it ended before it printed ${text}: ${this.output}`)
      return this.output
    }
    await until(`it to print ${text}`, printed, (output) => output.includes(text))
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }
}

/**
 * Ends a command while a temporary condition holds. Runs it again if it was done before it could be ended.
 */
export async function endedWhile(
  what: string,
  start: () => Promise<Command>,
  holds: () => Promise<boolean>,
  signal: NodeJS.Signals,
): Promise<Ended> {
  for (;;) {
    const command = await start()
    let over = false
    void command.ended.then(() => {
      over = true
    })
    await until(what, async () => over || (await holds()))
    command.kill(signal)
    const ended = await command.ended
    if (ended.code !== 0) return ended
  }
}

/**
 * Stops a replay until a later one has begun, so that the start-up time of a process does not matter. Starts
 * it again if it was done before it could be stopped. @returns how both ended.
 */
export async function overtaken(replay: () => Command): Promise<{ readonly earlier: Ended; readonly later: Ended }> {
  for (;;) {
    const first = replay()
    await first.prints('beside')
    first.kill('SIGSTOP')
    const next = replay()
    await next.prints('beside')
    first.kill('SIGCONT')
    const [earlier, later] = await Promise.all([first.ended, next.ended])
    if (earlier.code !== 0) return { earlier, later }
  }
}
