import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import { type DomainEvent, type RecordedEvent, TidemarkError } from 'tidemark'
import { compose } from 'tidemark/azure-functions'
import { toCloudEvent } from 'tidemark/tools'
import { appendStream, readHead, recordedAfter } from '../packages/tidemark/test/support/commits.ts'
import { cosmosLog } from '../packages/tidemark/test/support/handling.ts'
import { order } from '../src/ordering/order.ts'
import { orderView } from '../src/ordering/order-view.ts'
import { ordering } from '../src/ordering/service.ts'
import { keptAddress, placed } from '../test/support/orders.ts'
import { System } from '../test/support/system.ts'

/**
 * The cost of parked streams to other streams. Batches of good events are delivered to ordering's views:
 * without parked streams, beside many, and with further events of parked streams in each batch. It also
 * measures the rate of a redrive. The views, the parking and the Cosmos DB emulator are the real ones. A
 * trigger is left out, since it does the same in all cases. Two clouds, without and with parked streams, take turns.
 */

const short = process.argv.includes('--short')
const ROUNDS = short ? 2 : 7
const PARKED = short ? 20 : 200
/** Each stream has two events: an order that is placed and moved. */
const BATCHES = short ? 2 : 24
const STREAMS_A_BATCH = 50
/** Events of parked streams in each batch of the third kind: one message of eleven. */
const WAITING_A_BATCH = 10
/** The number of events of each parked stream at the redrive. */
const LATER = short ? 5 : 10

const BROKEN = 'broken'
const ignore = (): void => {}

/** The first events of an order, or the ones after `before`. */
function buildEvents(id: string, count: number, before: readonly RecordedEvent[] = []): RecordedEvent[] {
  const stream = `order-${id}`
  const customerId = id.startsWith(BROKEN) ? BROKEN : 'good'
  const place: DomainEvent = { type: placed.type, data: { ...placed.data, orderId: id, customerId } }
  const move: DomainEvent = { type: 'ShippingAddressChanged', data: { orderId: id, shippingAddress: keptAddress } }
  const all = [...before]
  while (all.length < before.length + count)
    all.push(
      ...recordedAfter({ service: ordering, decider: order, stream }, all.slice(-1), all.length === 0 ? place : move),
    )
  return all.slice(before.length)
}

/** A cloud, with ordering on it in this process. */
class Shop {
  readonly system: System
  readonly log: ReturnType<typeof cosmosLog>
  readonly service: ReturnType<typeof compose>
  readonly waiting = new Map<string, RecordedEvent[]>()
  isBroken = true
  #sent = 0
  #ids = 0
  #turn = 0

  constructor(system: System) {
    this.system = system
    this.log = cosmosLog(system.log)
    const view: typeof orderView = {
      ...orderView,
      evolve: (document, event) => {
        const after = orderView.evolve(document, event)
        // An error as after a deployment in the wrong order. Any other would pause the view after so many.
        if (this.isBroken && after?.customerId === BROKEN)
          throw new TidemarkError('event-unknown', 'planned by the bench')
        return after
      },
    }
    const views = ordering.views.map((each) => (each === orderView ? view : each))
    this.service = compose({ ...ordering, views }, system.settings)
  }

  /** Delivers a batch as the trigger of partition 0 does. */
  async deliver(events: readonly RecordedEvent[]): Promise<void> {
    const time = new Date().toISOString()
    const sequences = events.map((_, index) => this.#sent + index)
    this.#sent += events.length
    const [first, last] = [sequences[0] ?? 0, this.#sent - 1].map((sequence) => ({ sequence, time }))
    assert.ok(first && last)
    // As received over the network.
    const messages: unknown[] = JSON.parse(JSON.stringify(events.map(toCloudEvent)))
    await this.service.project({ partition: '0', messages, sequences, first, last }, ignore)
  }

  /** Parks streams whose events cannot be processed, each with its first event. */
  async park(): Promise<void> {
    const ids = Array.from({ length: PARKED }, (_, index) => `${BROKEN}-${index}`)
    for (let at = 0; at < ids.length; at += STREAMS_A_BATCH) {
      const events = ids.slice(at, at + STREAMS_A_BATCH).flatMap((id) => buildEvents(id, 1))
      for (const event of events) {
        await appendStream(this.log, [event])
        this.waiting.set(event.stream, [event])
      }
      await this.deliver(events)
    }
    assert.equal((await this.service.parked({})).streams.length, PARKED)
  }

  goodBatch(): RecordedEvent[] {
    return Array.from({ length: STREAMS_A_BATCH }, () => buildEvents(`good-${this.#ids++}`, 2)).flat()
  }

  /** The next event of some of the parked streams, in turns. */
  async nextOfWaiting(): Promise<RecordedEvent[]> {
    const streams = [...this.waiting.keys()]
    const events: RecordedEvent[] = []
    for (let n = 0; n < WAITING_A_BATCH; n += 1) {
      const stream = streams[this.#turn++ % streams.length] ?? ''
      events.push(...(await this.grow(stream, 1)))
    }
    return events
  }

  /** Appends events to a parked stream. @returns them. */
  async grow(stream: string, count: number): Promise<readonly RecordedEvent[]> {
    const has = this.waiting.get(stream) ?? []
    const events = buildEvents(stream.slice('order-'.length), count, has)
    for (const event of events) {
      const result = await this.log.append(readHead(has.slice(-1)), [
        { stream, key: `of version ${event.version}`, fingerprint: '', events: [event] },
      ])
      assert.deepEqual(result, { outcome: 'appended' })
      has.push(event)
    }
    return events
  }
}

/** Good events per second, while whole batches are delivered. */
async function round(shop: Shop, batches: readonly (readonly RecordedEvent[])[], good: number): Promise<number> {
  const began = performance.now()
  for (const batch of batches) await shop.deliver(batch)
  return good / ((performance.now() - began) / 1000)
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN
const summarize = (values: readonly number[]) => ({
  median: median(values),
  least: Math.min(...values),
  most: Math.max(...values),
})

const [free, busy] = [
  await System.cloudAlone({ services: ['ordering'] }),
  await System.cloudAlone({ services: ['ordering'] }),
]
const rates = { free: [] as number[], beside: [] as number[], among: [] as number[] }
let redriven = { streams: 0, events: 0, seconds: 0 }
try {
  const [none, many] = [new Shop(free), new Shop(busy)]
  process.stderr.write(`${PARKED} streams are parked …\n`)
  await many.park()
  const good = BATCHES * STREAMS_A_BATCH * 2
  const goodBatches = (shop: Shop) => Array.from({ length: BATCHES }, () => shop.goodBatch())
  // The first round is a warm-up.
  for (let n = 0; n <= ROUNDS; n += 1) {
    process.stderr.write(`round ${n} of ${ROUNDS} …\n`)
    const mixed: RecordedEvent[][] = []
    for (const batch of goodBatches(many)) mixed.push([...batch, ...(await many.nextOfWaiting())])
    const [a, again, b, c] = [goodBatches(none), goodBatches(none), goodBatches(many), mixed]
    const runs = [
      async () => rates.free.push(await round(none, a, good)),
      // Twice, so that both clouds end up with equally much data.
      async () => rates.free.push(await round(none, again, good)),
      async () => rates.beside.push(await round(many, b, good)),
      async () => rates.among.push(await round(many, c, good)),
    ]
    // The order changes with each round.
    for (let at = 0; at < runs.length; at += 1) await runs[(n + at) % runs.length]?.()
  }
  for (const [each, warm] of [
    [rates.free, 2],
    [rates.beside, 1],
    [rates.among, 1],
  ] as const)
    each.splice(0, warm)

  process.stderr.write('the parked streams grow …')
  for (const [stream, has] of many.waiting) await many.deliver(await many.grow(stream, Math.max(1, LATER - has.length)))
  assert.equal((await many.service.parked({})).streams.length, PARKED)
  many.isBroken = false
  const chosen = await many.service.chooseParked({}, 'redrive')
  const events = [...many.waiting.values()].reduce((sum, { length }) => sum + length, 0)
  const began = performance.now()
  let done = 0
  for await (const { outcome } of many.service.actOnParked(chosen, 'redrive', { by: 'bench', reason: 'bench' }, ignore))
    if (outcome === 'done') done += 1
  redriven = { streams: done, events, seconds: (performance.now() - began) / 1000 }
  assert.equal(done, PARKED)
  assert.deepEqual(await many.service.parked({}), { streams: [], messages: [] })
  await Promise.all([none.service.close(), many.service.close()])
} finally {
  await Promise.all([free.remove(), busy.remove()])
}

const [alone, beside, among] = [summarize(rates.free), summarize(rates.beside), summarize(rates.among)]
console.log('good events a second               median   least    most   ratio')
for (const [name, { median, least, most }] of [
  ['nothing is parked', alone],
  [`${PARKED} streams are parked`, beside],
  [`1 message of 11 is of these`, among],
] as const)
  console.log(
    `${name.padEnd(33)} ${[median, least, most].map((value) => value.toFixed(0).padStart(7)).join(' ')} ` +
      `${(median / alone.median).toFixed(2).padStart(7)}`,
  )
const perSecond = redriven.events / redriven.seconds
console.log(
  `\nredrive: ${redriven.streams} streams of ${redriven.events} events in ` +
    `${redriven.seconds.toFixed(1)} s = ${perSecond.toFixed(0)} events/s, ` +
    `${(redriven.streams / redriven.seconds).toFixed(0)} streams/s`,
)
mkdirSync('bench/results', { recursive: true })
const results = { parked: PARKED, alone, beside, among, redriven: { ...redriven, eventsPerSecond: perSecond } }
writeFileSync('bench/results/parked.json', `${JSON.stringify(results, null, 2)}\n`)
console.log('\nbench/results/parked.json')
