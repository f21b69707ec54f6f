import { isDeepStrictEqual } from 'node:util'
import { failureClass } from 'tidemark/tools'
import { disagreements } from '../../../packages/cli/demo/disagreements.ts'
import { foldRawLog, type RawItem, readLog } from '../../../packages/cli/demo/raw-fold.ts'
import { foldRawFulfilments } from '../../../packages/cli/demo/raw-fulfilments.ts'
import { foldRawPayments } from '../../../packages/cli/demo/raw-payments.ts'
import { foldRawShipments } from '../../../packages/cli/demo/raw-shipments.ts'
import { foldRawStock } from '../../../packages/cli/demo/raw-stock.ts'
import { REBUILD_ENDS } from '../../../packages/tidemark/test/simulation/disturbances.ts'
import type { World } from '../../../packages/tidemark/test/simulation/world.ts'
import { streamFaults } from '../../../packages/tidemark/test/support/stream-faults.ts'
import type { Clients } from '../shop/client.ts'
import { type ExpectedProbe, foldRawProbe } from './raw-probe.ts'

/**
 * What must hold once a system is at rest. Each invariant counts its checks, so that one that checks nothing
 * is found.
 */
export const INVARIANTS = {
  rest: 'the system comes to rest, with everything handled and nothing parked or scheduled',
  alarms: 'only transient failures occur, and nothing is logged as an error',
  chain: 'every log is a hash chain with unique keys and versions, and its time never runs backwards',
  dated: "every event has the time of the store's clock, not of a machine's",
  conserved: 'money and stock are conserved: nothing is taken, shipped, returned or released twice',
  agreement: 'the services agree: every order is decided, and no service holds anything for an order that has ended',
  once: 'a reaction acts once on each event, and its first outcome stands',
  order: 'a reaction handles each stream in order',
  answers: 'a key has one answer, which agrees with the log',
  parked: 'nothing is parked without a cause, and every consumer has stored each message that is not an event',
  reads: 'a reader sees its own writes',
  hubs: 'each hub has exactly the events of its log, each stream in order',
  rebuilds: 'a rebuild ends only with expected errors, and a built generation equals the live one',
  views: 'every view equals a second fold of the log, document by document and list by list',
} as const
export type Invariant = keyof typeof INVARIANTS

export interface Violation {
  readonly invariant: Invariant
  readonly what: string
}

/** The number of checks of each invariant. */
export type CheckCounts = Record<Invariant, number>

export function startCounts(): CheckCounts {
  return Object.fromEntries(Object.keys(INVARIANTS).map((name) => [name, 0])) as CheckCounts
}

/** Checks all invariants. @param counts the numbers of checks, which are increased. */
export async function check(world: World, clients: Clients, counts: CheckCounts): Promise<readonly Violation[]> {
  const violations: Violation[] = []
  const found = (invariant: Invariant, what: readonly string[]): void => {
    violations.push(...what.map((each) => ({ invariant, what: each })))
  }
  counts.rest += world.ownership.resources.length
  found('rest', [...world.unrest(), ...(clients.open > 0 ? [`${clients.open} clients wait for an answer`] : [])])
  counts.alarms += world.ground.timeline.passed
  found('alarms', world.ground.alarms)
  const logs = new Map([...world.stores].map(([name, { log }]) => [name, log.appends.flat() as readonly RawItem[]]))
  for (const items of logs.values()) found('chain', chainFaults(items, counts))

  for (const { log, predated } of world.stores.values()) {
    counts.dated += log.all().length
    found('dated', predated)
  }
  const folds = foldAll(logs)
  const { orders, fulfilments, stock, payments, shipments } = folds
  // After a hub has lost events, a reaction receives them after later events of their stream
  // (docs/operate.md). The services do not handle that order.
  const { poison, ground } = world
  const isLost = ground.faults.happened.some(({ kind }) => kind === 'expire')
  const lateStreams = isLost ? poison.late.map(({ stream }) => stream) : []
  const isReturnedFirst = lateStreams.some((stream) => stream.startsWith('shipment-'))
  counts.conserved += stock.events + payments.events + shipments.events
  found('conserved', [
    ...stock.faults.filter((fault) => !(isReturnedFirst && fault.endsWith(BACK_BEFORE_GONE))),
    ...[...stock.units].flatMap(([order, lines]) =>
      [...lines].flatMap(([sku, { returned, shipped }]) =>
        returned > shipped ? [`order ${order}: ${returned} of ${sku} were returned, but only ${shipped} shipped`] : [],
      ),
    ),
    ...payments.faults,
    ...shipments.faults,
    ...orders.faults,
  ])
  counts.agreement += orders.orders.size
  const late = lateStreams.map((stream) => `order ${stream.replace(/^[^-]*-/, '')} `)
  const disagreed = disagreements({ orders: orders.orders, stock, fulfilments, payments, shipments })
  found(
    'agreement',
    disagreed.filter((what) => !late.some((order) => what.startsWith(order))),
  )
  const probed = foldRawProbe(logs.get('ordering') ?? [], logs.get('probe') ?? [])
  counts.once += probed.asked
  found('once', probed.faults)
  found('parked', parkedFaults(world, counts))
  counts.order += poison.handled
  if (!isLost)
    found(
      'order',
      poison.late.map(({ what }) => what),
    )
  found('answers', answerFaults(world, clients, counts))
  for (const { view, position, version } of clients.reads) {
    counts.reads += 1
    if ((version ?? 0) < position.version)
      found('reads', [`${view} showed version ${version} to the writer of ${position.stream}@${position.version}`])
  }
  for (const name of world.stores.keys()) found('hubs', hubFaults(world, name, counts))
  found('rebuilds', await rebuildFaults(world, counts))
  found('views', await viewFaults(world, folds, probed, counts))
  return violations
}

/** How the stock's fold ends its line about units that are returned before they were shipped. */
const BACK_BEFORE_GONE = 'more came back than was shipped'

type Folds = ReturnType<typeof foldAll>

function foldAll(logs: ReadonlyMap<string, readonly RawItem[]>) {
  const of = (name: string): readonly RawItem[] => logs.get(name) ?? []
  return {
    orders: foldRawLog(of('ordering')),
    fulfilments: foldRawFulfilments(of('ordering')),
    stock: foldRawStock(of('inventory')),
    payments: foldRawPayments(of('payments')),
    shipments: foldRawShipments(of('shipping')),
  }
}

function chainFaults(items: readonly RawItem[], counts: CheckCounts): readonly string[] {
  const streams = Map.groupBy(items, ({ stream }) => String(stream))
  return [...streams].flatMap(([stream, its]) => {
    counts.chain += its.length
    return [...streamFaults(stream, its), ...backwards(stream, its)]
  })
}

/** The places where a stream's time runs backwards. */
function backwards(stream: string, items: readonly RawItem[]): readonly string[] {
  const { events } = readLog(items)
  return events.flatMap(({ version, time }, index) => {
    const before = events[index - 1]?.time ?? ''
    return time < before ? [`${stream}@${version} has the time ${time}, the event before it ${before}`] : []
  })
}

/**
 * A key has one answer, except for refusals before it took effect. The log has its events if it took effect,
 * and none otherwise.
 */
function answerFaults(world: World, clients: Clients, counts: CheckCounts): readonly string[] {
  return clients.answered.flatMap(({ service, stream, key, outcomes, unanswered }) => {
    counts.answers += outcomes.length
    const { log } = world.findStores(service)
    const recorded = log.all().filter((event) => event.stream === stream && event.causation === `command:${key}`)
    const done = outcomes.filter((result) => result.outcome === 'done')
    const faults: string[] = []
    const [first] = done
    if (done.some((outcome) => !isDeepStrictEqual(outcome, first)))
      faults.push(`${stream}: ${key} has the answers ${JSON.stringify(outcomes)}`)
    if (first && first.events !== recorded.length)
      faults.push(`${stream}: the answer of ${key} has ${first.events} events, but the log has ${recorded.length}`)
    if (first && first.events > 0 && recorded.at(-1)?.version !== first.version)
      faults.push(
        `${stream}: the answer of ${key} has version ${first.version}, ` +
          `but its last event has ${recorded.at(-1)?.version}`,
      )
    // A refusal to a client is not stored. A call that had timed out may take effect after it.
    if (outcomes.length > 0 && first === undefined && unanswered === 0 && recorded.length > 0)
      faults.push(`${stream}: ${key} was refused, but the log has its events`)
    return faults
  })
}

function hubFaults(world: World, name: string, counts: CheckCounts): readonly string[] {
  const { log, hub, foreign } = world.findStores(name)
  const logged = Map.groupBy(log.all(), ({ stream }) => stream)
  const sent = new Map<string, string[]>()
  const faults: string[] = []
  for (const partition of hub.partitions)
    for (const message of partition.sent) {
      counts.hubs += 1
      if (foreign.has(message)) continue
      const { subject, streamversion, hash } = message.body as RawItem
      const hashes = sent.get(subject) ?? []
      sent.set(subject, hashes)
      if (streamversion > hashes.length + 1) faults.push(`${subject}@${streamversion} was sent after ${hashes.length}`)
      else if (streamversion === hashes.length + 1) hashes.push(hash)
    }
  for (const stream of new Set([...logged.keys(), ...sent.keys()])) {
    const [should, has] = [logged.get(stream)?.map(({ hash }) => hash) ?? [], sent.get(stream) ?? []]
    if (!isDeepStrictEqual(should, has))
      faults.push(`${stream}: the hub of ${name} has ${has.length} of ${should.length} events, or other events`)
  }
  return faults
}

/**
 * Checks that every parked stream had a cause, and that every consumer stored each message that is not an event.
 */
function parkedFaults({ ground, poison, partitions, stores }: World, counts: CheckCounts): readonly string[] {
  const faults: string[] = []
  const isAsItWas = !ground.faults.happened.some(({ kind }) => kind === 'expire')
  for (const { parked } of stores.values())
    for (const { handler, stream, version, code, reason } of parked) {
      counts.parked += 1
      const isCaused =
        failureClass(code) === 'passing'
          ? ground.faults.happened.length > 0
          : PERMANENT.has(code) && poison.met(handler.split('@')[0] ?? handler, stream)
      if (!isCaused) faults.push(`${stream}@${version} was parked for ${handler} without a cause: ${code}: ${reason}`)
    }
  for (const { service, consumer, hub, partition } of partitions) {
    const kept = stores.get(service)?.parkings.get(consumer)?.keptMessages ?? []
    const its = kept.filter(({ place }) => place.hub === hub && place.partition === partition.id)
    const strange = [...(stores.get(hub)?.foreign ?? [])]
      .filter(([message, isOfNobody]) => partition.sent[message.sequence] === message && !isOfNobody)
      .map(([message]) => message.sequence)
    counts.parked += its.length
    for (const { place, reason } of its)
      if (!strange.includes(place.sequence ?? -1))
        faults.push(`${consumer} stored message ${place.sequence} of ${hub} ${partition.id} without a cause: ${reason}`)
    if (isAsItWas && its.length !== strange.length)
      faults.push(`${consumer} stored ${its.length} of ${strange.length} foreign messages of ${hub} ${partition.id}`)
  }
  return faults
}

/** The permanent errors that may park a stream: bugs, and what a damaged feed shows. */
const PERMANENT: ReadonlySet<string> = new Set(['handler-failed', 'hash-mismatch', 'event-unreadable'])

/** A view, and its content by the second fold. */
interface ExpectedView {
  readonly service: string
  readonly name: string
  readonly documents: ReadonlyMap<string, Record<string, unknown>>
  /** The last versions of streams, if the view has a document for each. */
  readonly of?: { readonly category: string; readonly versions: ReadonlyMap<string, number> }
}

async function rebuildFaults(world: World, counts: CheckCounts): Promise<readonly string[]> {
  const faults: string[] = []
  for (const { rebuilt, views } of world.stores.values())
    for (const [view, { action, state, code = '', reason }] of rebuilt) {
      counts.rebuilds += 1
      if (state === 'failed' && !REBUILD_ENDS.has(code))
        faults.push(`the ${action} of ${view} failed: ${code}: ${reason}`)
      const { live, built } = (await views.readPointer(view)).pointer
      if (built === undefined) continue
      const [ofBuilt, ofLive] = await Promise.all(
        [built, live].map((number) => views.store(view, number).list({ filter: {}, limit: 10_000 })),
      )
      if (!isDeepStrictEqual(ofBuilt, ofLive))
        faults.push(`generation ${built} of ${view} differs from the live generation ${live}`)
    }
  return faults
}

async function viewFaults(
  world: World,
  { orders, fulfilments, stock, payments, shipments }: Folds,
  { gates, crossings, passes, versions }: ExpectedProbe,
  counts: CheckCounts,
): Promise<readonly string[]> {
  const views: readonly ExpectedView[] = [
    { service: 'ordering', name: 'order', documents: orders.orders, of: { category: 'order', ...orders } },
    { service: 'ordering', name: 'sales-by-product', documents: orders.sales },
    { service: 'ordering', name: 'fulfilment', ...fulfilments, of: { category: 'fulfilment', ...fulfilments } },
    { service: 'inventory', name: 'stock-level', documents: stock.levels, of: { category: 'stock', ...stock } },
    { service: 'payments', name: 'payment', ...payments, of: { category: 'payment', ...payments } },
    { service: 'payments', name: 'takings', documents: payments.totals },
    { service: 'shipping', name: 'shipment', ...shipments, of: { category: 'shipment', ...shipments } },
    { service: 'probe', name: 'gate', documents: gates, of: { category: 'gate', versions } },
    { service: 'probe', name: 'crossings', documents: crossings },
    { service: 'probe', name: 'passes', documents: passes },
  ]
  const faults: string[] = []
  for (const view of views) faults.push(...(await checkView(world, view, counts)))
  return faults
}

async function checkView(
  world: World,
  { service, name, documents, of }: ExpectedView,
  counts: CheckCounts,
): Promise<readonly string[]> {
  const { views, service: declared } = world.findStores(service)
  const view = declared.views.find((each) => each.name === name)
  if (view === undefined) return [`${service} has no view ${name}`]
  const store = await views.live(name)
  const faults: string[] = []
  const shown = (value: unknown): string => JSON.stringify(value) ?? 'nothing'
  for (const [id, document] of documents) {
    counts.views += 1
    const stream = `${of?.category}-${id}`
    const found = await store.read(of ? stream : id)
    if (!isDeepStrictEqual(found?.document, document))
      faults.push(`${name} ${id}: the log gives ${shown(document)}, the view has ${shown(found?.document)}`)
    const version = of?.versions.get(stream)
    if (of && found?.cursor?.version !== version)
      faults.push(`${name} ${id}: the log is at ${version}, the view at ${found?.cursor?.version}`)
  }
  // A view that has a filter by a few values is listed by each of them.
  const [filter] = Object.entries(view.filters).flatMap(([field, values]) =>
    typeof values === 'string' ? [] : [{ field, values }],
  )
  const filters: readonly Record<string, string>[] = [
    {},
    ...(filter ? filter.values.map((value) => ({ [filter.field]: value })) : []),
  ]
  for (const each of filters) {
    const listed = (await store.list({ filter: each, limit: Number.MAX_SAFE_INTEGER })).map(({ document }) => document)
    const should = [...documents.values()].filter((document) =>
      Object.entries(each).every(([field, value]) => document[field] === value),
    )
    counts.views += 1
    if (
      listed.length !== should.length ||
      should.some((document) => !listed.some((one) => isDeepStrictEqual(one, document)))
    )
      faults.push(
        `the list ${name} ${shown(each)} has ${listed.length} documents instead of ${should.length}, or other ones`,
      )
  }
  return faults
}
