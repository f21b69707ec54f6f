import type { ServiceAbout } from './about.ts'
import type { RecordedEvent } from './event.ts'
import type { FieldValues } from './list.ts'
import type {
  ConsumerParkedMessage,
  ConsumerParkedStream,
  DiscardReason,
  Parked,
  ParkedAction,
  ParkedActionResult,
  ParkedChoice,
} from './parking.ts'
import type { Checked, Finding, Forgotten, ScheduledPage } from './ports.ts'
import type { Trace } from './reaction.ts'
import type { Rebuild, RebuildAction } from './rebuild.ts'
import type { ServiceStatus } from './status.ts'
import type { AnyMultiServiceView, AnyView } from './view.ts'

/** One page of items. `continuation` fetches the next page; it is absent on the last one. */
export interface PageOf<Item> {
  readonly items: readonly Item[]
  readonly continuation?: string
}

/** A search for streams. */
export interface StreamsQuery {
  readonly category?: string
  /** The prefix of their names. */
  readonly prefix?: string
  readonly limit: number
  readonly continuation?: string
}

/**
 * A stream, as listed by the operations API.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import type { StreamSummary } from 'tidemark/tools'
 *
 * const row = ({ stream, version, types }: StreamSummary): string => `${stream}@${version} ${types.join(', ')}`
 * const newest: StreamSummary = { stream: 'entry-1', version: 2, time: '2026-03-01T06:00:00.000Z', types: ['Closed'] }
 * assert.equal(row(newest), 'entry-1@2 Closed')
 * ```
 */
export interface StreamSummary {
  readonly stream: string
  /** The version of its newest event. */
  readonly version: number
  /** When its newest event was recorded: RFC 3339, UTC, milliseconds. */
  readonly time: string
  /** The event types of its last commit, or of its last event. */
  readonly types: readonly string[]
}

/** Selects the events to follow as they are recorded. */
export interface TailQuery {
  readonly category?: string
  readonly type?: string
  readonly limit: number
  /** The continuation of the previous answer. */
  readonly after?: string
}

/** A document of a view, as found by a search. */
export interface FoundDocument {
  readonly key: string
  /** The stream version it reflects. Single-stream views only. */
  readonly version?: number
  readonly document: unknown
}

/** A search in a view. */
export interface DocumentSearch {
  readonly filter: Readonly<Record<string, string>>
  /** Text to find in the document's key or JSON, ignoring case. Absent: every document matches. */
  readonly search?: string
  /** The generation to search. Absent: the live one. */
  readonly generation?: number
  /** Returns only the document with this key, whatever its content. */
  readonly key?: string
  readonly limit: number
  readonly continuation?: string
}

/** A document to project from its events, as of a point in time. */
export interface DocumentAtQuery {
  readonly key: string
  /** Up to and including this time: RFC 3339. */
  readonly at?: string
  /** Up to this stream version; not together with `at`. Single-stream views only. */
  readonly version?: number
  readonly continuation?: string
}

/** A whole view to project, as of a point in time. */
export interface ViewAtQuery {
  /** Up to and including this time: RFC 3339. */
  readonly at: string
  readonly limit: number
  /** The most events of the log to read. */
  readonly maxEvents: number
  /** The continuation of the previous page. */
  readonly continuation?: string
}

/**
 * A part of the way to a document. Without a continuation, it is the last part.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import type { DocumentAt } from 'tidemark/tools'
 *
 * const line = ({ items, events, continuation }: DocumentAt): string =>
 *   continuation ? `${events} events so far` : JSON.stringify(items[0]?.document)
 * assert.equal(line({ items: [], events: 7, continuation: 'x' }), '7 events so far')
 * ```
 */
export interface DocumentAt extends PageOf<FoundDocument> {
  /** The document, with the last part. Empty in the last part: there was no such document. */
  readonly items: readonly FoundDocument[]
  /** How many events it was projected from so far. */
  readonly events: number
}

/** A part of the log to read. */
export interface LogQuery {
  readonly category: string
  /** The view for which to report discarded events. */
  readonly view?: string
  readonly limit: number
  readonly continuation?: string
}

/**
 * A part of the events of a category, from the first event on.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import type { LogPart } from 'tidemark/tools'
 *
 * const next = ({ more, continuation }: LogPart): string | undefined => (more ? continuation : undefined)
 * const progress = { done: 70, total: 70 }
 * assert.equal(next({ items: [], discarded: [], progress, continuation: 'end', more: false }), undefined)
 * ```
 */
export interface LogPart extends Required<PageOf<RecordedEvent>> {
  /** The positions of the items that were discarded for the view, such as `order-1@7`. */
  readonly discarded: readonly string[]
  /** Commits read so far, including earlier parts, and how many the log had at the start. */
  readonly progress: { readonly done: number; readonly total: number }
  /** Whether the log had more when this part was read. If not, the continuation leads to newer events. */
  readonly more: boolean
}

export interface FoundDocuments extends PageOf<FoundDocument> {
  /** How many documents were searched. */
  readonly searched: number
}

/**
 * The result of verifying one part of a log.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import type { Verification } from 'tidemark/tools'
 *
 * const percent = ({ progress: { done, total } }: Verification): number =>
 *   Math.floor((100 * done) / Math.max(total, 1))
 * const checked = { streams: 30, commits: 70, events: 90, receipts: 5 }
 * const progress = { done: 75, total: 150 }
 * assert.equal(percent({ checked, findings: [], found: 0, progress, continuation: 'entry-30' }), 50)
 * ```
 */
export interface Verification {
  readonly checked: Checked
  /** The first findings in this part. */
  readonly findings: readonly Finding[]
  /** The number of all findings in this part. */
  readonly found: number
  /** Items checked so far, including earlier parts, and the total number of items. */
  readonly progress: { readonly done: number; readonly total: number }
  /** Fetches the next part; absent at the end. */
  readonly continuation?: string
}

/**
 * A view and its generations.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import type { ViewSummary } from 'tidemark/tools'
 *
 * // The generation that can be promoted.
 * const built = ({ generations }: ViewSummary) => generations.find(({ role }) => role === 'built')?.number
 * const titles = { name: 'titles', kind: 'one-stream', category: 'entry', filters: {}, live: 1 } as const
 * assert.equal(built({ ...titles, generations: [{ number: 1, role: 'live' }] }), undefined)
 * assert.equal(built({ ...titles, generations: [{ number: 2, role: 'built' }] }), 2)
 * ```
 */
export interface ViewSummary {
  readonly name: string
  readonly kind: AnyView['kind']
  /** For a view over several services: `ordering/order, payments/payment`. */
  readonly category: string
  readonly filters: Readonly<Record<string, FieldValues>>
  /** The generation that queries read. */
  readonly live: number
  /**
   * - `built`: waits to be promoted.
   * - `writing`: projections or a rebuild write it, or a rebuild that ended early did.
   * - `previous`: it can be rolled back to; it stopped being live at `left`.
   */
  readonly generations: readonly {
    readonly number: number
    readonly role: 'live' | 'built' | 'writing' | 'previous'
    readonly left?: string
  }[]
  /** The most recent rebuild. */
  readonly rebuild?: Rebuild
}

/**
 * What a service knows of a subject.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import type { SubjectState } from 'tidemark/tools'
 *
 * const line = ({ state, forgotten }: SubjectState): string => (forgotten ? `since ${forgotten.time}` : state)
 * assert.equal(line({ subject: '0'.repeat(32), state: 'no-key' }), 'no-key')
 * ```
 */
export interface SubjectState {
  /** Its id, which is a hash of its name. */
  readonly subject: string
  /** `no-key`: the service never sealed anything for it. */
  readonly state: 'no-key' | 'has-key' | 'forgotten'
  /** The id of its newest key. */
  readonly key?: string
  /** `everywhere`: when every process of the service has forgotten the key. */
  readonly forgotten?: Forgotten & { readonly everywhere: string }
  /** The position of the event that records it: `erasure-…@1`. Only in the answer to a request to forget. */
  readonly position?: string
}

/** What an operator can query and do in a running service. */
export interface Operations {
  /**
   * How far everything is behind, and what is parked.
   * @throws TidemarkError `unavailable` if the store was never reached
   */
  status(): Promise<ServiceStatus>
  /**
   * The parked streams and messages that match the choice.
   * @throws TidemarkError `unavailable`
   */
  parked(choice: ParkedChoice): Promise<Parked>
  /**
   * Selects parked streams and messages for an action.
   * @throws TidemarkError `invalid-command` if the choice would discard everything; `not-parked` if nothing
   *   parked matches it; `unavailable`
   */
  chooseParked(
    choice: ParkedChoice,
    action: ParkedAction,
  ): Promise<readonly (ConsumerParkedStream | ConsumerParkedMessage)[]>
  /** Performs the action on each selected item in turn, and yields the result of each. */
  actOnParked(
    chosen: readonly (ConsumerParkedStream | ConsumerParkedMessage)[],
    action: ParkedAction,
    why: DiscardReason,
    trace: Trace,
  ): AsyncIterable<ParkedActionResult>
  /** The service's declaration. */
  about(): ServiceAbout
  /** @throws TidemarkError `unavailable`, `invalid-query` */
  streams(query: StreamsQuery): Promise<PageOf<StreamSummary>>
  /**
   * Events as they are recorded.
   * @throws TidemarkError `unavailable`, `invalid-query`
   */
  events(query: TailQuery): Promise<Required<PageOf<RecordedEvent>>>
  /**
   * Every event that one request caused in this service.
   * @throws TidemarkError `unavailable`, `invalid-query`
   */
  trace(correlation: string, limit: number, continuation?: string): Promise<PageOf<RecordedEvent>>
  /** @throws TidemarkError `unavailable` */
  views(): Promise<readonly ViewSummary[]>
  /** @throws TidemarkError `unavailable`, `invalid-query` */
  findDocuments(view: AnyView, search: DocumentSearch): Promise<FoundDocuments>
  /**
   * The events that a document was built from; those of one stream are in order. A page can be empty and
   * still have a continuation.
   * @throws TidemarkError `unavailable`, `invalid-query`
   */
  documentEvents(
    view: AnyView,
    query: { readonly key: string; readonly limit: number; readonly continuation?: string },
  ): Promise<PageOf<RecordedEvent>>
  /**
   * Projects a document as of a point in time, part by part.
   * @throws TidemarkError `unavailable`, `invalid-query`, `invalid-time`, `version-not-found`; `event-unknown`,
   *   `event-unreadable`, `handler-failed` for an event that the view cannot apply.
   */
  documentAt(view: AnyView, query: DocumentAtQuery): Promise<DocumentAt>
  /**
   * Projects a whole view as of a point in time, and returns a page of its documents by key.
   * @throws TidemarkError `log-too-long`; `unavailable`, `invalid-query`, `invalid-time`; `event-unknown`,
   *   `event-unreadable`, `handler-failed` for an event that the view cannot apply.
   */
  viewAt(view: AnyView, query: ViewAtQuery): Promise<DocumentAt>
  /**
   * Reads the events of a category from the first on, part by part.
   * @throws TidemarkError `unavailable`, `invalid-query`
   */
  readLog(query: LogQuery): Promise<LogPart>
  /**
   * Reads what a view over several services follows, from the first event on, part by part: archives, then hubs.
   * Events may come again. Those that the view does not handle have an empty type, and no data.
   * @throws TidemarkError `unavailable`, `invalid-query`, `archive-gap`, `archive-broken`, `archive-changed`,
   *   `archive-unreadable`
   */
  readSources(view: AnyMultiServiceView, query: Pick<LogQuery, 'limit' | 'continuation'>): Promise<LogPart>
  /**
   * Starts a rebuild, which continues in the background.
   * @throws TidemarkError `unavailable`, `view-contended`
   */
  rebuild(view: AnyView, action: RebuildAction, by: string, trace: Trace): Promise<Rebuild>
  /**
   * The scheduled commands that are not sent yet.
   * @throws TidemarkError `unavailable`, `invalid-query`
   */
  scheduled(limit: number, continuation?: string): Promise<ScheduledPage>
  /**
   * Whether a subject has a key.
   * @throws TidemarkError `unavailable`, `container-missing`
   */
  lookSubject(subject: string): Promise<SubjectState>
  /**
   * Forgets a subject: destroys its key, and records that in the log. A repeat changes nothing.
   * @throws TidemarkError `unavailable`, `container-missing`, `outcome-unknown`
   */
  forgetSubject(subject: string, why: DiscardReason): Promise<SubjectState>
  /** Verifies a part of the log. @throws TidemarkError `unavailable`, `invalid-query` */
  verify(continuation?: string): Promise<Verification>
}
