import type { CommandMetadata } from './command.ts'
import type { HistoryRange, KeyOutcome, LogEntry, RecordedCommit } from './commit.ts'
import type { Command } from './decider.ts'
import type { RecordedEvent } from './event.ts'
import type { LogHead, StreamHead } from './hash-chain.ts'
import type { StoredRebuild } from './rebuild.ts'
import type { Snapshot } from './snapshot.ts'
import type { ViewPointer } from './view-pointer.ts'

/**
 * - `appended`: all of it is in the log.
 * - `conflict`: the version or the key of one entry is there already; nothing was written.
 * - `missing`: the commit that these follow is not there; nothing was written.
 */
export type AppendResult =
  | { readonly outcome: 'appended' }
  | {
      readonly outcome: 'conflict'
      /**
       * Which of the entries. The version of a commit that is not the first of them cannot be taken: then it
       * is the key.
       */
      readonly index: number
    }
  | { readonly outcome: 'missing' }

/** What a log takes. */
export interface LogLimits {
  /** Commits and receipts of one append. */
  readonly entries: number
  /** Of one append, in bytes. */
  readonly bytes: number
  /** Of one event, as the hub gets it: what is in the log must be publishable. */
  readonly eventBytes: number
}

/** A service's log. */
export interface EventStore {
  readonly limits: LogLimits
  /**
   * The commits of a stream that end after a version, in order, in pages: one page is in memory at a time.
   * @throws TidemarkError `unavailable`, `container-missing`, `event-unreadable`
   */
  read(stream: string, after: number): AsyncIterable<readonly RecordedCommit[]>
  /**
   * How the key of a command ended; undefined where the log does not know it.
   * @throws TidemarkError `unavailable`, `container-missing`
   */
  findOutcome(stream: string, key: string): Promise<KeyOutcome | undefined>
  /**
   * Writes commits and receipts of one stream in one atomic write, at most `limits.entries`, each key once.
   * @param after what the first commit follows; the commits are without a gap. Receipts alone follow nothing.
   * @throws TidemarkError `outcome-unknown` where it may or may not have been written; `unavailable` where it
   * was not; `decision-too-large` where the entries are too large for one write; `chain-broken` where they
   * were written, but not after the event that `after` names: the log was changed or restored.
   */
  append(after: LogHead, entries: readonly LogEntry[]): Promise<AppendResult>
}

/** Snapshots of a service's aggregates. All of them may be lost at any time. */
export interface Snapshots {
  /**
   * The snapshot of a stream with this id; undefined where there is none, or none that can be read.
   * @throws TidemarkError `unavailable`, `container-missing`
   */
  read(stream: string, id: string): Promise<Snapshot | undefined>
  /**
   * Writes a snapshot, in place of the one that is there.
   * @throws TidemarkError `unavailable`, `container-missing`, `outcome-unknown`
   */
  write(stream: string, id: string, snapshot: Snapshot): Promise<void>
}

/** A service's log, for those who look back: commands and projections need only `EventStore`. */
export interface EventHistory {
  /** The events of a part of a stream, in its reading order; none where the stream or the part has none. */
  readRange(stream: string, range: HistoryRange): Promise<readonly RecordedEvent[]>
}

/** A service's whole log, for those who build something from all of it. */
export interface EventFeed {
  /** How many commits there are. */
  count(): Promise<number>
  /** A reader that begins with the first commit, or where `start` says. */
  open(start?: FeedStart): EventFeedReader
}

/** Where a reader of a feed begins. */
export interface FeedStart {
  /** With the first commit that was written at this time or later: RFC 3339. */
  readonly since?: string
  /**
   * After what another reader had returned, by its `position`. Some of that may come again: all of it, where
   * the log was divided meanwhile.
   */
  readonly offset?: string
}

export interface EventFeedReader {
  /**
   * The next commits, at least one, each stream's in order. Undefined ends a round: everything has been
   * returned that was in the log when the round began, that is at the first call or at the one after the last
   * undefined. The next call goes on with what came since; after an error, with what was not returned yet.
   * @throws TidemarkError `unavailable`
   */
  next(): Promise<readonly RecordedCommit[] | undefined>
  /** How far it has come, for another reader to go on there. Undefined: it has returned nothing yet. */
  readonly offset: string | undefined
}

/** Which commits are meant; all of them where nothing is said. */
export interface CommitFilter {
  /** Of the streams. */
  readonly category?: string
  /** Of one event at least. */
  readonly type?: string
}

/** Commits, and what brings those that come next; absent at the end. */
export interface CommitPage {
  readonly commits: readonly RecordedCommit[]
  readonly continuation?: string
}

/**
 * A service's log, for people who look around in it. What is damaged is left out: `npm run verify` names it.
 * A continuation is opaque, and one that no page gave is refused.
 */
export interface LogBrowser {
  /**
   * The newest commits, the newest first; those of one second in any order. Page by page none is missed; one
   * may come twice where others are written in the same second. @throws TidemarkError `unavailable`,
   * `invalid-query`
   */
  newest(filter: CommitFilter, limit: number, continuation?: string): Promise<CommitPage>
  /** The streams whose names begin so, by name. @throws TidemarkError `unavailable` */
  streams(prefix: string, limit: number, after?: string): Promise<readonly string[]>
  /**
   * The commits of a correlation, the oldest first; those of one second in any order.
   * @throws TidemarkError `unavailable`, `invalid-query`
   */
  correlated(correlation: string, limit: number, continuation?: string): Promise<CommitPage>
  /** A continuation for what is appended from now on. @throws TidemarkError `unavailable` */
  end(): Promise<string>
  /**
   * What was appended since a continuation of `end` or of this was given, each stream's commits in order:
   * about so many, and the continuation of what comes after them. None: that is all for now. @throws
   * TidemarkError `unavailable`, `invalid-query`
   */
  since(continuation: string, limit: number): Promise<Required<CommitPage>>
}

/** Where something in a log is not as it was written. */
export interface Finding {
  /** `order-1@3`, an item, or a stream. */
  readonly place: string
  /** One word: `changed`, `missing`, `inserted`. */
  readonly wrong: string
  readonly detail: string
}

/** What was looked at of a log. */
export interface Checked {
  readonly streams: number
  readonly commits: number
  readonly events: number
  readonly receipts: number
}

/** Looks whether a log is as it was written. It shares no code with what writes it. */
export interface LogVerifier {
  /** How many items there are: commits and receipts. @throws TidemarkError `unavailable` */
  count(): Promise<number>
  /**
   * Checks the streams that come after one by name, until it is enough, which is asked after each.
   * @returns `next`: the stream that the next part comes after; absent: that was all.
   * @throws TidemarkError `unavailable`
   */
  verify(
    after: string | undefined,
    isEnough: (findings: number) => boolean,
  ): Promise<{ readonly checked: Checked; readonly findings: readonly Finding[]; readonly next?: string }>
}

/** The way from a service's log to its hub. */
export interface EventPublisher {
  /**
   * Publishes events of one stream in their order; settled when the hub has them all. May be called again
   * with the same.
   * @param batch the W3C traceparent of what publishes them.
   */
  publish(stream: string, events: readonly RecordedEvent[], batch?: string): Promise<void>
}

/**
 * How far the views of a category have come in one of its streams. It stands in the document of the stream,
 * where the category has a view of single streams; otherwise in an item of its own.
 */
export interface Cursor extends StreamHead {
  /**
   * When the event was recorded: one that is no later in the stream, but came later, is of a log that was
   * restored. RFC 3339
   */
  readonly time: string
  /** How far views of many streams have come: versions by view and generation, `sales-by-product@1`. */
  readonly passed?: Readonly<Record<string, number>>
  /**
   * The views that wait in this stream, each with the version of the first event that it could not process;
   * by view and generation.
   */
  readonly parked?: Readonly<Record<string, number>>
}

/** A document of a view as it is stored. */
export interface ViewDocument {
  readonly document: unknown
  /** Present in views of single streams. */
  readonly cursor?: Cursor
  /** Changes with every write. */
  readonly etag: string
}

/** What is written of a document: undefined keeps the position of a stream whose events make no document. */
export interface ViewWrite {
  readonly document: unknown
  readonly sort: string
  /** The document's etag when it was read; undefined where it was not there. */
  readonly etag: string | undefined
}

/**
 * - `written`: with the new etag.
 * - `conflict`: what is there is not what was read; nothing was written.
 * - `applied`: an event of these was applied to this document before; nothing was written.
 */
export type WriteResult = { readonly outcome: 'written'; readonly etag: string } | { readonly outcome: 'conflict' }
export type MarkerWriteResult = WriteResult | { readonly outcome: 'applied' }

/** A cursor that is an item of its own. */
export interface StoredCursor {
  readonly cursor: Cursor
  readonly etag: string
}

/** A place in one partition of a hub. */
export interface HubPoint {
  /** Event Hubs numbers a partition's messages without a gap. */
  readonly sequence: number
  /**
   * When the hub took the message: RFC 3339, UTC, milliseconds. It tells a hub that was made anew: its
   * numbers begin again, its times do not.
   */
  readonly time: string
}

/** A message of a hub, as a reader finds it. */
export interface HubMessage extends HubPoint {
  /** JSON that was parsed, or the text where it is none. */
  readonly body: unknown
}

/** A batch of one partition, as its trigger brings it: the hub has nothing between its messages. */
export interface Delivery {
  readonly partition: string
  readonly messages: readonly unknown[]
  /** The messages' numbers, one for each, where the host tells them. */
  readonly sequences?: readonly number[]
  readonly first: HubPoint
  readonly last: HubPoint
}

/** A hub, for whoever looks for messages that its trigger did not bring. */
export interface HubReader {
  partitions(): Promise<readonly string[]>
  /**
   * When the hub was made, by its own clock: later, where it was deleted and made again. RFC 3339, UTC,
   * milliseconds.
   * @throws TidemarkError `unavailable`
   */
  madeAt(): Promise<string>
  /**
   * The numbers of the oldest message that a partition still has, and of the newest that it ever had. Where
   * it has none, `first` is the number that the next one gets. @throws TidemarkError `unavailable`
   */
  bounds(partition: string): Promise<{ readonly first: number; readonly last: number }>
  /**
   * The messages of a partition from one number to another, both included, in pages; those that the hub no
   * longer has are left out. One reading of a partition at a time.
   * @throws TidemarkError `unavailable`
   */
  read(partition: string, from: number, to: number): AsyncIterable<readonly HubMessage[]>
}

/** How far each handler has come in a partition, by its name. */
export type HandlerPoints = ReadonlyMap<string, HubPoint>

/**
 * What one instance of a consumer knows of its partitions. All of it is true for ever: the handler has
 * handled all up to there.
 */
export interface InstanceProgress {
  /** Unique to the process. */
  readonly instance: string
  /** Tells builds apart that know other handlers or other events. */
  readonly build: string
  /** The handlers that the instance has. */
  readonly handlers: readonly string[]
  /** Those of them that have paused, since too many streams failed. */
  readonly paused: readonly string[]
  readonly partitions: ReadonlyMap<string, HandlerPoints>
}

/** The progress of a consumer's instances: an item each, so that no two write the same. */
export interface ProgressStore {
  /**
   * Of all instances, those that ended among them. `age` is how long ago it was written, in seconds by the
   * store's clock.
   * @throws TidemarkError `unavailable`
   */
  read(): Promise<readonly (InstanceProgress & { readonly age: number })[]>
  /** @throws TidemarkError `unavailable`, `outcome-unknown` */
  write(progress: InstanceProgress): Promise<void>
  /** Forgets an instance that has ended. */
  remove(instance: string): Promise<void>
}

/** How far the relay is behind its log. */
export interface RelayLag {
  /**
   * How many commits no lease of the relay has passed: no more than `limit` are counted, and `more` says
   * whether there are. `oldest` is when the first of them was written, RFC 3339, UTC. @throws TidemarkError
   * `unavailable`
   */
  read(limit: number): Promise<{ readonly commits: number; readonly more: boolean; readonly oldest?: string }>
}

/** A command that is sent when its time has come. */
export interface ScheduledCommand {
  readonly stream: string
  /** The command's id: however often it is sent, it takes effect once. */
  readonly key: string
  /** RFC 3339, UTC, milliseconds: not before. */
  readonly due: string
  readonly command: Command
  readonly metadata: CommandMetadata
}

/**
 * A service's commands that wait for their time. Derived from its log, whose events say what was scheduled;
 * durable all the same.
 */
export interface Schedule {
  /**
   * Keeps a command; one with the same stream and key that waits already stays as it is.
   * @throws TidemarkError `unavailable`, `outcome-unknown`
   */
  add(scheduled: ScheduledCommand): Promise<void>
  /**
   * What is due by the store's own clock, whatever the host's says: the earliest first, in pages of at most
   * `size`, each once. What is removed meanwhile is no trouble. @throws TidemarkError `unavailable`
   */
  due(size: number): AsyncIterable<readonly ScheduledCommand[]>
  /** Forgets a command; nothing where it is gone already. @throws TidemarkError `unavailable`, `outcome-unknown` */
  remove(scheduled: ScheduledCommand): Promise<void>
}

/** A service's schedule, for people who look at it. */
export interface ScheduleBrowser {
  /**
   * What waits, due or not, the earliest first: a page of at most so many. What is sent meanwhile may be missing.
   * @throws TidemarkError `unavailable`, `invalid-query` for a continuation that no page gave
   */
  list(limit: number, continuation?: string): Promise<ScheduledPage>
}

export interface ScheduledPage {
  readonly commands: readonly ScheduledCommand[]
  /** Absent at the end. */
  readonly continuation?: string
}

export interface ViewList {
  /** Field of the document and the value it must have. */
  readonly filter: Readonly<Record<string, string>>
  readonly limit: number
  /** The place after which to go on. */
  readonly after?: string
}

export interface ListedDocument {
  readonly key: string
  readonly document: unknown
  /** Of a view of single streams: how far it has come. */
  readonly version?: number
  /**
   * Where it stands in the lists of its view. No two documents have the same one, and it changes with the
   * document's sort key alone.
   */
  readonly place: string
}

/** How old what is read may be: `exact` is the account's own consistency, `relaxed` a weaker one at half the price. */
export type Freshness = 'exact' | 'relaxed'

/** One generation of one view. All writes are conditional. */
export interface ViewStore {
  /** How many marks one write takes. */
  readonly maxMarkersPerWrite: number
  read(key: string, freshness?: Freshness): Promise<ViewDocument | undefined>
  /** Views of single streams: the document and the cursor, in one item. */
  writeDocument(key: string, write: ViewWrite, cursor: Cursor): Promise<WriteResult>
  /**
   * Views of many streams: the document and a mark for each event (`<stream>@<version>`) in one atomic write; at most
   * `maxMarkersPerWrite`.
   */
  writeWithMarkers(key: string, write: ViewWrite, markers: readonly string[]): Promise<MarkerWriteResult>
  /** Which of these marks the document has. */
  readMarkers(key: string, markers: readonly string[]): Promise<ReadonlySet<string>>
  readCursor(stream: string): Promise<StoredCursor | undefined>
  writeCursor(stream: string, cursor: Cursor, etag: string | undefined): Promise<WriteResult>
  /** Documents by their places, descending: by sort key, and those that share one by their keys. */
  list(list: ViewList, freshness?: Freshness): Promise<readonly ListedDocument[]>
}

export interface ViewGeneration {
  readonly number: number
  /** The same object as long as the generation is in use. */
  readonly store: ViewStore
}

/** What a view's pointer says, with the stores that it names. */
export interface ViewState {
  /** The generation that queries read. */
  readonly live: ViewGeneration
  /**
   * The generations that projections write, in this order: the live one alone, or during a handover another
   * one before it.
   */
  readonly writeTargets: readonly ViewGeneration[]
  /** The others that the pointer names. */
  readonly others: readonly ViewGeneration[]
  /** The view whose documents have this one's cursors. Absent: they are items of its own. */
  readonly cursorsIn?: string
}

/** The stores of a service's views. */
export interface ViewStores {
  state(view: string): Promise<ViewState>
}

/** The generations of a service's views. */
export interface ViewGenerations {
  /** The pointer and its etag; where none was ever written, that the first generation is live, and no etag. */
  readPointer(view: string): Promise<{ readonly pointer: ViewPointer; readonly etag: string | undefined }>
  /**
   * Writes the pointer where its etag is still this one. What is there already with the same stamp counts as
   * written.
   */
  writePointer(view: string, pointer: ViewPointer, etag: string | undefined): Promise<WriteResult>
  store(view: string, generation: number): ViewStore
  /** The documents of a generation whose cursors say how far other views have come, in pages. */
  passed(view: string, generation: number): AsyncIterable<readonly { readonly key: string; readonly cursor: Cursor }[]>
  /**
   * Removes the generations that the pointer no longer names; those with higher numbers than it knows are
   * newer than it and stay.
   */
  sweep(view: string, pointer: ViewPointer): Promise<void>
}

/** What is kept of rebuilds: of each view the last one. */
export interface RebuildStore {
  /** With the etag of what is kept; undefined where there was none. @throws TidemarkError `unavailable` */
  read(view: string): Promise<{ readonly rebuild: StoredRebuild; readonly etag: string } | undefined>
  /** Keeps it where the etag is still this one. @throws TidemarkError `unavailable`, `outcome-unknown` */
  write(view: string, rebuild: StoredRebuild, etag: string | undefined): Promise<WriteResult>
}

export interface Clock {
  /** The time of all instances, which is the store's: RFC 3339, UTC, milliseconds */
  now(): string
  /** Milliseconds from a fixed point: for bounds, never for order. */
  elapsed(): number
  /** Settles after so many milliseconds. */
  wait(milliseconds: number): Promise<void>
}

/** New ids, unique everywhere. */
export type Ids = () => string

/** The most events that one command may append. */
export const MAX_EVENTS = 500
