import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { StartError } from './errors.ts'

/**
 * Where Node keeps what it made of the sources: without it half of a start is stripping types.
 * https://nodejs.org/api/module.html#module-compile-cache
 */
const COMPILED = fileURLToPath(new URL('../../node_modules/.cache/node-compile', import.meta.url))

/** A process of the local cloud, seen from its parent. */
export interface Child {
  readonly name: string
  readonly address: string
  readonly pid: number
  /** Settles with a description when the process ends, whether it was asked to or not. */
  readonly exited: Promise<string>
  /** Asks it to end (SIGTERM), and settles when it has; SIGKILL after `graceMs`. */
  stop(graceMs?: number): Promise<void>
  /** Sends it a message; one that has ended hears nothing. */
  send(message: object): void
  kill(signal: NodeJS.Signals): void
}

/**
 * Starts a module that calls `run` of lifecycle.ts and waits until it is ready. What it prints goes where the
 * parent prints, or to `options.onOutput`, as it comes.
 * @throws StartError with the child's own line when it could not start.
 */
export async function startChild(
  name: string,
  modulePath: string,
  env: NodeJS.ProcessEnv,
  options: {
    readonly args?: readonly string[]
    readonly execArgv?: readonly string[]
    /** What the user of the parent sets where the child says `--port`: named when that port cannot be used. */
    readonly portSetting?: string
    readonly onOutput?: (text: string, output: 'stdout' | 'stderr') => void
    /** Hears what it sends, besides whether it has started. */
    readonly onMessage?: (message: object) => void
    /** Ends the process as long as it has not started. */
    readonly signal?: AbortSignal
  } = {},
): Promise<Child> {
  options.signal?.throwIfAborted()
  // Own process group: a Ctrl-C of the terminal reaches the parent alone.
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
      // Whether it ended meanwhile is told by `exited`.
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
