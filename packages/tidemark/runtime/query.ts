import type { DocumentPage, ListQuery } from '../core/data-path.ts'
import { TidemarkError } from '../core/errors.ts'
import type { DocumentSearch, FoundDocument, FoundDocuments } from '../core/operations.ts'
import type { Clock, ViewDocument, ViewGenerations, ViewStore, ViewStores } from '../core/ports.ts'
import { formatPosition, type Position, parseCategory } from '../core/stream.ts'
import type { AnyView } from '../core/view.ts'
import { listGenerationNumbers } from '../core/view-pointer.ts'
import { readDocumentProgress, readStreamProgress, type StreamProgress } from './cursors.ts'

export interface QueryDependencies {
  readonly views: ViewStores
  readonly clock: Clock
  /** How long a query waits for a position before it fails with `view-behind`. Milliseconds. */
  readonly maxWait: number
}

// Without parked streams a view is about 50 ms behind its log, so an earlier read would mostly find nothing.
// After that, the pause grows with the time waited: a caller waits at most a quarter longer than needed.
const SHORTEST_WAIT_MS = 15
const PART_OF_WAITED = 0.25
const LONGEST_WAIT_MS = 250

/**
 * Reads one document of a view, at least as new as the position if one is given.
 * @returns undefined if there is none.
 * @throws TidemarkError `view-behind`, `stream-parked`, `invalid-position`
 */
export async function readDocument(
  deps: QueryDependencies,
  view: AnyView,
  key: string,
  position?: Position,
): Promise<ViewDocument | undefined> {
  if (position === undefined) return (await deps.views.state(view.name)).live.store.read(key, 'relaxed')
  const { store, document } = await waitForPosition(deps, view, position)
  return key === position.stream && document ? document : store.read(key)
}

/**
 * Lists documents of a view by its sort key, descending, then by key. They are at least as new as the
 * position if one is given. While the list is read page by page, other documents may be written. A document
 * that exists throughout appears exactly once, unless its sort key changes.
 * @throws TidemarkError `view-behind`, `stream-parked`, `invalid-position`, `invalid-query`
 */
export async function listDocuments(
  deps: QueryDependencies,
  view: AnyView,
  query: ListQuery,
  position?: Position,
): Promise<DocumentPage> {
  checkFilter(view, query.filter)
  const { filter, limit } = query
  const after = query.continuation === undefined ? undefined : readContinuation(query.continuation)
  // One document more than requested shows whether there is another page.
  const list = { filter, limit: limit + 1, ...(after === undefined ? {} : { after }) }
  const found = position
    ? await (await waitForPosition(deps, view, position)).store.list(list)
    : await (await deps.views.state(view.name)).live.store.list(list, 'relaxed')
  const page = found.slice(0, limit)
  const last = page.at(-1)
  return {
    documents: page.map((item) => item.document),
    ...(found.length > limit && last ? { continuation: writeContinuation(last.place) } : {}),
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
  }: Pick<QueryDependencies, 'views'> & { readonly generations: Pick<ViewGenerations, 'readPointer' | 'store'> },
  view: AnyView,
  { filter, search, generation, key, limit, continuation }: DocumentSearch,
): Promise<FoundDocuments> {
  checkFilter(view, filter)
  const store =
    generation === undefined
      ? (await views.state(view.name)).live.store
      : await findGeneration(generations, view, generation)
  if (key !== undefined) return { items: await findDocument(store, key), searched: 1 }
  const needle = search?.toLowerCase()
  const isFound = ({ key, document }: FoundDocument): boolean =>
    needle === undefined || `${key} ${JSON.stringify(document)}`.toLowerCase().includes(needle)
  const items: FoundDocument[] = []
  let after = continuation === undefined ? undefined : readContinuation(continuation)
  let searched = 0
  while (searched < MAX_SEARCHED) {
    const size = needle === undefined ? limit : SEARCHED_AT_ONCE
    const list = { filter, limit: size + 1, ...(after === undefined ? {} : { after }) }
    const found = await store.list(list, 'relaxed')
    for (const { key, version, document, place } of found.slice(0, size)) {
      after = place
      searched += 1
      const item = { key, ...(version === undefined ? {} : { version }), document }
      if (isFound(item)) items.push(item)
      if (items.length === limit) return { items, searched, continuation: writeContinuation(place) }
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

/** @throws TidemarkError `invalid-query` */
function checkFilter(view: AnyView, filter: Readonly<Record<string, string>>): void {
  for (const [field, value] of Object.entries(filter)) {
    const values = view.filters[field]
    if (values === undefined) throw new TidemarkError('invalid-query', `${view.name} cannot be filtered by ${field}`)
    if (!values.includes(value))
      throw new TidemarkError('invalid-query', `${field} must be one of ${values.join(', ')}`)
  }
}

/**
 * Waits until the view has applied a position. These reads use the account's default consistency. With a
 * weaker one, the cursor of another instance could be newer than its document.
 * @returns the generation that has applied it, and the stream's own document if the view is single-stream.
 */
async function waitForPosition(
  deps: QueryDependencies,
  view: AnyView,
  position: Position,
): Promise<{ readonly store: ViewStore; readonly document?: ViewDocument }> {
  const { stream, version } = position
  if (parseCategory(stream) !== view.category)
    throw new TidemarkError('invalid-position', `${view.name} is not a view of the category of ${stream}`)
  const began = deps.clock.elapsed()
  for (;;) {
    // Read each time, because another generation may become live meanwhile.
    const state = await deps.views.state(view.name)
    const { store } = state.live
    const document = view.kind === 'one-stream' ? await store.read(stream) : undefined
    const progress: StreamProgress =
      view.kind === 'one-stream'
        ? readDocumentProgress(document?.cursor, view, state.live)
        : await readStreamProgress(deps.views, { view, state, generation: state.live }, stream)
    if (progress.passed >= version) return { store, ...(document ? { document } : {}) }
    if (progress.parked !== undefined && progress.parked <= version)
      throw new TidemarkError(
        'stream-parked',
        `${view.name} cannot process ${formatPosition({ stream, version: progress.parked })}: ` +
          'the stream is parked for this view until the cause is fixed',
      )
    const waited = deps.clock.elapsed() - began
    const left = deps.maxWait - waited
    if (left <= 0)
      throw new TidemarkError('view-behind', `${view.name} has not applied ${formatPosition(position)} yet`)
    const pause = Math.min(Math.max(waited * PART_OF_WAITED, SHORTEST_WAIT_MS), LONGEST_WAIT_MS)
    await deps.clock.wait(Math.min(pause, left))
  }
}

// A continuation is the place of the last document, so it stays valid when documents come or go.
function writeContinuation(place: string): string {
  return Buffer.from(place, 'utf8').toString('base64url')
}

function readContinuation(text: string): string {
  const place = Buffer.from(text, 'base64url').toString('utf8')
  if (place === '' || writeContinuation(place) !== text)
    throw new TidemarkError('invalid-query', 'the continuation was not returned by a list')
  return place
}
