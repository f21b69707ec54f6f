import type { ServiceAbout } from './about.ts'
import type { RecordedEvent } from './event.ts'
import type {
  ConsumerParkedMessage,
  ConsumerParkedStream,
  DiscardReason,
  Parked,
  ParkedAction,
  ParkedActionResult,
  ParkedChoice,
} from './parking.ts'
import type { Checked, Finding, ScheduledPage } from './ports.ts'
import type { Trace } from './reaction.ts'
import type { Rebuild, RebuildAction } from './rebuild.ts'
import type { ServiceStatus } from './status.ts'
import type { AnyView } from './view.ts'

/** A page of something, and what brings the next; absent at the end. */
export interface PageOf<Item> {
  readonly items: readonly Item[]
  readonly continuation?: string
}

/** Streams that somebody looks for. */
export interface StreamsQuery {
  readonly category?: string
  /** How their names begin. */
  readonly prefix?: string
  readonly limit: number
  readonly continuation?: string
}

/**
 * A stream as a list shows it.
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
  /** Of its newest event. */
  readonly version: number
  /** When that was recorded: RFC 3339, UTC, milliseconds. */
  readonly time: string
  /** What its last command recorded, or its last event. */
  readonly types: readonly string[]
}

/** Which events somebody follows as they are recorded. */
export interface TailQuery {
  readonly category?: string
  readonly type?: string
  readonly limit: number
  /** The continuation of the answer before. */
  readonly after?: string
}

/** A document as people who look around in a view find it. */
export interface FoundDocument {
  readonly key: string
  /** Of a view of single streams: how far it has come. */
  readonly version?: number
  readonly document: unknown
}

/** What somebody looks for in a view. */
export interface DocumentSearch {
  readonly filter: Readonly<Record<string, string>>
  /** What the document says somewhere, in its key or in its JSON, in capitals or not. Absent: all are found. */
  readonly search?: string
  /** Absent: the live one. */
  readonly generation?: number
  /** The document with this key alone, whatever it says. */
  readonly key?: string
  readonly limit: number
  readonly continuation?: string
}

export interface FoundDocuments extends PageOf<FoundDocument> {
  /** How many were looked at. */
  readonly searched: number
}

/**
 * What a part of a log looks like to whoever verifies it.
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
  /** The first of what was found. */
  readonly findings: readonly Finding[]
  /** How much was found in all of this part. */
  readonly found: number
  /** Items that were looked at, of this part and those before it, and how many there are. */
  readonly progress: { readonly done: number; readonly total: number }
  /** Brings the next part; absent at the end. */
  readonly continuation?: string
}

/**
 * A view and its generations.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import type { ViewSummary } from 'tidemark/tools'
 *
 * // The generation that somebody may promote.
 * const built = ({ generations }: ViewSummary) => generations.find(({ role }) => role === 'built')?.number
 * const titles = { name: 'titles', kind: 'one-stream', category: 'entry', filters: {}, live: 1 } as const
 * assert.equal(built({ ...titles, generations: [{ number: 1, role: 'live' }] }), undefined)
 * assert.equal(built({ ...titles, generations: [{ number: 2, role: 'built' }] }), 2)
 * ```
 */
export interface ViewSummary {
  readonly name: string
  readonly kind: 'one-stream' | 'many-streams'
  readonly category: string
  readonly filters: Readonly<Record<string, readonly string[]>>
  /** The generation that queries read. */
  readonly live: number
  /**
   * `built`: it waits to be promoted; `writing`: projections or a rebuild write it, or one did that ended
   * early; `previous`: it can be gone back to, and was left at `left`.
   */
  readonly generations: readonly {
    readonly number: number
    readonly role: 'live' | 'built' | 'writing' | 'previous'
    readonly left?: string
  }[]
  /** The last that there was. */
  readonly rebuild?: Rebuild
}

/** What whoever looks after a running service can ask of it. */
export interface Operations {
  /** How far all is behind, and what waits. @throws TidemarkError `unavailable` where the store was never reached */
  status(): Promise<ServiceStatus>
  /** What waits, of what is chosen. @throws TidemarkError `unavailable` */
  parked(choice: ParkedChoice): Promise<Parked>
  /**
   * What waits and is chosen for something to be done about it.
   * @throws TidemarkError `invalid-command` where all would be given up; `not-parked` where nothing that
   * waits is chosen; `unavailable`
   */
  chooseParked(
    choice: ParkedChoice,
    action: ParkedAction,
  ): Promise<readonly (ConsumerParkedStream | ConsumerParkedMessage)[]>
  /** Does something about what was chosen, one after another, and tells of each. */
  actOnParked(
    chosen: readonly (ConsumerParkedStream | ConsumerParkedMessage)[],
    action: ParkedAction,
    why: DiscardReason,
    trace: Trace,
  ): AsyncIterable<ParkedActionResult>
  /** What the service declares. */
  about(): ServiceAbout
  /** @throws TidemarkError `unavailable`, `invalid-query` */
  streams(query: StreamsQuery): Promise<PageOf<StreamSummary>>
  /** Events as they are recorded. @throws TidemarkError `unavailable`, `invalid-query` */
  events(query: TailQuery): Promise<Required<PageOf<RecordedEvent>>>
  /** All that one request set off in this service. @throws TidemarkError `unavailable`, `invalid-query` */
  trace(correlation: string, limit: number, continuation?: string): Promise<PageOf<RecordedEvent>>
  /** @throws TidemarkError `unavailable` */
  views(): Promise<readonly ViewSummary[]>
  /** @throws TidemarkError `unavailable`, `invalid-query` */
  findDocuments(view: AnyView, search: DocumentSearch): Promise<FoundDocuments>
  /**
   * The events that a document is made of, those of a stream in its order. A page may have none, and more to look at.
   * @throws TidemarkError `unavailable`, `invalid-query`
   */
  documentEvents(
    view: AnyView,
    query: { readonly key: string; readonly limit: number; readonly continuation?: string },
  ): Promise<PageOf<RecordedEvent>>
  /** Begins it: it goes on in the background. @throws TidemarkError `unavailable`, `view-contended` */
  rebuild(view: AnyView, action: RebuildAction, by: string, trace: Trace): Promise<Rebuild>
  /** The commands that wait for their time. @throws TidemarkError `unavailable`, `invalid-query` */
  scheduled(limit: number, continuation?: string): Promise<ScheduledPage>
  /** Verifies a part of the log. @throws TidemarkError `unavailable`, `invalid-query` */
  verify(continuation?: string): Promise<Verification>
}
