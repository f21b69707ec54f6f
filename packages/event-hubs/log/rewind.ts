import { EventCursor } from './log-record.ts'
import type { PartitionLog } from './partition-log.ts'
import type { StartPosition } from './start-position.ts'

/** Returns the start position `back` events before the first event of `start`, to deliver those events again. */
export async function rewindStart(log: PartitionLog, start: StartPosition, back: number): Promise<StartPosition> {
  for (let position = await log.seek(start); ; ) {
    const chunk = await log.read(position)
    if (!chunk) return { key: 'sequence', min: log.info.lastSequence + 1 - back }
    const cursor = new EventCursor(chunk)
    while (cursor.next()) if (cursor[start.key] >= start.min) return { key: 'sequence', min: cursor.sequence - back }
    position = chunk.next
  }
}
