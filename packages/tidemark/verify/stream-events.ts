import { formatEventId, isCommitId } from './commit-item.ts'
import type { RawItem } from './event-hash.ts'
import { isObject } from './fields.ts'
import type { Rows } from './rows.ts'

/** An event as it was recorded. */
export interface RawEvent extends RawItem {
  readonly version: number
  readonly type: string
}

/**
 * Returns the events of a commit: their own fields, the shared fields, and those that follow from their
 * order.
 * @throws if the item is not a commit.
 */
function parseEvents(item: RawItem): RawEvent[] {
  const text: unknown = JSON.parse(String(item.text))
  if (!isObject(text) || !Array.isArray(text.events)) throw new Error(`${item.stream} ${item.id} is not a commit`)
  const { events, previousHash, ...shared } = text
  const from = Number(item.id)
  return events.map((content: RawItem, index) => ({
    ...shared,
    ...content,
    type: String(content.type),
    id: formatEventId(from + index),
    stream: item.stream,
    version: from + index,
    previousHash: index === 0 ? previousHash : events[index - 1].hash,
  }))
}

/** Yields the events of one stream by version, from items in any order. Events after a gap are left out. */
export async function* sortByVersion(items: AsyncIterable<RawItem>): AsyncGenerator<RawEvent> {
  const early = new Map<number, RawItem>()
  let next = 1
  for await (const item of items) {
    if (!isCommitId(String(item.id))) continue
    early.set(Number(item.id), item)
    for (let commit = early.get(next); commit; commit = early.get(next)) {
      early.delete(next)
      const events = parseEvents(commit)
      yield* events
      next += events.length
    }
  }
}

/**
 * Yields the items of the next stream. Read them to the end before the following stream.
 * @param rows of a log, ordered by stream.
 */
export async function* readStreamItems(rows: Rows<RawItem>, stream: string): AsyncGenerator<RawItem> {
  for (let row = await rows.peek(); row?.stream === stream; row = await rows.peek()) {
    rows.skip()
    yield row
  }
}
