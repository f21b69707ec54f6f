import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import {
  buildConnectionString,
  readPort,
  startEmulator,
  temporaryFolder,
} from '../../packages/event-hubs/test/emulator.ts'
import type { Broker } from './raw-client.ts'

export const BODY_BYTES = 500

/** The emulator in a process and a folder of its own. */
export interface BenchedEndpoint {
  readonly pid: number
  readonly broker: Broker
  readonly connectionString: string
  /** Shuts it down. */
  stop(): Promise<void>
  /** Starts another process on the same data, after a stop. */
  start(): Promise<BenchedEndpoint>
  /** The size of its data on disk. */
  dataBytes(): Promise<number>
  /** Ends it if it still runs, and removes its data. */
  remove(): Promise<void>
}

/** @param hubs the number of partitions of each hub. */
export async function startBenchedEndpoint(hubs: Readonly<Record<string, number>>): Promise<BenchedEndpoint> {
  const folder = await temporaryFolder()
  return start(folder, hubs)
}

async function start(
  folder: Awaited<ReturnType<typeof temporaryFolder>>,
  hubs: Readonly<Record<string, number>>,
): Promise<BenchedEndpoint> {
  const settings = Object.entries(hubs).map(([name, partitions]) => ({ name, partitions, consumerGroups: [] }))
  const child = await startEmulator(folder.path, settings)
  return {
    pid: child.pid,
    broker: {
      port: readPort(child),
      user: 'RootManageSharedAccessKey',
      password: 'SAS_KEY_VALUE',
      hostname: '127.0.0.1',
    },
    connectionString: buildConnectionString(child),
    stop: () => child.stop(),
    start: () => start(folder, hubs),
    async dataBytes() {
      const entries = await readdir(folder.path, { recursive: true, withFileTypes: true })
      const files = entries.filter((entry) => entry.isFile())
      const sizes = await Promise.all(
        files.map(async ({ parentPath, name }) => (await stat(join(parentPath, name))).size),
      )
      return sizes.reduce((sum, size) => sum + size, 0)
    },
    async remove() {
      await child.stop()
      await folder.remove()
    },
  }
}
