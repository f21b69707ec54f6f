import type { StandardSchemaV1 } from '@standard-schema/spec'
import { TidemarkError } from './errors.ts'
import type { DomainEvent, EventType, Recorded } from './event.ts'
import { asJson, describeFault } from './json.ts'

/**
 * A view with one document for each stream of a category: the document is that stream's projection, and
 * carries how far it has come.
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
  /** Lower-case letters, digits, dashes: the name of its container. */
  readonly name: string
  readonly category: string
  /**
   * The events that it is made of; all others pass. Absent: all of its service's, and one that this code does
   * not know holds the view until it is deployed with the code that does. A view that begins to name another
   * event is to be replayed.
   */
  readonly events?: readonly EventType[]
  /** What its documents are like, for those who query it. */
  readonly document?: StandardSchemaV1<unknown, Document>
  /** Fields of the document that a list may be filtered by, each with the values it has. */
  readonly filters: Readonly<Record<string, readonly string[]>>
  /** The document after an event, of what JSON keeps: see json.ts. Undefined while there is none. */
  evolve(document: Document | undefined, event: Recorded<Event>): Document | undefined
  /** What lists are sorted by, descending. Documents that share it follow each other by their keys. */
  sort(document: Document): string
}

/**
 * A view whose documents gather the events of many streams. One stream's events come in order, but those of different
 * streams in any: `evolve` must commute across streams (sums, sets, maxima), which a property test holds.
 * @example
 * ```ts
 * import type { MultiStreamView } from 'tidemark'
 * import type { Opened } from './entry.ts'
 *
 * // A document for each day counts the entries of all streams. A sum is the same in whatever order they come.
 * export const days: MultiStreamView<{ day: string; opened: number }, Opened> = {
 *   kind: 'many-streams',
 *   name: 'days',
 *   category: 'entry',
 *   filters: {},
 *   targets: ({ time }) => [time.slice(0, 10)],
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
  readonly filters: Readonly<Record<string, readonly string[]>>
  /**
   * The keys of the documents that an event changes; none where it is not the view's business. A key is part
   * of a URL: one that no URL can have (empty, `.`, `..`, a slash, a control character, more than 1,024
   * bytes) is `key-invalid`, and its stream waits for the view. Where a client chooses it, the command's
   * schema refuses it: `isDocumentKey`.
   */
  documentKeys(event: Recorded<Event>): readonly string[]
  /** As in `SingleStreamView`. */
  evolve(document: Document | undefined, event: Recorded<Event>, key: string): Document
  sort(document: Document): string
}

// biome-ignore lint/suspicious/noExplicitAny: a list of views of different types has no narrower common type.
export type AnySingleStreamView = SingleStreamView<any, any>
// biome-ignore lint/suspicious/noExplicitAny: the same.
export type AnyMultiStreamView = MultiStreamView<any, any>
/**
 * A view, whatever its documents and events are.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import type { AnyView } from 'tidemark/tools'
 * import { entries } from './entries.ts'
 *
 * const described = ({ name, kind, category }: AnyView): string => `${name}: ${kind} of ${category}`
 * assert.deepEqual(entries.views.map(described), ['titles: one-stream of entry'])
 * ```
 */
export type AnyView = AnySingleStreamView | AnyMultiStreamView

/**
 * The view whose documents have the cursors of another: of a view of many streams it is the first view of
 * single streams of the same category.
 * @returns undefined where there is none, or the view has its own.
 */
export function findCursorView(views: readonly AnyView[], view: AnyView): string | undefined {
  if (view.kind === 'one-stream') return undefined
  return views.find(({ kind, category }) => kind === 'one-stream' && category === view.category)?.name
}

/**
 * Cosmos DB takes 128 arrays and objects within each other, the item among them.
 * https://learn.microsoft.com/azure/cosmos-db/concepts-limits
 */
const MAX_DOCUMENT_NESTING = 120

/**
 * A document as it is stored and read again; undefined where there is none.
 * @throws TidemarkError `handler-failed` where JSON does not keep it: a fault of the view's `evolve`.
 */
export function storedDocument(view: AnyView, key: string, document: unknown): unknown {
  if (document === undefined) return undefined
  const json = asJson(document, { levels: MAX_DOCUMENT_NESTING, portable: false })
  if (json.valid) return json.value
  const why = `${view.name} makes a document ${key} that JSON does not keep: ${describeFault(json.fault)}`
  throw new TidemarkError('handler-failed', why)
}
