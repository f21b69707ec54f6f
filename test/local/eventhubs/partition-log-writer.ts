// A process that appends to the log in the folder it is told until a write fails, and prints what it was answered.
import { append, numbered, openLog } from './partition-log-support.ts'

const log = await openLog(process.argv[2] ?? '')
const errors: string[] = []
const note = (error: unknown): void => void errors.push(String(error))
let acknowledged = 0
while (!log.failed) {
  await append(log, numbered(acknowledged, acknowledged + 1, 3000)).then(() => acknowledged++, note)
}
await Promise.all([1, 2].map(() => append(log, numbered(0, 1)).catch(note)))
console.log(JSON.stringify({ acknowledged, errors, failed: String(log.failed) }))
