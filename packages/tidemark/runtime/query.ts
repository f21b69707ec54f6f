import type { DocumentPage, ListQuery } from '../core/data-path.ts'
import { TidemarkError } from '../core/errors.ts'
import { parseFieldValue, readField } from '../core/list.ts'
import type { DocumentSearch, FoundDocument, FoundDocuments } from '../core/operations.ts'
import type {
  Clock,
  ListedPlace,
  ListOrder,
  ViewDocument,
  ViewGenerations,
  ViewList,
  ViewState,
  ViewStore,
  ViewStores,
} from '../core/ports.ts'
import { formatPosition, formatSourceStream, type Position, parseCategory, parseSourceStream } from '../core/stream.ts'
import { type AnyMultiServiceView, type AnyView, isOwnView } from '../core/view.ts'
import { listGenerationNumbers } from '../core/view-pointer.ts'
import { readDocumentProgress, readStreamProgress, type StreamProgress } from './cursors.ts'

export interface QueryDependencies {
  readonly views: ViewStores
  readonly clock: Clock
  /** How long a query waits for its positions before it fails with `view-behind`. Milliseconds. */
  readonly maxWait: number
}

// Without parked streams a view is about 50 ms behind its log, so an earlier read would mostly find nothing.
// After that, the pause grows with the time waited: a caller waits at most a quarter longer than needed.
const SHORTEST_WAIT_MS = 15
const PART_OF_WAITED = 0.25
const LONGEST_WAIT_MS = 250

/**
 * Reads one document of a view, at least as new as the positions that are given: one of each stream.
 * @returns undefined if there is none.
 * @throws TidemarkError `view-behind`, `stream-parked`, `invalid-position`
 */
export async function readDocument(
  deps: QueryDependencies,
  view: AnyView,
  key: string,
  positions: readonly Position[] = [],
): Promise<ViewDocument | undefined> {
  if (positions.length === 0) return (await deps.views.state(view.name)).live.store.read(key, 'relaxed')
  const { store, documents } = await waitForPositions(deps, view, positions)
  return documents.get(key) ?? store.read(key)
}

/**
 * Lists documents of a view in one of its orders, then by key. They are at least as new as the positions that
 * are given. While the list is read page by page, other documents may be written. A document that exists
 * throughout appears exactly once, unless the value that it is ordered by changes.
 * @throws TidemarkError `view-behind`, `stream-parked`, `invalid-position`, `invalid-query`
 */
export async function listDocuments(
  deps: QueryDependencies,
  view: AnyView,
  query: ListQuery,
  positions: readonly Position[] = [],
): Promise<DocumentPage> {
  const { limit } = query
  const order = readOrder(view, query)
  const after = query.continuation === undefined ? undefined : readContinuation(query.continuation, order)
  const list: ViewList = {
    filter: parseFilter(view, query.filter),
    ...(order ? { order } : {}),
    ascending: query.direction === 'ascending',
    // One document more than requested shows whether there is another page.
    limit: limit + 1,
    ...(after ? { after } : {}),
  }
  const found =
    positions.length > 0
      ? await (await waitForPositions(deps, view, positions)).store.list(list)
      : await (await deps.views.state(view.name)).live.store.list(list, 'relaxed')
  const page = found.slice(0, limit)
  const last = page.at(-1)
  return {
    documents: page.map((item) => item.document),
    ...(found.length > limit && last ? { continuation: writeContinuation(last, order) } : {}),
  }
}

/** The most documents that one request searches; it reads them one after another. */
const MAX_SEARCHED = 1_000
const SEARCHED_AT_ONCE = 200

/**
 * Lists documents of a view for operators, by its sort key, descending. A search may return an empty page
 * although more documents remain to be searched.
 * @throws TidemarkError `invalid-query`, `unavailable`
 */
export async function findDocuments(
  {
    views,
    generations,
    open = async (value) => value,
  }: Pick<QueryDependencies, 'views'> & {
    readonly generations: Pick<ViewGenerations, 'readPointer' | 'store'>
    /** Opens the personal texts of documents. Absent: there are none. */
    readonly open?: <Value>(value: Value) => Promise<Value>
  },
  view: AnyView,
  { filter, search, generation, key, limit, continuation }: DocumentSearch,
): Promise<FoundDocuments> {
  const parsed = parseFilter(view, filter)
  const store =
    generation === undefined
      ? (await views.state(view.name)).live.store
      : await findGeneration(generations, view, generation)
  if (key !== undefined) return { items: await open(await findDocument(store, key)), searched: 1 }
  const needle = search?.toLowerCase()
  const isFound = ({ key, document }: FoundDocument): boolean =>
    needle === undefined || `${key} ${JSON.stringify(document)}`.toLowerCase().includes(needle)
  const items: FoundDocument[] = []
  let after = continuation === undefined ? undefined : readContinuation(continuation)
  let searched = 0
  while (searched < MAX_SEARCHED) {
    const size = needle === undefined ? limit : SEARCHED_AT_ONCE
    const list: ViewList = { filter: parsed, limit: size + 1, ...(after === undefined ? {} : { after }) }
    const found = await store.list(list, 'relaxed')
    const documents = await open(found.map(({ document }) => document))
    for (const [index, listed] of found.slice(0, size).entries()) {
      const { key, version } = listed
      const document = documents[index]
      after = listed
      searched += 1
      const item = { key, ...(version === undefined ? {} : { version }), document }
      if (isFound(item)) items.push(item)
      if (items.length === limit) return { items, searched, continuation: writeContinuation(listed) }
    }
    if (found.length <= size) return { items, searched }
  }
  return { items, searched, ...(after === undefined ? {} : { continuation: writeContinuation(after) }) }
}

async function findDocument(store: ViewStore, key: string): Promise<readonly FoundDocument[]> {
  const { document, cursor } = (await store.read(key, 'relaxed')) ?? {}
  return document === undefined ? [] : [{ key, ...(cursor ? { version: cursor.version } : {}), document }]
}

/** @throws TidemarkError `invalid-query` if the view does not have the generation */
async function findGeneration(
  generations: Pick<ViewGenerations, 'readPointer' | 'store'>,
  { name }: AnyView,
  generation: number,
): Promise<ViewStore> {
  const has = listGenerationNumbers((await generations.readPointer(name)).pointer)
  if (has.has(generation)) return generations.store(name, generation)
  throw new TidemarkError(
    'invalid-query',
    `the generations of ${name} are ${[...has].sort((a, b) => a - b).join(', ')}`,
  )
}

/**
 * Parses the filters, in the order of their declaration, as the composite indexes have them.
 * @throws TidemarkError `invalid-query`
 */
function parseFilter({ name, filters }: AnyView, filter: Readonly<Record<string, string>>): ViewList['filter'] {
  const unknown = Object.keys(filter).find((field) => !Object.hasOwn(filters, field))
  if (unknown !== undefined) throw new TidemarkError('invalid-query', `${name} cannot be filtered by ${unknown}`)
  return Object.fromEntries(
    Object.entries(filters).flatMap(([field, values]) => {
      const text = filter[field]
      return text === undefined ? [] : [[field, parseFieldValue(field, values, text)]]
    }),
  )
}

/** @throws TidemarkError `invalid-query` */
function readOrder(view: AnyView, { filter, order: field, from, to }: ListQuery): ListOrder | undefined {
  const { name, orders = {} } = view
  if (field === undefined) {
    if (from === undefined && to === undefined) return undefined
    throw new TidemarkError('invalid-query', 'from and to limit the field that order names: send order too')
  }
  const type = Object.hasOwn(orders, field) ? orders[field] : undefined
  if (type === undefined) throw new TidemarkError('invalid-query', `${name} cannot be ordered by ${field}`)
  if (Object.hasOwn(filter, field))
    throw new TidemarkError('invalid-query', `a list with one value of ${field} cannot be ordered by it`)
  const parse = (parameter: string, text: string) => parseFieldValue(parameter, type, text) as string | number
  return {
    ...{ field, type },
    ...(from === undefined ? {} : { from: parse('from', from) }),
    ...(to === undefined ? {} : { to: parse('to', to) }),
  }
}

/** A position, and the name of its stream in the cursors of the view. */
interface Awaited {
  readonly stream: string
  readonly position: Position
}

/**
 * Waits until the view has applied some positions. These reads use the account's default consistency. With a
 * weaker one, the cursor of another instance could be newer than its document.
 * @returns the generation that has applied them, and the streams' own documents if the view is single-stream.
 */
async function waitForPositions(
  deps: QueryDependencies,
  view: AnyView,
  positions: readonly Position[],
): Promise<{ readonly store: ViewStore; readonly documents: ReadonlyMap<string, ViewDocument> }> {
  const awaited = findStreams(view, positions)
  const began = deps.clock.elapsed()
  for (;;) {
    // Read each time, because another generation may become live meanwhile.
    const state = await deps.views.state(view.name)
    const found = await Promise.all(awaited.map(({ stream }) => readProgress(deps, view, state, stream)))
    const behind = awaited.filter(({ position }, index) => (found[index]?.passed ?? 0) < position.version)
    if (behind.length === 0) {
      const documents = found.flatMap(({ document }, index): [string, ViewDocument][] =>
        document ? [[awaited[index]?.stream ?? '', document]] : [],
      )
      return { store: state.live.store, documents: new Map(documents) }
    }
    for (const [index, each] of awaited.entries()) checkParked(view, each, found[index]?.parked)
    const waited = deps.clock.elapsed() - began
    const left = deps.maxWait - waited
    if (left <= 0) {
      const names = behind.map(({ position }) => formatPosition(position)).join(', ')
      throw new TidemarkError('view-behind', `${view.name} has not applied ${names} yet`)
    }
    const pause = Math.min(Math.max(waited * PART_OF_WAITED, SHORTEST_WAIT_MS), LONGEST_WAIT_MS)
    await deps.clock.wait(Math.min(pause, left))
  }
}

async function readProgress(
  { views }: QueryDependencies,
  view: AnyView,
  state: ViewState,
  stream: string,
): Promise<StreamProgress & { readonly document?: ViewDocument }> {
  if (view.kind !== 'one-stream') return readStreamProgress(views, { view, state, generation: state.live }, stream)
  const document = await state.live.store.read(stream)
  return { ...readDocumentProgress(document?.cursor, view, state.live), ...(document ? { document } : {}) }
}

/** @throws TidemarkError `stream-parked` if the view will not reach the position. */
function checkParked({ name }: AnyView, { stream, position }: Awaited, parked: number | undefined): void {
  if (parked === undefined || parked > position.version) return
  throw new TidemarkError(
    'stream-parked',
    `${name} cannot process ${formatPosition({ stream, version: parked })}: ` +
      'the stream is parked for this view until the cause is fixed',
  )
}

/** @throws TidemarkError `invalid-position` as `findStream`, and if a stream has two positions. */
function findStreams(view: AnyView, positions: readonly Position[]): readonly Awaited[] {
  const awaited = new Map<string, Awaited>()
  for (const position of positions) {
    const stream = findStream(view, position.stream)
    if (awaited.has(stream)) throw new TidemarkError('invalid-position', `send one position of ${stream}, the newest`)
    awaited.set(stream, { stream, position })
  }
  return [...awaited.values()]
}

/**
 * The name of a position's stream in the cursors of a view.
 * @throws TidemarkError `invalid-position` if the view does not follow it, or a source is to be named.
 */
function findStream(view: AnyView, name: string): string {
  if (!isOwnView(view)) return findSourceStream(view, name)
  const { service, stream } = parseSourceStream(name)
  if (service === undefined && parseCategory(stream) === view.category) return stream
  throw new TidemarkError('invalid-position', `${view.name} is not a view of the category of ${name}`)
}

function findSourceStream({ name: view, sources }: AnyMultiServiceView, name: string): string {
  const { service, stream } = parseSourceStream(name)
  const found = sources
    .filter((source) => source.category === parseCategory(stream))
    .filter((source) => service === undefined || source.service === service)
    .map((source) => formatSourceStream(source.service, stream))
  const [first, ...others] = found
  if (first !== undefined && others.length === 0) return first
  throw new TidemarkError(
    'invalid-position',
    first === undefined
      ? `${view} does not follow the category of ${name}`
      : `${view} follows ${stream} of several services: send one of ${found.join(', ')} with its version`,
  )
}

/**
 * A continuation is the place of the last document, so it stays valid when documents come or go. In the order of
 * a field, it has the document's value of that field too.
 */
function writeContinuation({ document, place }: { document?: unknown; place: string }, order?: ListOrder): string {
  return encode(order ? JSON.stringify([readField(document, order.field), place]) : place)
}

function encode(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64url')
}

/** @throws TidemarkError `invalid-query` for a continuation that no list in this order returned */
function readContinuation(continuation: string, order?: ListOrder): ListedPlace {
  const text = Buffer.from(continuation, 'base64url').toString('utf8')
  const isEncoded = text !== '' && encode(text) === continuation
  const after = isEncoded ? parsePlace(text, order) : undefined
  if (after === undefined) throw new TidemarkError('invalid-query', 'the continuation was not returned by this list')
  return after
}

function parsePlace(text: string, order: ListOrder | undefined): ListedPlace | undefined {
  if (order === undefined) return { place: text }
  const [value, place, ...others] = parseList(text)
  const fits = typeof value === order.type && typeof place === 'string' && others.length === 0
  return fits ? { value: value as string | number, place } : undefined
}

function parseList(text: string): readonly unknown[] {
  try {
    const value: unknown = JSON.parse(text)
    return Array.isArray(value) ? value : []
  } catch (error) {
    if (error instanceof SyntaxError) return []
    throw error
  }
}
