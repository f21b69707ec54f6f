import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { NODE_FLAGS } from '../../../local/eventhubs/node-flags.ts'
import { type Child, startChild } from '../../../local/kit/child.ts'

export const MAIN = fileURLToPath(new URL('../../../local/eventhubs/main.ts', import.meta.url))

export async function temporaryFolder(): Promise<{ readonly path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'tidemark-eventhubs-'))
  return { path, remove: () => rm(path, { recursive: true, force: true }) }
}

/** For a process that keeps its data in the folder and reads `hubs.json` there. */
export const settingsOf = (folder: string, port = 0): Readonly<Record<string, string>> => ({
  TIDEMARK_EVENTHUBS_PORT: String(port),
  TIDEMARK_EVENTHUBS_DATA: join(folder, 'data'),
  TIDEMARK_EVENTHUBS_HUBS: join(folder, 'hubs.json'),
})

/** Starts the embedded endpoint as a process, as the local cloud does. @param text what its configuration file holds. */
export async function startProcess(
  folder: string,
  text: string,
  env: Readonly<Record<string, string>>,
): Promise<Child> {
  await writeFile(join(folder, 'hubs.json'), text)
  return startChild('eventhubs', MAIN, env, { execArgv: NODE_FLAGS })
}

/** Starts it with one namespace. */
export const startEndpoint = (folder: string, hubs: unknown, port = 0): Promise<Child> =>
  startProcess(folder, JSON.stringify({ hubs }), settingsOf(folder, port))

/** What a process holds resident now, or held at most: proc(5), status, VmRSS and VmHWM. Linux alone has it. */
export async function residentBytes(pid: number, field: 'VmRSS' | 'VmHWM' = 'VmRSS'): Promise<number> {
  const [, kilobytes] = new RegExp(`${field}:\\s+(\\d+) kB`).exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) * 1024
}

export const portOf = (child: Child): number => Number(new URL(child.address).port)

export function connectionStringOf(child: Child): string {
  return `Endpoint=sb://127.0.0.1:${portOf(child)};SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true`
}
