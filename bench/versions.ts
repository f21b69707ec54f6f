import { mkdirSync, writeFileSync } from 'node:fs'
import type { RecordedEvent } from 'tidemark'
import { compose } from 'tidemark/azure-functions'
import { eventReader } from 'tidemark/tools'
import { random } from '../packages/cli/demo/random.ts'
import { commit, readHead } from '../packages/tidemark/test/support/commits.ts'
import { cosmosLog } from '../packages/tidemark/test/support/handling.ts'
import { recordedTogether } from '../packages/tidemark/test/support/recorded.ts'
import { writtenBy } from '../packages/tidemark/test/support/versions.ts'
import { orderEvents } from '../src/ordering/events.ts'
import { orderView } from '../src/ordering/order-view.ts'
import { salesByProduct } from '../src/ordering/sales-by-product.ts'
import { ordering } from '../src/ordering/service.ts'
import { System } from '../test/support/system.ts'

/**
 * The cost of events of older versions. First the reader alone, with an order's event of the newest version,
 * one step and three steps behind. Then rebuilds from two logs of the same orders: in a mixture of versions
 * as older code wrote them, and as today's code does. The two take turns, so that other load on the machine
 * affects both.
 */

const short = process.argv.includes('--short')
const READ_MS = short ? 200 : 2_000
const ORDERS = short ? 200 : 2_000
const ROUNDS = short ? 1 : 5

type Content = Pick<RecordedEvent, 'type' | 'data' | 'schemaVersion' | 'readableFrom' | 'published'>

/** Orders in each version's form. The same seed gives the same orders. */
function order(id: string, seed: number): { placed: readonly unknown[]; moved: readonly unknown[]; isMoved: boolean } {
  const { between, chance } = random(seed)
  const lines = Array.from({ length: between(1, 5) }, (_, index) => ({
    sku: `product-${index}-${between(0, 20)}`,
    quantity: between(1, 9),
    unitPrice: between(100, 9_999),
  }))
  const amount = lines.reduce((sum, { quantity, unitPrice }) => sum + quantity * unitPrice, 0)
  const rest = { name: 'Ada Lovelace', postalCode: '9000', city: 'Ghent', country: 'BE' }
  const number = String(between(1, 300))
  const v1 = {
    orderId: id,
    customerId: `customer-${between(1, 500)}`,
    lines,
    total: { currency: 'EUR', amount },
    shippingAddress: { ...rest, street: `Graslei ${number}` },
  }
  const v2 = { ...v1, payment: { method: 'card', withinSeconds: 900 } }
  const v3 = { ...v2, channel: 'web' }
  const v4 = { ...v3, shippingAddress: { ...rest, streetName: 'Graslei', houseNumber: number } }
  const v5 = { ...v4, reference: `PO-${number}` }
  return {
    placed: [v1, v2, v3, v4, v5],
    moved: [
      { orderId: id, shippingAddress: { ...rest, street: `Korenlei ${number}` } },
      { orderId: id, shippingAddress: { ...rest, streetName: 'Korenlei', houseNumber: number } },
    ],
    isMoved: chance(0.3),
  }
}

/** In the form that today's code writes. */
const written = (type: string, data: unknown): Content => writtenBy(ordering, { events: orderEvents }, { type, data })

/** @param version the version of the placing event. If it is not the newest, the moving event has version 1. */
function buildStream(seed: number, version: number): RecordedEvent[] {
  const id = String(seed)
  const { placed, moved, isMoved } = order(id, seed)
  const isOld = version < placed.length
  const as = (type: string, schemaVersion: number, data: unknown): Content =>
    isOld
      ? { type, schemaVersion, ...(schemaVersion > 1 && schemaVersion < 4 ? { readableFrom: 1 } : {}), data }
      : written(type, data)
  return recordedTogether(
    `order-${id}`,
    as('OrderPlaced', version, placed[version - 1]),
    ...(isMoved ? [as('ShippingAddressChanged', 1, moved[isOld ? 0 : 1])] : []),
    written('OrderConfirmed', { orderId: id }),
    written('OrderCompleted', { orderId: id }),
  )
}

/** Reads per second of many different events. */
function readsPerSecond(reader: ReturnType<typeof eventReader>, contents: readonly Content[]): number {
  const run = (milliseconds: number): number => {
    const started = performance.now()
    let count = 0
    while (performance.now() - started < milliseconds) {
      for (const content of contents) reader.read(content, 'order-1@1')
      count += contents.length
    }
    return (count * 1000) / (performance.now() - started)
  }
  run(READ_MS / 4)
  return run(READ_MS)
}

function readers(): { checked: string; newest: number; oneStep: number; threeSteps: number }[] {
  const placedIn = (version: number): Content[] =>
    Array.from({ length: 100 }, (_, seed) => buildStream(seed, version)[0] as RecordedEvent)
  return (['own', 'foreign'] as const).map((checked) => {
    const reader = eventReader(orderEvents, checked)
    const [newest, oneStep, threeSteps] = [5, 4, 2].map((version) => readsPerSecond(reader, placedIn(version)))
    return { checked, newest: newest ?? 0, oneStep: oneStep ?? 0, threeSteps: threeSteps ?? 0 }
  })
}

interface Log {
  readonly system: System
  readonly events: number
  readonly bytes: number
}

/** A cloud of its own with a log of the orders. */
async function createLog(version: (seed: number) => number): Promise<Log> {
  const system = await System.cloudAlone()
  const store = cosmosLog(system.log)
  let [events, bytes, seed] = [0, 0, 0]
  const write = async (): Promise<void> => {
    while (seed < ORDERS) {
      seed += 1
      const stream = buildStream(seed, version(seed))
      const { outcome } = await store.append(readHead([]), [commit(`bench-${seed}`, stream)])
      if (outcome !== 'appended') throw new Error(`an append ended with ${outcome}`)
      events += stream.length
      bytes += Buffer.byteLength(JSON.stringify(stream))
    }
  }
  await Promise.all(Array.from({ length: 16 }, write))
  return { system, events, bytes }
}

/** @returns the time to read the whole log, without the promotion, in milliseconds. */
async function replay({ system, events }: Log, view: typeof orderView | typeof salesByProduct): Promise<number> {
  let [begun, handover] = [0, 0]
  const done = await compose(ordering, system.settings).rebuildView(view, {
    begin() {
      begun = performance.now()
    },
    read() {},
    stage(stage) {
      if (stage === 'handover') handover = performance.now()
    },
  })
  if (done.events !== events) throw new Error(`${done.events} of ${events} events were read`)
  return handover - begun
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN

async function replays() {
  process.stderr.write(`two logs of ${ORDERS} orders …\n`)
  const logs: Log[] = []
  try {
    // Older code has written no event in the newest version of a type that has older ones.
    const mixed = await createLog((seed) => 1 + (seed % 3))
    logs.push(mixed)
    const current = await createLog(() => 5)
    logs.push(current)
    const results = []
    for (const view of [orderView, salesByProduct]) {
      const [old, today]: [number[], number[]] = [[], []]
      // The first round of each is a warm-up.
      for (let round = 0; round <= ROUNDS; round += 1) {
        process.stderr.write(`rebuild of ${view.name} ${round} of ${ROUNDS} …\n`)
        const took = [await replay(mixed, view), await replay(current, view)]
        if (round === 0) continue
        old.push(took[0] ?? Number.NaN)
        today.push(took[1] ?? Number.NaN)
      }
      const rate = (log: Log, times: readonly number[]): number => (log.events * 1000) / median(times)
      results.push({
        view: view.name,
        events: mixed.events,
        mixedBytesPerEvent: mixed.bytes / mixed.events,
        currentBytesPerEvent: current.bytes / current.events,
        mixedEventsPerSecond: rate(mixed, old),
        currentEventsPerSecond: rate(current, today),
        /** The time of the mixed log relative to that of the current one. */
        ratio: median(old) / median(today),
      })
    }
    return results
  } finally {
    for (const { system } of logs) await system.remove()
  }
}

const read = readers()
console.log('events read per second newest      one step    three steps')
for (const { checked, newest, oneStep, threeSteps } of read)
  console.log(
    `${checked.padEnd(22)} ${[newest, oneStep, threeSteps].map((rate) => rate.toFixed(0).padStart(11)).join(' ')}`,
  )
const replayed = await replays()
console.log('\nrebuild of          events   mixed/s  current/s  bytes/event  mixed : current')
for (const each of replayed)
  console.log(
    `${each.view.padEnd(18)} ${String(each.events).padStart(7)} ` +
      `${each.mixedEventsPerSecond.toFixed(0).padStart(9)} ` +
      `${each.currentEventsPerSecond.toFixed(0).padStart(10)} ` +
      `${`${each.mixedBytesPerEvent.toFixed(0)} ${each.currentBytesPerEvent.toFixed(0)}`.padStart(12)} ` +
      `${each.ratio.toFixed(2).padStart(16)}`,
  )
mkdirSync('bench/results', { recursive: true })
writeFileSync('bench/results/versions.json', `${JSON.stringify({ read, replays: replayed }, null, 2)}\n`)
console.log('\nbench/results/versions.json')
