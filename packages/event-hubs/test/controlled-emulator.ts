import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Child } from '../../kit/child.ts'
import { buildConnectionString, buildEnv, startProcess, temporaryFolder } from './emulator.ts'

/** An answer of the control endpoint. */
export interface ControlAnswer {
  readonly status: number
  readonly headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: the tests assert its content
  readonly body: any
}

/** A process of the emulator with its control endpoint. */
export interface ControlledEmulator {
  readonly child: Child
  /** Connection string of the first namespace. */
  readonly connectionString: string
  /** Such as `http://127.0.0.1:5300`. */
  readonly address: string
  call(method: string, path: string, body?: unknown): Promise<ControlAnswer>
}

const cleanups: (() => Promise<void>)[] = []

/**
 * Ends the processes and removes the folders. Call it in a file's `after`, when the tests have closed their
 * clients. A client whose server ends first may wait for a minute.
 */
export async function cleanUp(): Promise<void> {
  for (const cleanup of cleanups.reverse()) await cleanup()
}

export async function newFolder(): Promise<string> {
  const folder = await temporaryFolder()
  cleanups.push(() => folder.remove())
  return folder.path
}

/**
 * Starts the emulator as a process, with the data of earlier ones in the folder.
 * @param configuration content of its configuration file.
 */
export async function startControlled(folder: string, configuration: unknown): Promise<ControlledEmulator> {
  const child = await startConfigured(folder, JSON.stringify(configuration), {
    EVENT_HUBS_EMULATOR_CONTROL_PORT: '0',
  })
  const { address, pid } = JSON.parse(await readFile(controlFile(folder), 'utf8')) as { address: string; pid: number }
  if (pid !== child.pid) throw new Error(`the control endpoint belongs to process ${pid}`)
  return {
    child,
    connectionString: buildConnectionString(child),
    address,
    async call(method, path, body) {
      const response = await fetch(`${address}${path}`, {
        method,
        ...(body !== undefined && { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
      })
      return { status: response.status, headers: response.headers, body: await response.json() }
    },
  }
}

/** Starts the emulator, without a control endpoint unless `env` sets one. */
export async function startConfigured(
  folder: string,
  text: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Child> {
  const child = await startProcess(folder, text, {
    ...buildEnv(folder),
    EVENT_HUBS_EMULATOR_CONTROL_PORT: '',
    ...env,
  })
  cleanups.push(() => child.stop())
  return child
}

export const controlFile = (folder: string): string => join(folder, 'data', 'control.json')

/** Kills the emulator, and starts it again with the same data. */
export async function killAndRestart(
  running: ControlledEmulator,
  folder: string,
  configuration: unknown,
): Promise<ControlledEmulator> {
  running.child.kill('SIGKILL')
  await running.child.exited
  return startControlled(folder, configuration)
}

/** Returns the connection string of a namespace other than the first. */
export async function connectionStringTo(
  { call, connectionString }: ControlledEmulator,
  namespace: string,
): Promise<string> {
  const { body } = await call('GET', '/namespaces')
  const { address } = body.namespaces.find(({ name }: { name: string }) => name === namespace)
  return connectionString.replace(/:\d+;/, `:${new URL(address).port};`)
}
