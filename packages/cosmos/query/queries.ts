import { badRequest } from '../api/failure.ts'
import { MAX_ANSWER_BYTES } from '../http/answers.ts'
import type { FeedRange } from '../resources/feed-range.ts'
import type { ReadSource } from '../store/snapshot.ts'
import { chooseAccess } from './access/access.ts'
import { checkOrder } from './access/index-rules.ts'
import { findOrCreateIndex } from './access/indexes.ts'
import { comparePositions, type Position, tiesDescend } from './access/position.ts'
import { isInOrder, type ReadPlan } from './access/statements.ts'
import { type CompiledQuery, readCount, type Term } from './compile/queries.ts'
import { compileCached } from './compiled.ts'
import { type Cursor, formatContinuation, parseContinuation } from './continuation.ts'
import { type Frame, type Parameters, Work } from './evaluation/frame.ts'
import { type ResumeFilter, toStartPosition } from './resume-filter.ts'
import { formatResult, listRows, type Row } from './rows.ts'
import { Scan, type ScannedItem } from './scan.ts'
import { buildSet, compareMembers } from './sets.ts'
import { TopRows } from './top-rows.ts'

/**
 * The items that a page reads at most when rows come in order. Then it ends, so that other requests get a
 * turn.
 */
const MAX_SCANNED = 100_000

export interface Page {
  /** The JSON of each result. */
  readonly results: readonly string[]
  readonly continuation?: string
  /** How many items the page has read. */
  readonly loaded: number
  /** The characters of their JSON. */
  readonly loadedBytes: number
  /** For a query with ORDER BY: whether rows with equal values come by descending item number. */
  readonly tiesDescend: boolean | undefined
  /** False when no index of the container's policy serves WHERE, so that all items were read. */
  readonly indexed: boolean
}

interface QueryRequest {
  readonly text: string
  readonly parameters: Parameters
  readonly maxItems: number
  readonly continuation: string | undefined
  readonly resume: ResumeFilter | undefined
}

/** What the evaluation of one page begins with. */
interface PageStart {
  readonly query: CompiledQuery
  readonly frame: Frame
  readonly cursor: Cursor | undefined
  /** Earlier pages returned the rows up to here. */
  readonly from: Position | undefined
}

/** The evaluation of one page. */
interface Run extends PageStart {
  readonly plan: ReadPlan
  readonly scan: Scan
  readonly offset: number
  readonly limit: number
  readonly maxItems: number
}

/** A result, and the cursor of a page that ends after it. */
interface Candidate {
  readonly cursor: Omit<Cursor, 'seen' | 'by'>
  readonly text: string | undefined
}

/**
 * Evaluates a query over a part of a container, page by page.
 * @throws Failure 400 for a query that the service refuses or the emulator does not support.
 * https://learn.microsoft.com/azure/cosmos-db/nosql/query/pagination
 */
export async function runQuery(reads: ReadSource, feedRange: FeedRange, request: QueryRequest): Promise<Page> {
  const { text, parameters, maxItems, continuation, resume } = request
  const query = compileCached(text)
  for (const name of query.parameters)
    if (!parameters.has(name)) throw badRequest(`the query's parameter ${name} has no value`)
  const cursor = continuation === undefined ? undefined : parseContinuation(query.continuationText, continuation)
  const from = resume
    ? selectLater(query, cursor, toStartPosition(resume, query, feedRange.container))
    : cursor?.position
  const frame: Frame = { values: [], parameters, keys: [], aggregates: [], work: new Work(Date.now()) }
  const start: PageStart = { query, frame, cursor, from }
  const { plan, indexed } = await buildReadPlan(reads, feedRange, start)
  const scan = new Scan(reads, plan)
  const run: Run = {
    ...start,
    plan,
    scan,
    offset: query.offset ? readCount(query.offset(frame)) : 0,
    limit: query.limit ? readCount(query.limit(frame)) : Number.POSITIVE_INFINITY,
    maxItems,
  }
  const { results, end } = takePage(run)
  const { loaded, loadedBytes } = scan
  const by = query.orderBy.length === 0 ? plan.order.map(({ path }) => path) : []
  return {
    results,
    loaded,
    loadedBytes,
    indexed,
    tiesDescend: query.orderBy.length === 0 ? undefined : tiesDescend(query.orderBy),
    ...(end && { continuation: formatContinuation(query.continuationText, { ...end, by }) }),
  }
}

function selectLater({ orderBy }: CompiledQuery, cursor: Cursor | undefined, start: Position): Position {
  return cursor && comparePositions(orderBy, cursor.position, start) > 0 ? cursor.position : start
}

async function buildReadPlan(
  reads: ReadSource,
  feedRange: FeedRange,
  { query, frame, cursor, from }: PageStart,
): Promise<{ readonly plan: ReadPlan; readonly indexed: boolean }> {
  checkOrder(feedRange.container, query.orderBy)
  const requestedOrder: readonly Term[] =
    query.orderBy.length > 0 ? query.orderBy : (cursor?.by ?? []).map((path) => ({ path, descending: false }))
  if (cursor && cursor.key === undefined && cursor.position.order.length !== requestedOrder.length)
    throw badRequest('the continuation does not belong to this query')
  const isSet = query.group !== undefined || query.distinct
  const chosen = chooseAccess(feedRange, {
    query,
    parameters: frame.parameters,
    work: frame.work,
    order: requestedOrder,
    isFirstPage: cursor === undefined,
  })
  const { access } = chosen
  const index = access.kind === 'index' ? await findOrCreateIndex(reads, chosen.extent, access.terms) : undefined
  const order =
    requestedOrder.length === 0 && index && access.kind === 'index' && !isSet ? access.terms : requestedOrder
  const narrows = access.kind === 'index' ? access.bounds.length > 0 : access.kind !== 'all'
  return {
    plan: {
      feedRange: chosen.extent,
      access,
      index,
      order,
      readsItem: query.readsItem,
      from: isSet ? undefined : from,
    },
    indexed: narrows || !query.condition?.where || chosen.extent !== feedRange,
  }
}

function takePage(run: Run): { readonly results: string[]; readonly end?: Omit<Cursor, 'by'> } {
  const { offset, limit, maxItems, cursor } = run
  const results: string[] = []
  let [seen, bytes] = [cursor?.seen ?? 0, 0]
  if (seen >= offset + limit) return { results }
  let last: Candidate['cursor'] | undefined
  const candidates = selectCandidates(run)
  for (let next = candidates.next(); ; next = candidates.next()) {
    if (next.done) return next.value ? { results, end: { ...next.value, seen } } : { results }
    if (last && (results.length >= maxItems || bytes >= MAX_ANSWER_BYTES)) {
      candidates.return(undefined)
      return { results, end: { ...last, seen } }
    }
    last = next.value.cursor
    const { text } = next.value
    if (text === undefined) continue
    seen += 1
    if (seen > offset) {
      results.push(text)
      bytes += text.length
    }
    if (seen >= offset + limit) {
      candidates.return(undefined)
      return { results }
    }
  }
}

type Candidates = Generator<Candidate, Candidate['cursor'] | undefined>

/** @returns where to resume, when it ended before everything was read. */
function selectCandidates(run: Run): Candidates {
  const { query, plan } = run
  if (query.isConstant) return constant(run)
  if (query.group || query.distinct) return members(run)
  return isInOrder(plan) ? inOrder(run) : sorted(run)
}

const START: Position = { order: [], number: 0, pk: '', id: '', place: undefined }

function* constant({ query, frame }: Run): Candidates {
  yield { cursor: { position: START, key: undefined }, text: formatResult(query, frame, '') }
  return undefined
}

function* members({ query, frame, scan, cursor }: Run): Candidates {
  const after = cursor?.key === undefined ? undefined : { key: cursor.key, order: cursor.position.order }
  for (const member of buildSet(query, frame, listRows(query, frame, scan.items()))) {
    if (after && compareMembers(query, member, after) <= 0) continue
    yield { cursor: { position: { ...START, order: member.order }, key: member.key }, text: member.text }
  }
  return undefined
}

function* inOrder({ query, frame, scan, plan, from }: Run): Candidates {
  let scanned: ScannedItem | undefined
  function* items(): Generator<ScannedItem> {
    for (const item of scan.items()) {
      yield item
      scanned = item
      if (scan.loaded >= MAX_SCANNED) return
      scanned = undefined
    }
  }
  for (const row of listRows(query, frame, items())) {
    if (from && comparePositions(plan.order, row, from) <= 0) continue
    yield { cursor: { position: toPosition(row), key: undefined }, text: formatResult(query, frame, row.text) }
  }
  return scanned && { position: toPosition({ ...scanned, place: undefined }), key: undefined }
}

/** Retains only as many rows as the page may need. */
function* sorted({ query, frame, scan, plan, cursor, from, offset, limit, maxItems }: Run): Candidates {
  const skip = Math.max(0, offset - (cursor?.seen ?? 0))
  const rows = new TopRows<Row & { readonly values: unknown[] }>(
    { skipped: skip, given: Math.min(maxItems, limit) + 1, characters: MAX_ANSWER_BYTES },
    (a, b) => comparePositions(plan.order, a, b),
    frame.work,
  )
  for (const row of listRows(query, frame, scan.items()))
    if (!from || comparePositions(plan.order, row, from) > 0) rows.add({ ...row, values: [...frame.values] })
  let last: Position | undefined
  for (const row of rows.sorted()) {
    last = toPosition(row)
    const text = formatResult(query, { ...frame, values: row.values }, row.text)
    yield { cursor: { position: last, key: undefined }, text }
  }
  return rows.hasMore && last ? { position: last, key: undefined } : undefined
}

const toPosition = ({ order, number, pk, id, place }: Position): Position => ({ order, number, pk, id, place })
