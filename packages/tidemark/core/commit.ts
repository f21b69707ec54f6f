import { hash } from 'node:crypto'
import * as z from 'zod'
import { TidemarkError } from './errors.ts'
import { type EventContent, eventId, type RecordedEvent } from './event.ts'
import { isStream, type Position } from './stream.ts'

/** The command receipt: how a command without events ended. The first outcome of a key is final. */
export interface CommandReceipt {
  readonly stream: string
  /** The command's key, as its caller gave it. */
  readonly key: string
  /** The request's fingerprint. The same key with another fingerprint is a different request. */
  readonly fingerprint: string
  /** The stream version that the command led to or found. */
  readonly version: number
  /** Why it was refused. Absent: there was nothing to do. */
  readonly refusal?: { readonly code: string; readonly detail: string }
}

/** The fingerprint of a commit whose request nobody knows any more. Every request with its key is the same one. */
export const UNKNOWN_REQUEST = '0'.repeat(64)

/** The events one command appended. The log writes and reads a commit as a whole. */
export interface Commit {
  readonly stream: string
  readonly key: string
  readonly fingerprint: string
  /** At least one event. All share source, time, actor, correlation, causation and traceparent. */
  readonly events: readonly RecordedEvent[]
}

/** An entry of the log: a commit, or the receipt of a command that appended no events. */
export type LogEntry = Commit | CommandReceipt

/** A commit and its versions in the stream. */
export interface RecordedCommit {
  readonly stream: string
  /** The version of its first event. */
  readonly from: number
  /** The version of its last event. */
  readonly to: number
  readonly events: readonly RecordedEvent[]
}

/** A part of a stream, in reading order: forward from its first event or backward from its newest. */
export interface HistoryRange {
  readonly direction: 'forward' | 'backward'
  /** The version that was read last. Absent: start at the first event in reading order. */
  readonly after?: number
  /** The maximum number of events, at least 1. */
  readonly limit: number
}

/** The outcome of a key, as the log stores it. */
export interface KeyOutcome {
  readonly fingerprint: string
  readonly version: number
  /** How many events it appended; the last has `version`. */
  readonly events: number
  readonly refusal?: { readonly code: string; readonly detail: string }
}

export function isCommit(entry: LogEntry): entry is Commit {
  return 'events' in entry
}

/**
 * A commit, as stored in the log's container. Its events are one string. The Functions host passes items
 * through Json.NET, which rewrites every string that looks like a date. It leaves a string alone that only
 * contains one: https://github.com/Azure/azure-webjobs-sdk-extensions/issues/898
 */
interface CommitItem {
  /** `from`, zero-padded. Creating the item proves that no other commit starts at this version. */
  readonly id: string
  readonly stream: string
  readonly from: number
  readonly to: number
  /** SHA-256 of the command's key, unique in its stream. */
  readonly key: string
  readonly fingerprint: string
  /** The types of its events, for people who read the container. */
  readonly types: readonly string[]
  /** The correlation id of its events, for queries by correlation. */
  readonly correlation: string
  /** The hash of its last event, which the next commit must follow. */
  readonly hash: string
  /** The events and the attributes they share: `CommitText` as JSON. */
  readonly text: string
}

/** A command receipt, as stored in the log's container. It has no `to`, so no query for events finds it. */
interface ReceiptItem {
  /** `~` and the key. */
  readonly id: string
  readonly stream: string
  readonly key: string
  readonly fingerprint: string
  readonly version: number
  readonly refusal?: { readonly code: string; readonly detail: string }
}

export type LogItem = CommitItem | ReceiptItem

const RECEIPT_PREFIX = '~'

/** The attributes that all events of a commit share. */
const SHARED = ['source', 'time', 'actor', 'correlation', 'causation', 'traceparent'] as const

/** Whether two events have the attributes that all events of a commit share. */
export function haveOneCommit(first: RecordedEvent, event: RecordedEvent): boolean {
  return SHARED.every((name) => event[name] === first[name])
}

/**
 * The hash of a key, as the log stores it: a client's key may contain characters that an item id must not.
 */
export function hashKey(key: string): string {
  return hash('sha256', key)
}

/** Builds the item of an entry. */
export function toLogItem(entry: LogEntry): LogItem {
  const { stream, fingerprint } = entry
  const key = hashKey(entry.key)
  if (isCommit(entry)) return toCommitItem(entry, key)
  const { version, refusal } = entry
  return {
    id: `${RECEIPT_PREFIX}${key}`,
    stream,
    key,
    fingerprint,
    version,
    ...(refusal === undefined ? {} : { refusal }),
  }
}

function toCommitItem({ stream, fingerprint, events }: Commit, key: string): CommitItem {
  const [first, last] = [events[0], events.at(-1)]
  if (first === undefined || last === undefined)
    throw new TidemarkError('internal', `a commit to ${stream} has no event`)
  const { source, time, actor, correlation, causation, traceparent, previousHash } = first
  const shared = { source, time, actor, correlation, causation, traceparent }
  const other = events.find((event) => !haveOneCommit(first, event))
  if (other)
    throw new TidemarkError('internal', `${stream}@${other.version} differs in an attribute that its commit shares`)
  const text: CommitText = {
    ...shared,
    previousHash,
    events: events.map(({ type, schemaVersion, readableFrom, data, published, hash }) => {
      return { type, schemaVersion, readableFrom, data, published, hash }
    }),
  }
  return {
    id: eventId(first.version),
    stream,
    from: first.version,
    to: last.version,
    key,
    fingerprint,
    types: events.map(({ type }) => type),
    correlation,
    hash: last.hash,
    text: JSON.stringify(text),
  }
}

const content = {
  type: z.string(),
  schemaVersion: z.number(),
  readableFrom: z.number().optional(),
  data: z.unknown(),
}

/** Refuses unknown fields: they would not reach the event, and its hash would not detect them. */
const commitText = z.strictObject({
  source: z.string(),
  time: z.string(),
  actor: z.string(),
  correlation: z.string(),
  causation: z.string(),
  traceparent: z.string().optional(),
  previousHash: z.string(),
  events: z.array(z.strictObject({ ...content, published: z.strictObject(content).optional(), hash: z.string() })),
})
type CommitText = z.infer<typeof commitText>

const commitItem = z.object({
  id: z.string(),
  stream: z.string(),
  from: z.int().positive(),
  to: z.int().positive(),
  key: z.string(),
  fingerprint: z.string(),
  hash: z.string(),
  text: z.string(),
})
const receiptItem = z.object({
  id: z.string().startsWith(RECEIPT_PREFIX),
  stream: z.string(),
  key: z.string(),
  fingerprint: z.string(),
  version: z.int().nonnegative(),
  refusal: z.object({ code: z.string(), detail: z.string() }).optional(),
})

/**
 * Parses the commits among items of the log's container, in order of stream version.
 * @throws TidemarkError `event-unreadable`
 */
export function parseCommits(items: readonly unknown[]): RecordedCommit[] {
  return (
    items
      .map(parseCommit)
      .filter((commit) => commit !== undefined)
      // Commits of one batch have the same place in the feed, so only the version orders them.
      .sort((a, b) => a.from - b.from)
  )
}

/**
 * The position of an item that claims to be a commit, even a damaged one; undefined for any other item.
 * Commits after a damaged one have to wait. Items that something else put into the container are ignored.
 */
export function readCommitPosition(item: unknown): Position | undefined {
  const { id, stream, from } = (item ?? {}) as Readonly<Record<string, unknown>>
  const isCommit = typeof stream === 'string' && isStream(stream) && typeof from === 'number' && Number(id) === from
  return isCommit ? { stream, version: from } : undefined
}

/**
 * Parses the commits among items of the log's container and skips foreign items. The relay has parked those,
 * and `npm run verify` lists them.
 * @throws TidemarkError `event-unreadable` for a damaged commit
 */
export function selectCommits(items: readonly unknown[]): RecordedCommit[] {
  return parseCommits(items.filter((item) => readCommitPosition(item) !== undefined))
}

/**
 * Parses an item of the log's container as a commit; undefined for a command receipt.
 * @throws TidemarkError `event-unreadable` for anything else: something other than Tidemark wrote or changed
 *   it.
 */
export function parseCommit(item: unknown): RecordedCommit | undefined {
  const parsed = parseItem(item)
  if (!('text' in parsed)) return undefined
  const { id, stream, from, to, text, hash } = parsed
  const { events: contents, previousHash, ...shared } = parseCommitText(item, text)
  if (id !== eventId(from) || to - from + 1 !== contents.length || hash !== contents.at(-1)?.hash)
    throw unreadable(item, 'its fields contradict each other')
  let before = previousHash
  const events = contents.map(({ hash, published, ...content }, index): RecordedEvent => {
    const version = from + index
    const event = {
      id: eventId(version),
      stream,
      version,
      ...(content as EventContent),
      ...shared,
      ...(published === undefined ? {} : { published: published as EventContent }),
      previousHash: before,
      hash,
    }
    before = hash
    return event as RecordedEvent
  })
  return { stream, from, to, events }
}

/**
 * Selects the events of a range from the commits that contain them, in reading order. A range may start and
 * end within a commit.
 */
export function sliceEvents(
  commits: readonly RecordedCommit[],
  { direction, after, limit }: Required<HistoryRange>,
): RecordedEvent[] {
  const events = commits.flatMap((commit) => commit.events)
  return direction === 'forward'
    ? events.filter(({ version }) => version > after).slice(0, limit)
    : events
        .filter(({ version }) => version < after)
        .slice(-limit)
        .reverse()
}

/**
 * The outcome of a key, from its item in the log's container.
 * @throws TidemarkError `event-unreadable`
 */
export function parseOutcome(item: unknown): KeyOutcome {
  const parsed = parseItem(item)
  if ('text' in parsed) {
    const { fingerprint, from, to } = parsed
    return { fingerprint, version: to, events: to - from + 1 }
  }
  const { fingerprint, version, refusal } = parsed
  return { fingerprint, version, events: 0, ...(refusal === undefined ? {} : { refusal }) }
}

/**
 * Parses an item. The id mostly tells a receipt from a commit, so a commit is not tried as a receipt.
 * @throws TidemarkError `event-unreadable`
 */
function parseItem(item: unknown): z.infer<typeof commitItem> | z.infer<typeof receiptItem> {
  const { id } = (item ?? {}) as { readonly id?: unknown }
  const receipt = typeof id === 'string' && id.startsWith(RECEIPT_PREFIX) ? receiptItem.safeParse(item) : undefined
  if (receipt?.success) return receipt.data
  const commit = commitItem.safeParse(item)
  if (!commit.success) throw unreadable(item, 'it is neither a commit nor a receipt')
  return commit.data
}

function parseCommitText(item: unknown, text: string): CommitText {
  try {
    return commitText.parse(JSON.parse(text))
  } catch (cause) {
    throw unreadable(item, 'its text is not that of a commit', cause)
  }
}

function unreadable(item: unknown, why: string, cause?: unknown): TidemarkError {
  const { stream, id } = (item ?? {}) as { readonly stream?: unknown; readonly id?: unknown }
  return new TidemarkError(
    'event-unreadable',
    `the log's item ${String(stream)} ${String(id)} cannot be read: ${why}`,
    {
      cause,
    },
  )
}
