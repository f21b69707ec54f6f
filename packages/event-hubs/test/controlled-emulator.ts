import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Child } from '../../kit/child.ts'
import { buildConnectionString, buildEnv, startProcess, temporaryFolder } from './emulator.ts'

/** An answer of the control endpoint. */
export interface ControlAnswer {
  readonly status: number
  readonly headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: what it holds is what the tests are about
  readonly body: any
}

/** A process of the embedded endpoint with its control endpoint. */
export interface ControlledEmulator {
  readonly child: Child
  /** Of the first namespace. */
  readonly connectionString: string
  /** Such as `http://127.0.0.1:5300`. */
  readonly address: string
  call(method: string, path: string, body?: unknown): Promise<ControlAnswer>
}

const cleanups: (() => Promise<void>)[] = []

/**
 * Ends the processes and removes the folders, for `after` of a file: clients are closed at the end of their
 * test, and one whose server went before it may wait a minute.
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
 * Starts it as a process, over the data of those started in the folder before.
 * @param configuration what its file holds.
 */
export async function startControlled(folder: string, configuration: unknown): Promise<ControlledEmulator> {
  const child = await startConfigured(folder, JSON.stringify(configuration), {
    EVENT_HUBS_EMULATOR_CONTROL_PORT: '0',
  })
  const { address, pid } = JSON.parse(await readFile(controlFile(folder), 'utf8')) as { address: string; pid: number }
  if (pid !== child.pid) throw new Error(`the control endpoint is that of process ${pid}`)
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

/** Starts it without a control endpoint, unless `env` says otherwise. */
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

/** Ends it without warning, and starts it again over the same data. */
export async function killAndRestart(
  running: ControlledEmulator,
  folder: string,
  configuration: unknown,
): Promise<ControlledEmulator> {
  running.child.kill('SIGKILL')
  await running.child.exited
  return startControlled(folder, configuration)
}

/** The connection string of another namespace than the first. */
export async function connectionStringTo(
  { call, connectionString }: ControlledEmulator,
  namespace: string,
): Promise<string> {
  const { body } = await call('GET', '/namespaces')
  const { address } = body.namespaces.find(({ name }: { name: string }) => name === namespace)
  return connectionString.replace(/:\d+;/, `:${new URL(address).port};`)
}
