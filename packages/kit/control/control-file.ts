import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { writeDurably } from '../durable-files.ts'

// While a control endpoint runs, its address is in `control.json` of the data folder: `{"address", "pid"}`. A
// file left by a killed process is invalid: its pid is not that of the process with the folder's lock.

const locateFile = (dataDir: string): string => join(dataDir, 'control.json')

/** Writes the address of this process's control endpoint. The process must have the folder's lock. */
export async function announceControl(dataDir: string, address: string): Promise<void> {
  await writeDurably(locateFile(dataDir), `${JSON.stringify({ address, pid: process.pid })}\n`)
}

/** Removes the address, because the control endpoint has ended. */
export async function withdrawControl(dataDir: string): Promise<void> {
  await rm(locateFile(dataDir), { force: true })
}
