import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Child, startChild } from '../../../local/kit/child.ts'
import { connectionStringOf, temporaryFolder } from './endpoint.ts'

export const MAIN = fileURLToPath(new URL('../../../local/eventhubs/main.ts', import.meta.url))

/** An answer of the control endpoint. */
export interface Answered {
  readonly status: number
  readonly headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: what it holds is what the tests are about
  readonly body: any
}

/** A process of the embedded endpoint with its control endpoint. */
export interface Controlled {
  readonly child: Child
  /** Of the first namespace. */
  readonly connectionString: string
  /** Such as `http://127.0.0.1:5300`. */
  readonly address: string
  call(method: string, path: string, body?: unknown): Promise<Answered>
}

const cleanups: (() => Promise<void>)[] = []

/**
 * Ends the processes and removes the folders, for `after` of a file: clients are closed at the end of their test, and one whose server went
 * before it may wait a minute.
 */
export async function cleanUp(): Promise<void> {
  for (const cleanup of cleanups.reverse()) await cleanup()
}

export async function newFolder(): Promise<string> {
  const folder = await temporaryFolder()
  cleanups.push(() => folder.remove())
  return folder.path
}

/** Starts it as a process, over the data of those started in the folder before. @param configuration what its file holds. */
export async function startControlled(folder: string, configuration: unknown): Promise<Controlled> {
  const child = await startConfigured(folder, JSON.stringify(configuration), {
    TIDEMARK_EVENTHUBS_CONTROL_PORT: '0',
  })
  const { address, pid } = JSON.parse(await readFile(controlFile(folder), 'utf8')) as { address: string; pid: number }
  if (pid !== child.pid) throw new Error(`the control endpoint is that of process ${pid}`)
  return {
    child,
    connectionString: connectionStringOf(child),
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
  await writeFile(join(folder, 'hubs.json'), text)
  const child = await startChild('eventhubs', MAIN, { ...settingsOf(folder), ...env })
  cleanups.push(() => child.stop())
  return child
}

/** For a process that keeps its data in the folder and reads `hubs.json` there; no control endpoint. */
export const settingsOf = (folder: string): Readonly<Record<string, string>> => ({
  TIDEMARK_EVENTHUBS_PORT: '0',
  TIDEMARK_EVENTHUBS_CONTROL_PORT: '',
  TIDEMARK_EVENTHUBS_DATA: join(folder, 'data'),
  TIDEMARK_EVENTHUBS_HUBS: join(folder, 'hubs.json'),
})

export const controlFile = (folder: string): string => join(folder, 'data', 'control.json')

/** Ends it without warning, and starts it again over the same data. */
export async function killAndRestart(running: Controlled, folder: string, configuration: unknown): Promise<Controlled> {
  running.child.kill('SIGKILL')
  await running.child.exited
  return startControlled(folder, configuration)
}

/** The connection string of another namespace than the first. */
export async function connectionStringTo({ call, connectionString }: Controlled, namespace: string): Promise<string> {
  const { body } = await call('GET', '/namespaces')
  const { address } = body.namespaces.find(({ name }: { name: string }) => name === namespace)
  return connectionString.replace(/:\d+;/, `:${new URL(address).port};`)
}
