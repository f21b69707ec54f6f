import type { BlobConnection } from './archive.ts'
import type { CommandMetadata } from './command.ts'
import type { HistoryRange, KeyOutcome, LogEntry, RecordedCommit } from './commit.ts'
import type { Command } from './decider.ts'
import type { RecordedEvent } from './event.ts'
import type { LogHead, StreamHead } from './hash-chain.ts'
import type { FieldValue } from './list.ts'
import type { PersonalKey } from './personal.ts'
import type { StoredRebuild } from './rebuild.ts'
import type { Snapshot } from './snapshot.ts'
import type { GenerationCodes } from './view-code.ts'
import type { ViewPointer } from './view-pointer.ts'

/**
 * - `appended`: the log has every entry.
 * - `conflict`: the version or the key of one entry exists already; nothing was written.
 * - `missing`: the commit that these entries follow does not exist; nothing was written.
 */
export type AppendResult =
  | { readonly outcome: 'appended' }
  | {
      readonly outcome: 'conflict'
      /**
       * The conflicting entry. Only the first commit's version can conflict, so for a later entry it is the
       * key.
       */
      readonly index: number
    }
  | { readonly outcome: 'missing' }

/** The limits of a log. */
export interface LogLimits {
  /** Commits and receipts in one append. */
  readonly entries: number
  /** Bytes in one append. */
  readonly bytes: number
  /** Bytes of one event's message. Every event in the log must fit into a message of the hub. */
  readonly eventBytes: number
}

/** A service's log. */
export interface EventStore {
  readonly limits: LogLimits
  /**
   * The commits of a stream that end after a version, in order. Yields pages, so that only one is in memory
   * at a time.
   * @throws TidemarkError `unavailable`, `container-missing`, `event-unreadable`
   */
  read(stream: string, after: number): AsyncIterable<readonly RecordedCommit[]>
  /**
   * The outcome of a command's key; undefined if the log does not have it.
   * @throws TidemarkError `unavailable`, `container-missing`
   */
  findOutcome(stream: string, key: string): Promise<KeyOutcome | undefined>
  /**
   * Writes commits and receipts of one stream in one atomic write: at most `limits.entries`, with distinct
   * keys.
   * @param after the head that the first commit follows. The commits have no gaps. Receipts alone follow
   *   nothing.
   * @throws TidemarkError `outcome-unknown` if it may or may not have been written; `unavailable` if it was
   *   not; `decision-too-large` if the entries are too large for one write; `chain-broken` if they were
   *   written, but not after the event in `after`: the log was changed or restored.
   */
  append(after: LogHead, entries: readonly LogEntry[]): Promise<AppendResult>
}

/** Snapshots of a service's aggregates. Any of them may be lost at any time. */
export interface Snapshots {
  /**
   * The snapshot of a stream with this id; undefined if there is none, or it cannot be read.
   * @throws TidemarkError `unavailable`, `container-missing`
   */
  read(stream: string, id: string): Promise<Snapshot | undefined>
  /**
   * Writes a snapshot and replaces the existing one.
   * @throws TidemarkError `unavailable`, `container-missing`, `outcome-unknown`
   */
  write(stream: string, id: string, snapshot: Snapshot): Promise<void>
}

/** Reads the history of streams. Commands and projections need only `EventStore`. */
export interface EventHistory {
  /** The events of a part of a stream, in reading order; empty if the stream or the part has none. */
  readRange(stream: string, range: HistoryRange): Promise<readonly RecordedEvent[]>
}

/** A service's whole log, for rebuilds and other full reads. */
export interface EventFeed {
  /** The number of commits. */
  count(): Promise<number>
  /** Opens a reader at the first commit, or at `start`. */
  open(start?: FeedStart): EventFeedReader
}

/** Where a reader of a feed starts. */
export interface FeedStart {
  /** Starts with the first commit written at this time or later: RFC 3339. */
  readonly since?: string
  /**
   * Starts after another reader, at its `offset`. All commits come again, if that reader was of an earlier build
   * with another form of offset.
   */
  readonly offset?: string
  /** Refuses such an offset with `invalid-query`, so that no commit comes again. */
  readonly once?: true
}

export interface EventFeedReader {
  /**
   * The next commits, at least one; those of each stream are in order. Undefined ends a round: every commit
   * that was in the log when the round began has been returned. A round begins with the first call, or with
   * the call after the last undefined. The next call continues with newer commits; after an error, with the
   * commits not returned yet.
   * @throws TidemarkError `unavailable`
   */
  next(): Promise<readonly RecordedCommit[] | undefined>
  /** How far it has read, so another reader can continue there. Undefined: it has returned nothing yet. */
  readonly offset: string | undefined
}

/** Selects commits; without fields, all of them. */
export interface CommitFilter {
  /** The category of their streams. */
  readonly category?: string
  /** A type that at least one of their events has. */
  readonly type?: string
}

/** One page of commits. `continuation` fetches the next page; it is absent on the last one. */
export interface CommitPage {
  readonly commits: readonly RecordedCommit[]
  readonly continuation?: string
}

/**
 * Browses a service's log, for people. It skips damaged items; `npm run verify` lists them. Continuations are
 * opaque, and invalid ones are refused.
 */
export interface LogBrowser {
  /**
   * The newest commits first; those within one second in any order. Paging misses none. A commit may appear
   * twice if others are written in the same second.
   * @throws TidemarkError `unavailable`, `invalid-query`
   */
  newest(filter: CommitFilter, limit: number, continuation?: string): Promise<CommitPage>
  /**
   * The streams whose names start with the prefix, in order of name.
   * @throws TidemarkError `unavailable`
   */
  streams(prefix: string, limit: number, after?: string): Promise<readonly string[]>
  /**
   * The commits of a correlation id, oldest first; those within one second in any order.
   * @throws TidemarkError `unavailable`, `invalid-query`
   */
  correlated(correlation: string, limit: number, continuation?: string): Promise<CommitPage>
  /**
   * A continuation for everything appended from now on.
   * @throws TidemarkError `unavailable`
   */
  end(): Promise<string>
  /**
   * The commits appended since a continuation from `end` or `since`, about `limit` of them; those of each
   * stream are in order. Empty: nothing new yet.
   * @throws TidemarkError `unavailable`, `invalid-query`
   */
  since(continuation: string, limit: number): Promise<Required<CommitPage>>
}

/** A place in a log that is not as it was written. */
export interface Finding {
  /** A position such as `order-1@3`, an item, or a stream. */
  readonly place: string
  /** One word, such as `changed`, `missing` or `inserted`. */
  readonly wrong: string
  readonly detail: string
}

/** How much of a log was checked. */
export interface Checked {
  readonly streams: number
  readonly commits: number
  readonly events: number
  readonly receipts: number
}

/** Verifies that a log is as it was written. Shares no code with the writers. */
export interface LogVerifier {
  /**
   * The number of items: commits and receipts.
   * @throws TidemarkError `unavailable`
   */
  count(): Promise<number>
  /**
   * Checks the streams that come after one by name. Calls `isEnough` after each stream, and stops when it
   * returns true.
   * @returns `next`: pass it as `after` to check the next part; absent at the end.
   * @throws TidemarkError `unavailable`
   */
  verify(
    after: string | undefined,
    isEnough: (findings: number) => boolean,
  ): Promise<{ readonly checked: Checked; readonly findings: readonly Finding[]; readonly next?: string }>
}

/** Publishes a service's events to its hub. */
export interface EventPublisher {
  /**
   * Publishes events of one stream in order; resolves when the hub has them all. Repeating it with the same
   * events is safe.
   * @param batch the W3C traceparent of the publishing batch.
   */
  publish(stream: string, events: readonly RecordedEvent[], batch?: string): Promise<void>
}

/**
 * The cursor of a stream: how far the views of its category are in it. A single-stream view stores it in the
 * stream's document. A category without one stores it as a separate item.
 */
export interface Cursor extends StreamHead {
  /**
   * When the event was recorded: RFC 3339. An event with a later time but not a later version shows that the
   * log was restored.
   */
  readonly time: string
  /** How far multi-stream views are: versions by view and generation, such as `sales-by-product@1`. */
  readonly passed?: Readonly<Record<string, number>>
  /**
   * The views for which this stream is parked, each with the version of the first event it could not process.
   * Keyed by view and generation.
   */
  readonly parked?: Readonly<Record<string, number>>
}

/** A document of a view, as stored. */
export interface ViewDocument {
  readonly document: unknown
  /** Present in single-stream views. */
  readonly cursor?: Cursor
  /** Changes with every write. */
  readonly etag: string
}

/**
 * A write of a document. An undefined document stores only the cursor of a stream whose events make no
 * document.
 */
export interface ViewWrite {
  readonly document: unknown
  readonly sort: string
  /** The document's etag when it was read; undefined if it did not exist. */
  readonly etag: string | undefined
}

/**
 * - `written`: with the new etag.
 * - `conflict`: the stored item differs from the one that was read; nothing was written.
 * - `applied`: one of these events was already applied to this document; nothing was written.
 */
export type WriteResult = { readonly outcome: 'written'; readonly etag: string } | { readonly outcome: 'conflict' }
export type MarkerWriteResult = WriteResult | { readonly outcome: 'applied' }

/** A cursor stored as a separate item. */
export interface StoredCursor {
  readonly cursor: Cursor
  readonly etag: string
}

/** A place in one partition of a hub. */
export interface HubPoint {
  /** The sequence number. Event Hubs numbers a partition's messages without gaps. */
  readonly sequence: number
  /**
   * When the hub took the message: RFC 3339, UTC, milliseconds. It detects a recreated hub, whose sequence
   * numbers start again while its times do not.
   */
  readonly time: string
}

/** A message of a hub, as a reader returns it. */
export interface HubMessage extends HubPoint {
  /** Parsed JSON, or the text if it is not JSON. */
  readonly body: unknown
}

/** A batch of one partition, as delivered by the trigger. The hub has no further messages between these. */
export interface Delivery {
  readonly partition: string
  readonly messages: readonly unknown[]
  /** The messages' sequence numbers, in the same order, if the host provides them. */
  readonly sequences?: readonly number[]
  readonly first: HubPoint
  readonly last: HubPoint
}

/** Reads a hub directly, to find messages the trigger did not deliver. */
export interface HubReader {
  partitions(): Promise<readonly string[]>
  /**
   * When the hub was created, by its own clock. A later time than before means it was deleted and recreated.
   * RFC 3339, UTC, milliseconds.
   * @throws TidemarkError `unavailable`
   */
  madeAt(): Promise<string>
  /**
   * The sequence numbers of the oldest message a partition still has, and of the newest it ever had. If it is
   * empty, `first` is the number the next message gets.
   * @throws TidemarkError `unavailable`
   */
  bounds(partition: string): Promise<{ readonly first: number; readonly last: number }>
  /**
   * The messages of a partition from one sequence number to another, both inclusive, in pages. Skips messages
   * the hub no longer has. Read a partition only once at a time.
   * @throws TidemarkError `unavailable`
   */
  read(partition: string, from: number, to: number): AsyncIterable<readonly HubMessage[]>
  /** Closes its connection; it cannot be used again. */
  close(): Promise<void>
}

/** Consumer progress in a partition, by handler name. */
export type HandlerPoints = ReadonlyMap<string, HubPoint>

/**
 * What one instance of a consumer knows about its partitions: each handler has handled everything up to its
 * point. This never becomes untrue.
 */
export interface InstanceProgress {
  /** Unique to the process. */
  readonly instance: string
  /** Identifies the build, by its handlers and events. */
  readonly build: string
  /** The instance's handlers. */
  readonly handlers: readonly string[]
  /** The handlers that paused because too many of their streams failed. */
  readonly paused: readonly string[]
  readonly partitions: ReadonlyMap<string, HandlerPoints>
}

/** The progress of a consumer's instances. Each has its own item, so no two write the same one. */
export interface ProgressStore {
  /**
   * The progress of all instances, including ended ones. `age`: seconds since it was written, by the store's
   * clock.
   * @throws TidemarkError `unavailable`
   */
  read(): Promise<readonly (InstanceProgress & { readonly age: number })[]>
  /** @throws TidemarkError `unavailable`, `outcome-unknown` */
  write(progress: InstanceProgress): Promise<void>
  /** Removes an instance that has ended. */
  remove(instance: string): Promise<void>
}

/** How far the relay is behind its log. */
export interface RelayLag {
  /**
   * The number of commits that no lease of the relay has passed, counted up to `limit`. `more`: whether there
   * are more. `oldest`: when the first of them was written, RFC 3339, UTC.
   * @throws TidemarkError `unavailable`
   */
  read(limit: number): Promise<{ readonly commits: number; readonly more: boolean; readonly oldest?: string }>
}

/** A command that is sent when it is due. */
export interface ScheduledCommand {
  readonly stream: string
  /** The command's id. However often it is sent, it takes effect once. */
  readonly key: string
  /** The earliest time to send it: RFC 3339, UTC, milliseconds. */
  readonly due: string
  readonly command: Command
  readonly metadata: CommandMetadata
}

/**
 * A service's scheduled commands. They derive from its log, whose events say what was scheduled, but are
 * stored durably.
 */
export interface Schedule {
  /**
   * Stores a command. If one with the same stream and key is waiting, that one stays unchanged.
   * @throws TidemarkError `unavailable`, `outcome-unknown`
   */
  add(scheduled: ScheduledCommand): Promise<void>
  /**
   * The commands that are due by the store's clock, whatever the host's clock says. Earliest first, without
   * duplicates, in pages of at most `size`. Commands may be removed meanwhile.
   * @throws TidemarkError `unavailable`
   */
  due(size: number): AsyncIterable<readonly ScheduledCommand[]>
  /**
   * Removes a command, if it is still there.
   * @throws TidemarkError `unavailable`, `outcome-unknown`
   */
  remove(scheduled: ScheduledCommand): Promise<void>
}

/** Lists a service's scheduled commands, for people. */
export interface ScheduleBrowser {
  /**
   * A page of waiting commands, due or not, earliest first. Commands sent meanwhile may be missing.
   * @throws TidemarkError `unavailable`, `invalid-query` for an invalid continuation
   */
  list(limit: number, continuation?: string): Promise<ScheduledPage>
}

export interface ScheduledPage {
  readonly commands: readonly ScheduledCommand[]
  /** Absent at the end. */
  readonly continuation?: string
}

export interface ViewList {
  /** Fields of the document, each with the value it must have. */
  readonly filter: Readonly<Record<string, FieldValue>>
  /** The field that the list is ordered by, then by place. Absent: by place alone. */
  readonly order?: ListOrder
  /** Default: descending. */
  readonly ascending?: boolean
  readonly limit: number
  /** Returns the documents after this one. */
  readonly after?: ListedPlace
}

/** An order by a field of the documents. Documents with a value of another type are not in the list. */
export interface ListOrder {
  readonly field: string
  readonly type: 'string' | 'number'
  /** The least value in the list. */
  readonly from?: string | number
  /** All values in the list are less. */
  readonly to?: string | number
}

/** Where a document is in a list. */
export interface ListedPlace {
  readonly place: string
  /** Its value of the field that the list is ordered by. */
  readonly value?: string | number
}

export interface ListedDocument {
  readonly key: string
  readonly document: unknown
  /** The stream version it reflects. Single-stream views only. */
  readonly version?: number
  /**
   * The document's place in the lists of its view. It is unique, and changes only with the document's sort
   * key.
   */
  readonly place: string
}

/** The read consistency: `exact` is the account's own, `relaxed` a weaker one at half the price. */
export type Freshness = 'exact' | 'relaxed'

/** One generation of one view. All writes are conditional. */
export interface ViewStore {
  /** The maximum number of applied markers in one write. */
  readonly maxMarkersPerWrite: number
  read(key: string, freshness?: Freshness): Promise<ViewDocument | undefined>
  /** Single-stream views: writes the document and the cursor, in one item. */
  writeDocument(key: string, write: ViewWrite, cursor: Cursor): Promise<WriteResult>
  /**
   * Multi-stream views: writes the document and an applied marker for each event (`<stream>@<version>`) in
   * one atomic write, with at most `maxMarkersPerWrite` markers.
   */
  writeWithMarkers(key: string, write: ViewWrite, markers: readonly string[]): Promise<MarkerWriteResult>
  /** Which of these applied markers the document has. */
  readMarkers(key: string, markers: readonly string[]): Promise<ReadonlySet<string>>
  readCursor(stream: string): Promise<StoredCursor | undefined>
  writeCursor(stream: string, cursor: Cursor, etag: string | undefined): Promise<WriteResult>
  /** Lists documents by place, descending: by sort key, then by key. */
  list(list: ViewList, freshness?: Freshness): Promise<readonly ListedDocument[]>
}

export interface ViewGeneration {
  readonly number: number
  /** The same object while the generation is in use. */
  readonly store: ViewStore
}

/** The state of a view's pointer, with the stores of its generations. */
export interface ViewState {
  /** The generation that queries read. */
  readonly live: ViewGeneration
  /**
   * The generations that projections write, in this order: the live one alone, or another one before it
   * during a dual-write.
   */
  readonly writeTargets: readonly ViewGeneration[]
  /** The pointer's other generations. */
  readonly others: readonly ViewGeneration[]
  /** The view whose documents store this view's cursors. Absent: they are separate items. */
  readonly cursorsIn?: string
}

/** The stores of a service's views. */
export interface ViewStores {
  state(view: string): Promise<ViewState>
}

/** Manages the generations of a service's views. */
export interface ViewGenerations {
  /** The pointer and its etag. If none was ever written: generation 1 is live, and there is no etag. */
  readPointer(view: string): Promise<{ readonly pointer: ViewPointer; readonly etag: string | undefined }>
  /** Writes the pointer if its etag is unchanged. A stored pointer with the same stamp counts as written. */
  writePointer(view: string, pointer: ViewPointer, etag: string | undefined): Promise<WriteResult>
  /** @param use `rebuild` if many documents are written at once, each by this store alone. */
  store(view: string, generation: number, use?: 'rebuild'): ViewStore
  /** The documents of a generation whose cursors contain the progress of other views, in pages. */
  passed(view: string, generation: number): AsyncIterable<readonly { readonly key: string; readonly cursor: Cursor }[]>
  /**
   * Deletes the generations the pointer no longer names. Generations with a higher number than the pointer
   * knows are newer and stay.
   */
  sweep(view: string, pointer: ViewPointer): Promise<void>
  /** Which code has written each generation, and the etag. Without an etag, nothing was ever recorded. */
  readCodes(view: string): Promise<{ readonly codes: GenerationCodes; readonly etag: string | undefined }>
  /** Writes these codes if their etag is unchanged. */
  writeCodes(view: string, codes: GenerationCodes, etag: string | undefined): Promise<WriteResult>
}

/** Stores the last rebuild of each view. */
export interface RebuildStore {
  /**
   * The stored rebuild and its etag; undefined if there is none.
   * @throws TidemarkError `unavailable`
   */
  read(view: string): Promise<{ readonly rebuild: StoredRebuild; readonly etag: string } | undefined>
  /**
   * Writes the rebuild if its etag is unchanged.
   * @throws TidemarkError `unavailable`, `outcome-unknown`
   */
  write(view: string, rebuild: StoredRebuild, etag: string | undefined): Promise<WriteResult>
}

/** The log's items as they are stored: commits, receipts, and whatever else is in the container. */
export interface ItemFeed {
  /**
   * Opens a reader at the log's beginning, or where another reader was. Each item comes once, even if the log's
   * partitions are split. An item that is changed later comes again.
   * @param continuation of a page that a reader returned.
   */
  open(continuation?: string): ItemReader
}

export interface ItemReader {
  /**
   * The next page. The items of each stream are in order. After an error, open another reader.
   * @throws TidemarkError `unavailable`, `container-missing`; `archive-broken` if the continuation belongs to
   *   another log.
   */
  next(): Promise<ItemPage>
}

/** Items of the log, without the properties that only Cosmos DB gives a meaning. */
export interface ItemPage {
  readonly items: readonly object[]
  /** Where the next page begins. */
  readonly continuation: string
  /** Whether the reader has seen the end of every partition: the rest is newer. */
  readonly atEnd: boolean
  /** When the store wrote the oldest and the newest item: RFC 3339, UTC. Absent: there is no item. */
  readonly written?: { readonly oldest: string; readonly newest: string }
}

/** Puts archived items back into the log, for a restore. */
export interface ItemWriter {
  /**
   * Creates items of one stream, in order. It never changes an item that exists. After an error, some are created.
   * @returns the items that the log has with another content.
   * @throws TidemarkError `unavailable`, `outcome-unknown`, `container-missing`
   */
  create(items: readonly object[]): Promise<readonly object[]>
  /**
   * How many items a query finds. A container that Cosmos DB restored may have items that its change feed lacks.
   * @throws TidemarkError `unavailable`, `container-missing`
   */
  count(): Promise<number>
}

/** What a restore knows of archived items. It may have more than memory holds. */
export interface ItemIndex {
  /** How many items were added. */
  readonly size: number
  /** Adds an item, unless it was added before. @param content a hash. @returns the content that was added first. */
  add(item: string, content: string): string
  /** The content of an item; undefined if it was not added. */
  content(item: string): string | undefined
  /** Notes that the log has an item that was added. @returns false if that was noted before. */
  see(item: string): boolean
  isSeen(item: string): boolean
  /** Notes the version and hash of an event. */
  reach(stream: string, head: StreamHead): void
  /** The event with the highest version that was noted; `EMPTY_STREAM` if none was. */
  end(stream: string): StreamHead
}

/** The leases with which the relay follows the change feed. Without any, it publishes the whole log again. */
export interface RelayLeases {
  /** @throws TidemarkError `unavailable`, `container-missing` */
  count(): Promise<number>
  /**
   * Removes all of them.
   * @throws TidemarkError `unavailable`, `outcome-unknown`, `container-missing`
   */
  clear(): Promise<void>
}

/** The segments of a service's archive: see core/archive.ts. A segment never changes. */
export interface Archive {
  /**
   * Creates a segment, unless its number exists. `exists` may also mean that an earlier try has created it.
   * @throws TidemarkError `outcome-unknown`, `container-missing`
   */
  create(number: number, bytes: Uint8Array): Promise<'created' | 'exists'>
  /** @throws TidemarkError `unavailable`, `container-missing` */
  has(number: number): Promise<boolean>
  /**
   * A segment as it is stored; undefined if there is none with this number.
   * @throws TidemarkError `unavailable`, `container-missing`
   */
  read(number: number): Promise<Uint8Array | undefined>
  /**
   * The numbers of all segments after one, ascending, each with its stored size in bytes.
   * @throws TidemarkError `unavailable`, `container-missing`
   */
  list(after: number): AsyncIterable<{ readonly number: number; readonly bytes: number }>
}

/** Encrypts the keys of subjects with a wrapping key, which never leaves its vault, or its file on a laptop. */
export interface KeyWrap {
  /**
   * Encrypts a key. The result is a text that `unwrap` understands, also after the wrapping key has a new
   * version.
   * @throws TidemarkError `unavailable`; `keys-refused` if the vault does not let this service, or the key file of
   *   a laptop cannot be used; `keys-disabled` if the wrapping key is disabled, expired or deleted
   */
  wrap(key: Uint8Array): Promise<string>
  /** @throws TidemarkError as `wrap`; `personal-unreadable` if it was changed, or another key has wrapped it */
  unwrap(wrapped: string): Promise<Uint8Array>
}

/** The place of the wrapping keys: a vault and an identity, or a file on a laptop. */
export type KeyWrapConnection =
  | { readonly file: string }
  | {
      readonly vaultUri: string
      readonly credential: Extract<BlobConnection, { serviceUri: string }>['credential']
    }

/** Who had a subject forgotten, when and why. */
export interface Forgotten {
  /** RFC 3339, UTC, milliseconds. */
  readonly time: string
  readonly actor: string
  readonly reason: string
}

/** The item of a subject in the container `keys`: its newest key, or a tombstone in its place. */
export interface KeyItem {
  /** The subject's id. */
  readonly id: string
  /** Of its newest key, from 1. Keys of earlier generations are destroyed. */
  readonly generation: number
  /** The key, encrypted by `KeyWrap`. Absent: it is destroyed. */
  readonly wrapped?: string
  readonly forgotten?: Forgotten
}

/** The container `keys` of a service. */
export interface KeyItems {
  /**
   * The item of a subject and its etag; undefined if there is none.
   * @throws TidemarkError `unavailable`, `container-missing`; `keys-refused` if this service may not read it
   */
  read(id: string): Promise<{ readonly item: KeyItem; readonly etag: string } | undefined>
  /**
   * Creates the item, or replaces it if its etag is unchanged.
   * @throws TidemarkError `unavailable`, `container-missing`, `outcome-unknown`
   */
  write(item: KeyItem, etag: string | undefined): Promise<WriteResult>
}

/** Where the keys of a service's subjects are. */
export interface KeyStorage {
  readonly items: KeyItems
  readonly wrap: KeyWrap
}

/** What the container `keys` knows of a subject. */
export interface SubjectKey {
  /** The id of its newest key. Keys of earlier generations are destroyed. */
  readonly keyId: string
  /** Present if this key is destroyed too. */
  readonly forgotten?: Forgotten
}

/** Reads the keys of a service's subjects. */
export interface PersonalKeyReader {
  /**
   * Finds a key by its id; undefined only if it was destroyed.
   * @throws TidemarkError `unavailable`, `container-missing`, `keys-refused`; `personal-unreadable` if the
   *   container never had this key, or it cannot be unwrapped
   */
  find(keyId: string): Promise<Uint8Array | undefined>
}

/** The keys of a service's subjects. A subject is named as deciders name it. */
export interface PersonalKeys extends PersonalKeyReader {
  /**
   * The newest key of a subject. Creates one if there is none or the last one is destroyed.
   * @param onDestroyed is called with the id of a destroyed key before another takes its place, and may throw.
   * @throws TidemarkError as `find`, and `outcome-unknown`
   */
  findOrCreate(subject: string, onDestroyed?: (keyId: string) => void): Promise<PersonalKey>
  /**
   * What is known of a subject; undefined if it never had a key.
   * @throws TidemarkError `unavailable`, `container-missing`
   */
  look(subject: string): Promise<SubjectKey | undefined>
  /**
   * Destroys the key of a subject. If it is destroyed already, the first tombstone stays. Undefined if it never
   * had one.
   * @throws TidemarkError `unavailable`, `container-missing`, `outcome-unknown`
   */
  destroy(subject: string, why: Forgotten): Promise<Required<SubjectKey> | undefined>
}

export interface Clock {
  /** The time shared by all instances, from the store's clock: RFC 3339, UTC, milliseconds. */
  now(): string
  /** Milliseconds since a fixed point. Use it for timeouts, never for order. */
  elapsed(): number
  /** Resolves after this many milliseconds. */
  wait(milliseconds: number): Promise<void>
}

/** Generates globally unique ids. */
export type Ids = () => string

/** The maximum number of events one command may append. */
export const MAX_EVENTS = 500
