import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { StartError } from './errors.ts'

/**
 * Folder of Node's compile cache. Without it, half of the start time goes into stripping types.
 * https://nodejs.org/api/module.html#module-compile-cache
 */
const COMPILED = fileURLToPath(new URL('../../node_modules/.cache/node-compile', import.meta.url))

/** A child process of the local cloud. */
export interface Child {
  readonly name: string
  readonly address: string
  readonly pid: number
  /** Settles with a description when the process ends, for whatever reason. */
  readonly exited: Promise<string>
  /** Sends SIGTERM, and SIGKILL after `graceMs`. Settles when the process has ended. */
  stop(graceMs?: number): Promise<void>
  /** Sends a message to the process. Does nothing if it has ended. */
  send(message: object): void
  kill(signal: NodeJS.Signals): void
}

/**
 * Starts a module that calls `run` of lifecycle.ts, and waits until it is ready. Its output goes to the
 * parent's output, or in pieces to `options.onOutput`.
 * @throws StartError with the child's own message if it could not start.
 */
export async function startChild(
  name: string,
  modulePath: string,
  env: NodeJS.ProcessEnv,
  options: {
    readonly args?: readonly string[]
    readonly execArgv?: readonly string[]
    /** The parent's setting for the child's `--port`. It replaces `--port` in the child's error message. */
    readonly portSetting?: string
    readonly onOutput?: (text: string, output: 'stdout' | 'stderr') => void
    /** Receives the child's messages, except those about its start. */
    readonly onMessage?: (message: object) => void
    /** Aborting ends the process while it is still starting. */
    readonly signal?: AbortSignal
  } = {},
): Promise<Child> {
  options.signal?.throwIfAborted()
  // With its own process group, a Ctrl-C in the terminal reaches only the parent.
  const child = fork(modulePath, [...(options.args ?? [])], {
    env: { NODE_COMPILE_CACHE: COMPILED, ...process.env, ...env },
    execArgv: [...(options.execArgv ?? [])],
    detached: true,
    silent: options.onOutput !== undefined,
  })
  if (options.onOutput)
    for (const output of ['stdout', 'stderr'] as const)
      child[output]?.setEncoding('utf8').on('data', (text: string) => options.onOutput?.(text, output))
  const exited = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => resolve(signal ? `ended by ${signal}` : `ended with code ${code}`))
    child.once('error', (error) => resolve(error.message))
  })
  const abandon = (): unknown => child.kill('SIGTERM')
  options.signal?.addEventListener('abort', abandon)
  const address = await new Promise<string>((resolve, reject) => {
    child.on('message', (message: { ready?: string; failed?: string }) => {
      if (message.ready !== undefined) resolve(message.ready)
      else if (message.failed !== undefined)
        reject(new StartError(message.failed.replace('--port', options.portSetting ?? '--port')))
      else options.onMessage?.(message)
    })
    exited.then((how) => reject(new StartError(`${name} did not start: it ${how}`)))
  }).finally(() => options.signal?.removeEventListener('abort', abandon))
  return {
    name,
    address,
    pid: child.pid ?? -1,
    exited,
    kill: (signal) => child.kill(signal),
    send(message) {
      // Ignore the error if it has ended meanwhile: `exited` reports that.
      if (child.connected) child.send(message, () => {})
    },
    async stop(graceMs = 10_000) {
      const timer = setTimeout(() => child.kill('SIGKILL'), graceMs)
      child.kill('SIGTERM')
      await exited
      clearTimeout(timer)
    },
  }
}
