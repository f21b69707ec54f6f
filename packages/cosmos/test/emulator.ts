import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Child, startChild } from '../../kit/child.ts'

export const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url))

export async function temporaryFolder(): Promise<{ readonly path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), 'tidemark-cosmos-'))
  return { path, remove: () => rm(path, { recursive: true, force: true }) }
}

/** Starts the emulator as a process, as the local cloud does. */
export const startEmulator = (folder: string, port = 0, env: Readonly<Record<string, string>> = {}): Promise<Child> =>
  startChild('cosmos', MAIN, {
    COSMOS_EMULATOR_PORT: String(port),
    COSMOS_EMULATOR_DATA: folder,
    COSMOS_EMULATOR_CONTROL_PORT: '',
    ...env,
  })

export const readPort = (child: Child): number => Number(new URL(child.address).port)
