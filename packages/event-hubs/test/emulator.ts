import { constants } from 'node:fs'
import { mkdtemp, readdir, readFile, readlink, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Child, startChild } from '../../kit/child.ts'
import { NODE_FLAGS } from '../node-flags.ts'

export const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url))

export async function temporaryFolder(): Promise<{ readonly path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'tidemark-eventhubs-'))
  return { path, remove: () => rm(path, { recursive: true, force: true }) }
}

/** The environment of a process with its data and `hubs.json` in the folder. */
export const buildEnv = (folder: string, port = 0): Readonly<Record<string, string>> => ({
  EVENT_HUBS_EMULATOR_PORT: String(port),
  EVENT_HUBS_EMULATOR_DATA: join(folder, 'data'),
  EVENT_HUBS_EMULATOR_CONFIG: join(folder, 'hubs.json'),
})

/**
 * Starts the emulator as a process, as the local cloud does.
 * @param text content of its configuration file.
 */
export async function startProcess(
  folder: string,
  text: string,
  env: Readonly<Record<string, string>>,
): Promise<Child> {
  await writeFile(join(folder, 'hubs.json'), text)
  return startChild('eventhubs', MAIN, env, { execArgv: NODE_FLAGS })
}

/** Starts the emulator with one namespace. */
export const startEmulator = (folder: string, hubs: unknown, port = 0): Promise<Child> =>
  startProcess(folder, JSON.stringify({ hubs }), buildEnv(folder, port))

/** Returns the resident memory of a process, now or at its peak: VmRSS or VmHWM of proc(5), status. Linux only. */
export async function residentBytes(pid: number, field: 'VmRSS' | 'VmHWM' = 'VmRSS'): Promise<number> {
  const [, kilobytes] = new RegExp(`${field}:\\s+(\\d+) kB`).exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) * 1024
}

/**
 * Returns, for each log that a process has open, whether writes wait for the disk (O_DSYNC): proc(5), fd and
 * fdinfo. Linux only.
 */
export async function syncedLogs(pid: number): Promise<readonly boolean[]> {
  const synced: boolean[] = []
  for (const fd of await readdir(`/proc/${pid}/fd`)) {
    const path = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')
    const [, flags = '0'] =
      /flags:\s+(\d+)/.exec(await readFile(`/proc/${pid}/fdinfo/${fd}`, 'utf8').catch(() => '')) ?? []
    const mode = Number.parseInt(flags, 8)
    if (path.endsWith('.log') && (mode & constants.O_WRONLY) !== 0) synced.push((mode & constants.O_DSYNC) !== 0)
  }
  return synced
}

export const readPort = (child: Child): number => Number(new URL(child.address).port)

export function buildConnectionString(child: Child): string {
  return (
    `Endpoint=sb://127.0.0.1:${readPort(child)};SharedAccessKeyName=RootManageSharedAccessKey;` +
    'SharedAccessKey=SAS_KEY_VALUE;UseDevelopmentEmulator=true'
  )
}
