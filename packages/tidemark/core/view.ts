import type { StandardSchemaV1 } from '@standard-schema/spec'
import { TidemarkError } from './errors.ts'
import type { DomainEvent, EventOf, EventType, Recorded } from './event.ts'
import { asJson, describeFault } from './json.ts'
import type { FieldValues } from './list.ts'

/**
 * A view with one document for each stream of a category. The document is that stream's projection and
 * carries its own cursor: the stream version it has reached.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import type { SingleStreamView } from 'tidemark'
 * import type { Opened } from './entry.ts'
 *
 * const covers: SingleStreamView<{ title: string; size: 'small' | 'large' }, Opened> = {
 *   kind: 'one-stream',
 *   name: 'covers',
 *   category: 'entry',
 *   filters: { size: ['small', 'large'] },
 *   evolve: (_, { data: { title } }) => ({ title, size: title.length < 40 ? 'small' : 'large' }),
 *   sort: ({ title }) => title,
 * }
 * assert.equal(covers.sort({ title: 'a title', size: 'small' }), 'a title')
 * ```
 */
export interface SingleStreamView<Document, Event extends DomainEvent> {
  readonly kind: 'one-stream'
  /** Also the name of its container: lower-case letters, digits and dashes. */
  readonly name: string
  readonly category: string
  /**
   * The events this view handles; it skips all others. Without it, the view handles every event of the
   * category. An event this code does not know then blocks its stream in the view until a build that knows it
   * is deployed. Rebuild the view after you add an event here.
   */
  readonly events?: readonly EventType[]
  /** The schema of its documents, published in OpenAPI. */
  readonly document?: StandardSchemaV1<unknown, Document>
  /**
   * The document fields that a list can filter by, each with its possible values or its type. A dot leads into
   * an object: `total.amount`. Documents without the field, or with a value of another type, are not listed.
   */
  readonly filters: Readonly<Record<string, FieldValues>>
  /**
   * The document fields that a list can be ordered by, besides `sort`, each with its type. A list in this order
   * can be limited to a range of the field's values. Documents without the field are not in the list. Rebuild
   * the view after you add a field here that older documents lack.
   */
  readonly orders?: Readonly<Record<string, 'string' | 'number'>>
  /** Returns the document after an event: JSON only, see json.ts. Undefined means there is no document. */
  evolve(document: Document | undefined, event: Recorded<Event>): Document | undefined
  /**
   * The sort key of lists, which are in descending order. Documents with the same sort key are ordered by
   * key.
   */
  sort(document: Document): string
}

/**
 * A view whose documents combine the events of many streams. Events of one stream arrive in order; events of
 * different streams arrive in any order. So `evolve` must commute across streams (sums, sets, maxima). A
 * property test checks this.
 * @example
 * ```ts
 * import type { MultiStreamView } from 'tidemark'
 * import type { Opened } from './entry.ts'
 *
 * // One document per day counts the entries of all streams. The order of events does not change a sum.
 * export const days: MultiStreamView<{ day: string; opened: number }, Opened> = {
 *   kind: 'many-streams',
 *   name: 'days',
 *   category: 'entry',
 *   filters: {},
 *   documentKeys: ({ time }) => [time.slice(0, 10)],
 *   evolve: (document, _, day) => ({ day, opened: (document?.opened ?? 0) + 1 }),
 *   sort: ({ day }) => day,
 * }
 * ```
 */
export interface MultiStreamView<Document, Event extends DomainEvent> {
  readonly kind: 'many-streams'
  readonly name: string
  readonly category: string
  /** As in `SingleStreamView`. */
  readonly events?: readonly EventType[]
  readonly document?: StandardSchemaV1<unknown, Document>
  readonly filters: Readonly<Record<string, FieldValues>>
  readonly orders?: Readonly<Record<string, 'string' | 'number'>>
  /**
   * The keys of the documents that an event changes; an empty list skips the event. A key is part of a URL.
   * These keys are refused with `key-invalid`, and the stream is parked for this view: empty, `.`, `..`, a
   * slash, a control character, more than 1,024 bytes. If clients choose keys, check them in the command's
   * schema with `isDocumentKey`.
   */
  documentKeys(event: Recorded<Event>): readonly string[]
  /** As in `SingleStreamView`. */
  evolve(document: Document | undefined, event: Recorded<Event>, key: string): Document
  sort(document: Document): string
}

/**
 * A category of streams that a view follows, and the events of it that the view handles.
 * @example
 * ```ts
 * import type { ViewSource } from 'tidemark'
 * import { Unlocked } from './entries.ts'
 *
 * export const doors: ViewSource = { service: 'doors', category: 'door', events: [Unlocked] }
 * ```
 */
export interface ViewSource {
  /** The service that publishes the events: another one, or the view's own. */
  readonly service: string
  readonly category: string
  /** Public events, from that service's `contract.ts`. The view skips all others. */
  readonly events: readonly EventType[]
}

/**
 * The events of a view's sources.
 * @example
 * ```ts
 * import type { SourceEvent } from 'tidemark'
 * import { Unlocked } from './entries.ts'
 *
 * export const sources = [{ service: 'doors', category: 'door', events: [Unlocked] }] as const
 * const title = ({ data }: SourceEvent<typeof sources>): string => data.title
 * console.log(title({ type: 'Unlocked', data: { title: 'cellar' } }))
 * ```
 */
export type SourceEvent<Sources extends readonly ViewSource[]> = EventOf<Sources[number]['events'][number]>

/**
 * A view whose documents combine the public events of one or several services. Events of one stream arrive in
 * order; events of different streams arrive in any order. So `evolve` must commute across streams, as in a
 * `MultiStreamView`. An event's `stream` and `source` tell where it comes from.
 * @example
 * ```ts
 * import type { MultiServiceView, SourceEvent } from 'tidemark'
 * import { Unlocked } from './entries.ts'
 *
 * const sources = [{ service: 'doors', category: 'door', events: [Unlocked] }] as const
 * // How often each title was unlocked, over all doors.
 * export const unlocks: MultiServiceView<{ title: string; times: number }, SourceEvent<typeof sources>> = {
 *   kind: 'many-services',
 *   name: 'unlocks',
 *   sources,
 *   filters: {},
 *   documentKeys: ({ data }) => [data.title],
 *   evolve: (document, _, title) => ({ title, times: (document?.times ?? 0) + 1 }),
 *   sort: ({ title }) => title,
 * }
 * ```
 */
export interface MultiServiceView<Document, Event extends DomainEvent> {
  readonly kind: 'many-services'
  readonly name: string
  /** Each category of each service at most once. Rebuild the view after you add a source or an event. */
  readonly sources: readonly ViewSource[]
  readonly document?: StandardSchemaV1<unknown, Document>
  readonly filters: Readonly<Record<string, FieldValues>>
  readonly orders?: Readonly<Record<string, 'string' | 'number'>>
  /** As in `MultiStreamView`. */
  documentKeys(event: Recorded<Event>): readonly string[]
  /** As in `MultiStreamView`. */
  evolve(document: Document | undefined, event: Recorded<Event>, key: string): Document
  sort(document: Document): string
}

// biome-ignore lint/suspicious/noExplicitAny: a list of views of different types has no narrower common type.
export type AnySingleStreamView = SingleStreamView<any, any>
// biome-ignore lint/suspicious/noExplicitAny: the same.
export type AnyMultiStreamView = MultiStreamView<any, any>
// biome-ignore lint/suspicious/noExplicitAny: the same.
export type AnyMultiServiceView = MultiServiceView<any, any>
/** A view of the events of its own service. */
export type AnyOwnView = AnySingleStreamView | AnyMultiStreamView
/** A view whose documents have keys of their own and applied markers. */
export type AnyKeyedView = AnyMultiStreamView | AnyMultiServiceView
/**
 * Any view, whatever the types of its documents and events.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import type { AnyView } from 'tidemark/tools'
 * import { entries } from './entries.ts'
 *
 * const described = ({ name, kind }: AnyView): string => `${name}: ${kind}`
 * assert.deepEqual(entries.views.map(described), ['titles: one-stream'])
 * ```
 */
export type AnyView = AnyOwnView | AnyMultiServiceView

export function isOwnView(view: AnyView): view is AnyOwnView {
  return view.kind !== 'many-services'
}

export function isKeyedView(view: AnyView): view is AnyKeyedView {
  return view.kind !== 'one-stream'
}

/** What a view is made of, for people: `order`, or `ordering/order, payments/payment`. */
export function describeCategories(view: AnyView): string {
  if (isOwnView(view)) return view.category
  return view.sources.map(({ service, category }) => `${service}/${category}`).join(', ')
}

/**
 * The view whose documents also store the cursors of the given view. For a multi-stream view, it is the first
 * single-stream view of the same category.
 * @returns undefined if there is none, or the view stores its own cursors.
 */
export function findCursorView(views: readonly AnyView[], view: AnyView): string | undefined {
  if (view.kind !== 'many-streams') return undefined
  return views.find((other) => other.kind === 'one-stream' && other.category === view.category)?.name
}

/**
 * Cosmos DB allows 128 nested arrays and objects, counting the item itself.
 * https://learn.microsoft.com/azure/cosmos-db/concepts-limits
 */
const MAX_DOCUMENT_NESTING = 120

/**
 * Returns a document as the store will give it back; undefined if there is none.
 * @throws TidemarkError `handler-failed` if JSON cannot represent it: the view's `evolve` is at fault.
 */
export function storedDocument(view: AnyView, key: string, document: unknown): unknown {
  if (document === undefined) return undefined
  const json = asJson(document, { levels: MAX_DOCUMENT_NESTING, portable: false })
  if (json.outcome === 'valid') return json.value
  const why = `${view.name} makes a document ${key} that JSON does not keep: ${describeFault(json.fault)}`
  throw new TidemarkError('handler-failed', why)
}
