import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { RecordedEvent } from 'tidemark'
import { foldRawStock } from '../../packages/cli/demo/raw-stock.ts'
import { toRawItems } from '../../packages/tidemark/test/support/raw-items.ts'
import { type Instance, Reacting } from '../../packages/tidemark/test/support/reacting.ts'
import { recorded } from '../../packages/tidemark/test/support/recorded.ts'
import { inventory } from '../../src/inventory/service.ts'
import { stock } from '../../src/inventory/stock.ts'
import { address } from '../support/orders.ts'

const SKUS = ['cup', 'pot', 'tea']

const line = fc.record({ sku: fc.constantFrom(...SKUS), quantity: fc.integer({ min: 1, max: 3 }) })
const lines = fc
  .uniqueArray(line, { selector: ({ sku }) => sku, minLength: 1 })
  .map((unsorted) => unsorted.toSorted((a, b) => (a.sku < b.sku ? -1 : 1)))
/** A cancelled order's stock is released by its fulfilment, in a stream of its own. */
const orders = fc.array(fc.record({ lines, cancelled: fc.boolean() }), { minLength: 1, maxLength: 4 })
/** The units of each product: at the start, and in later receipts. */
const supply = fc.record({
  first: fc.array(fc.nat(4), { minLength: 3, maxLength: 3 }),
  later: fc.array(fc.nat(2), { maxLength: 3 }),
})
/**
 * Instances, some of which die after a number of steps, and deliveries. Each delivery names an instance, a
 * stream and how many of its events are delivered.
 */
const instances = fc.array(fc.option(fc.integer({ min: 1, max: 40 }), { freq: 2 }), { minLength: 1, maxLength: 3 })
const deliveries = fc.array(fc.tuple(fc.nat(), fc.nat(), fc.nat()), { maxLength: 6 })
/** `inTurn`: the last instance takes one stream after another. */
const chaos = fc.record({ deaths: instances, brought: deliveries, inTurn: fc.boolean() })

type Order = {
  readonly lines: readonly { readonly sku: string; readonly quantity: number }[]
  readonly cancelled: boolean
}

/** The stream of the order, and of its fulfilment if it is cancelled. */
function buildStreams({ lines: its, cancelled }: Order, index: number): RecordedEvent[][] {
  const orderId = String(index)
  const payment = { method: 'card', withinSeconds: 900 }
  const total = { currency: 'EUR', amount: 0 }
  const priced = its.map((each) => ({ ...each, unitPrice: 0 }))
  const placed = { orderId, customerId: 'c', lines: priced, total, shippingAddress: address, payment }
  const order = recorded(
    `order-${orderId}`,
    { type: 'OrderPlaced', data: placed },
    { type: 'ShippingAddressChanged', data: { orderId, shippingAddress: address } },
    ...(cancelled ? [{ type: 'OrderCancelled', data: { orderId, lines: priced, total, reason: 'late' } }] : []),
  )
  const asked = [
    { type: 'VoidRequested', data: { orderId, reason: 'late' } },
    { type: 'StockReleaseRequested', data: { orderId, lines: its } },
  ]
  return cancelled ? [order, recorded(`fulfilment-${orderId}`, ...asked)] : [order]
}

/** Asserts from the log alone that each order holds everything or nothing, and nothing that is not in stock. */
function assertSettled(log: Reacting['log'], all: readonly Order[]): void {
  const found = foldRawStock(toRawItems(log.all()))
  assert.deepEqual(found.faults, [])
  for (const [index, { lines: its, cancelled }] of all.entries()) {
    const outcome = found.reservations.get(String(index))
    const units = found.units.get(String(index)) ?? new Map()
    const held = its.map(({ sku }) => (units.get(sku)?.reserved ?? 0) - (units.get(sku)?.released ?? 0))
    const nothing = its.map(() => 0)
    if (outcome === 'StockReserved') {
      assert.equal(cancelled, false, `order ${index} was cancelled`)
      assert.deepEqual(
        held,
        its.map(({ quantity }) => quantity),
        `order ${index}`,
      )
    } else {
      assert.ok(
        outcome === 'StockReservationRejected' || (cancelled && outcome === 'StockReservationCancelled'),
        outcome,
      )
      assert.deepEqual(held, nothing, `order ${index}: ${outcome}`)
    }
  }
}

async function receive(world: Reacting, quantities: readonly number[], key: string): Promise<void> {
  for (const [index, quantity] of quantities.entries())
    if (quantity > 0) await world.command(stock, SKUS[index] ?? '', key, { type: 'receive', data: { quantity } })
}

async function eachInTurn(instance: Instance, streams: readonly RecordedEvent[][]): Promise<void> {
  for (const events of streams) await instance(events)
}

describe('the reservation of stock', () => {
  it('never oversells and never leaks, for any interleaving of instances, redeliveries and crashes', async () => {
    let [compared, rejected, reservedAll, cancelledFirst, cancelledLater] = [0, 0, 0, 0, 0]
    const property = fc.asyncProperty(
      fc.scheduler(),
      orders,
      supply,
      chaos,
      async (scheduler, all, { first, later }, { deaths, brought, inTurn }) => {
        const world = new Reacting(inventory, scheduler)
        await receive(world, first, 'first')
        const streams = all.flatMap(buildStreams)
        const hosts = deaths.map((dies) => world.instance(dies ?? Number.POSITIVE_INFINITY))
        const running = brought.map(([host, stream, upTo]) => {
          const events = streams[stream % streams.length] ?? []
          return hosts[host % hosts.length]?.(events.slice(0, 1 + (upTo % events.length)))
        })
        // The instance that receives everything in the end, while others may still run.
        const last = world.instance()
        // In turn, as when a partition lags, or when a customer cancels an order that is already reserved.
        running.push(...(inTurn ? [eachInTurn(last, streams)] : streams.map((events) => last(events))))
        running.push(
          (async () => {
            for (const [index, quantity] of later.entries()) {
              await scheduler.schedule(Promise.resolve())
              await receive(
                world,
                SKUS.map((_, sku) => (sku === index ? quantity : 0)),
                'later',
              )
            }
          })(),
        )
        await scheduler.waitFor(Promise.all(running))
        assertSettled(world.log, all)
        compared += 1
        const outcomes = world.log.all()
        if (outcomes.some(({ type }) => type === 'StockReservationRejected')) rejected += 1
        if (outcomes.some(({ type }) => type === 'StockReserved')) reservedAll += 1
        const cancellations = outcomes.filter(({ type }) => type === 'StockReservationCancelled')
        if (cancellations.some(({ version }) => version === 1)) cancelledFirst += 1
        if (cancellations.some(({ version }) => version > 1)) cancelledLater += 1
      },
    )
    await fc.assert(property, { numRuns: 300 })
    console.log(
      `# ${compared} histories: ${reservedAll} with a reservation, ${rejected} with a rejection, ` +
        `${cancelledFirst} with an earlier release, ${cancelledLater} with a later one`,
    )
    assert.ok(rejected > 20 && reservedAll > 20 && cancelledFirst > 20 && cancelledLater > 5)
  })

  it('is correct without any consumer progress: each event alone, twice, in any order', async () => {
    let late = 0
    const property = fc.asyncProperty(fc.scheduler(), orders, supply, async (scheduler, all, { first }) => {
      const world = new Reacting(inventory, scheduler)
      await receive(world, first, 'first')
      const once = all
        .flatMap(buildStreams)
        .flat()
        .map(({ stream, version, type, data }) => recorded(`${stream}.${version}`, { type, data }))
      const running = [world.instance(), world.instance()].flatMap((instance) => once.map((events) => instance(events)))
      await scheduler.waitFor(Promise.all(running))
      assertSettled(world.log, all)
      const types = world.log.all().filter(({ stream }) => stream.startsWith('reservation-'))
      if (types.some(({ type, version }) => type === 'StockReservationCancelled' && version === 1)) late += 1
    })
    await fc.assert(property, { numRuns: 200 })
    console.log(`# ${late} histories in which a release came before its reservation`)
    assert.ok(late > 10)
  })
})
