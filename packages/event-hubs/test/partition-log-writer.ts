// A process that appends to the log in the given folder until a write fails, and prints the results. After
// 200 appends it stops: then writes do not fail.
import { append, numbered, openLog } from './partition-log-support.ts'

const log = await openLog(process.argv[2] ?? '')
const errors: string[] = []
const note = (error: unknown): void => void errors.push(String(error))
let acknowledged = 0
while (!log.failed && acknowledged + errors.length < 200) {
  await append(log, numbered(acknowledged, acknowledged + 1, 3000)).then(() => acknowledged++, note)
}
await Promise.all([1, 2].map(() => append(log, numbered(0, 1)).catch(note)))
console.log(JSON.stringify({ acknowledged, errors, failed: String(log.failed) }))
