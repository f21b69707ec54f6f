import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { writeDurably } from '../durable-files.ts'

// Where the control endpoint listens stands in `control.json` of the data folder while it does: `{"address",
// "pid"}`. What a killed process leaves behind says nothing: the pid is that of no process that has the
// folder's lock.

const locateFile = (dataDir: string): string => join(dataDir, 'control.json')

/** Says where the control endpoint of this process, which has the folder's lock, listens. */
export async function announceControl(dataDir: string, address: string): Promise<void> {
  await writeDurably(locateFile(dataDir), `${JSON.stringify({ address, pid: process.pid })}\n`)
}

/** Says that it does not any more. */
export async function withdrawControl(dataDir: string): Promise<void> {
  await rm(locateFile(dataDir), { force: true })
}
