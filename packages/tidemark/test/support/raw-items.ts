import { hashKey, type LogItem, parseCommit, toLogItem } from '../../core/commit.ts'
import { derivedId } from '../../core/derived-id.ts'
import { type DomainEvent, eventId, type RecordedEvent } from '../../core/event.ts'
import { hashEvent } from '../../core/hash-chain.ts'
import { recorded } from './recorded.ts'

/**
 * Parts of the stored form: the id of the aggregate that a command with a key creates, and the id of the item
 * of a commit that begins with a version. Also the stored form of a key, and the log container's item of a
 * commit or receipt.
 */
export { derivedId as createdId, eventId as formatCommitId, hashKey, toLogItem as toRawItem }

/** The next commit: the last event of this one repeated under another type, as a future build might write it. */
export function buildRawSuccessor(item: unknown, type: string): LogItem {
  const last = parseCommit(item as LogItem)?.events.at(-1)
  if (last === undefined) throw new Error(`no commit: ${JSON.stringify(item)}`)
  const { hash: previousHash, ...fields } = last
  const version = last.version + 1
  const unhashed = { ...fields, id: eventId(version), version, type, previousHash }
  const event = { ...unhashed, hash: hashEvent(unhashed) }
  return toLogItem({ stream: event.stream, key: `${type} ${version}`, fingerprint: '', events: [event] })
}

/** Items of a log whose commands append one event each. */
export function toRawItems(events: readonly RecordedEvent[]): LogItem[] {
  return events.map((event) => toLogItem({ stream: event.stream, key: event.id, fingerprint: '', events: [event] }))
}

/** The same items for a new stream. */
export function recordedItems(stream: string, ...events: readonly DomainEvent[]): LogItem[] {
  return toRawItems(recorded(stream, ...events))
}
