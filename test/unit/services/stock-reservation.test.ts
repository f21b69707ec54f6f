import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { foldRawStock } from '../../../cli/demo/raw-stock.ts'
import { MemoryEventStore } from '../../../src/adapters/memory/event-store.ts'
import { MemoryPositions } from '../../../src/adapters/memory/positions.ts'
import { MemorySchedule } from '../../../src/adapters/memory/schedule.ts'
import { toCloudEvent } from '../../../src/core/cloud-event.ts'
import type { AnyDecider } from '../../../src/core/decider.ts'
import { isTidemarkError } from '../../../src/core/errors.ts'
import type { RecordedEvent } from '../../../src/core/event.ts'
import { handleCommand } from '../../../src/flow/command.ts'
import { reaction } from '../../../src/flow/react.ts'
import { stateCache } from '../../../src/flow/state-cache.ts'
import { inventory } from '../../../src/services/inventory/service.ts'
import { stock } from '../../../src/services/inventory/stock.ts'
import { stockReservation } from '../../../src/services/inventory/stock-reservation.ts'
import { ManualClock, request } from '../../support/fakes.ts'
import { address } from '../../support/orders.ts'
import { recorded } from '../../support/recorded.ts'
import { SteppedStore } from '../../support/stepped-store.ts'

const SKUS = ['cup', 'pot', 'tea']

const line = fc.record({ sku: fc.constantFrom(...SKUS), quantity: fc.integer({ min: 1, max: 3 }) })
const lines = fc
  .uniqueArray(line, { selector: ({ sku }) => sku, minLength: 1 })
  .map((unsorted) => unsorted.toSorted((a, b) => (a.sku < b.sku ? -1 : 1)))
const orders = fc.array(fc.record({ lines, cancelled: fc.boolean() }), { minLength: 1, maxLength: 4 })
/** Units of each product: at the beginning, and in deliveries that come while orders are worked on. */
const supply = fc.record({
  first: fc.array(fc.nat(4), { minLength: 3, maxLength: 3 }),
  later: fc.array(fc.nat(2), { maxLength: 3 }),
})
/** Instances that take what is brought; `dies` after so many steps, if it does. Each delivery names an instance, an order and how much of it comes. */
const instances = fc.array(fc.option(fc.integer({ min: 1, max: 40 }), { freq: 2 }), { minLength: 1, maxLength: 3 })
const deliveries = fc.array(fc.tuple(fc.nat(), fc.nat(), fc.nat()), { maxLength: 6 })

class Dead extends Error {}

type Order = {
  readonly lines: readonly { readonly sku: string; readonly quantity: number }[]
  readonly cancelled: boolean
}

function streamOf({ lines: its, cancelled }: Order, index: number): RecordedEvent[] {
  const total = { currency: 'EUR', amount: 0 }
  const data = { orderId: String(index), lines: its.map((each) => ({ ...each, unitPrice: 0 })), total }
  const moved = {
    type: 'ShippingAddressChanged',
    data: { orderId: String(index), shippingAddress: address, payment: { method: 'card', withinSeconds: 900 } },
  }
  return recorded(
    `order-${index}`,
    {
      type: 'OrderPlaced',
      data: { ...data, customerId: 'c', shippingAddress: address, payment: { method: 'card', withinSeconds: 900 } },
    },
    moved,
    ...(cancelled ? [{ type: 'OrderCancelled', data: { ...data, reason: 'late' } }] : []),
  )
}

/** What must hold however it came about, read from the log alone: all of an order or nothing, and nothing that is not there. */
function assertSettled(log: MemoryEventStore, all: readonly Order[]): void {
  const found = foldRawStock(log.all())
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

describe('the reservation of stock', () => {
  const deps = (store: SteppedStore | MemoryEventStore) => ({
    service: inventory,
    store,
    cache: stateCache(100),
    clock: new ManualClock(),
  })

  /** A process with its own cache that ends at the step it dies at, and the deliveries that come meanwhile. */
  function world(scheduler: fc.Scheduler) {
    const log = new MemoryEventStore()
    const positions = new MemoryPositions()
    const instance = (diesAfter: number) => {
      let steps = 0
      const store = new SteppedStore(log, async () => {
        steps += 1
        if (steps > diesAfter) throw new Dead()
        await scheduler.schedule(Promise.resolve())
        if (steps > diesAfter) throw new Dead()
      })
      const own = deps(store)
      return reaction(
        {
          service: 'inventory',
          log: store,
          positions,
          schedule: new MemorySchedule(),
          command: (decider: AnyDecider, ...rest) => handleCommand(own, decider, ...rest),
        },
        stockReservation,
      )
    }
    const receive = (sku: string, quantity: number, key: string) =>
      handleCommand(deps(log), stock, request(key, { type: 'receive', data: { quantity } }, undefined, `stock-${sku}`))
    return { log, instance, receive }
  }

  /** What a trigger does with what failed: again, until it succeeds or its process is gone. */
  async function untilDone(task: () => Promise<void>): Promise<void> {
    for (;;)
      try {
        return await task()
      } catch (error) {
        if (error instanceof Dead) return
        if (!isTidemarkError(error) || !error.retriable) throw error
      }
  }

  it('never oversells and never leaks: any interleaving of instances, redeliveries, deaths and deliveries', async () => {
    let [compared, rejected, reservedAll] = [0, 0, 0]
    const property = fc.asyncProperty(
      fc.scheduler(),
      orders,
      supply,
      instances,
      deliveries,
      async (scheduler, all, { first, later }, deaths, brought) => {
        const { log, instance, receive } = world(scheduler)
        for (const [index, quantity] of first.entries())
          if (quantity > 0) await receive(SKUS[index] ?? '', quantity, 'first')
        const streams = all.map(streamOf)
        const hosts = deaths.map((dies) => instance(dies ?? Number.POSITIVE_INFINITY))
        const running = brought.map(([host, order, upTo]) => {
          const events = streams[order % streams.length] ?? []
          const part = events.slice(0, 1 + (upTo % events.length)).map(toCloudEvent)
          return untilDone(() => hosts[host % hosts.length]?.(part, () => {}) ?? Promise.resolve())
        })
        // The one that everything comes to in the end, while the others may still be at it.
        const last = instance(Number.POSITIVE_INFINITY)
        running.push(untilDone(() => last(streams.flat().map(toCloudEvent), () => {})))
        running.push(
          (async () => {
            for (const [index, quantity] of later.entries()) {
              await scheduler.schedule(Promise.resolve())
              if (quantity > 0) await receive(SKUS[index] ?? '', quantity, 'later')
            }
          })(),
        )
        await scheduler.waitFor(Promise.all(running))
        assertSettled(log, all)
        compared += 1
        const outcomes = log.all().map(({ type }) => type)
        if (outcomes.includes('StockReservationRejected')) rejected += 1
        if (outcomes.includes('StockReserved')) reservedAll += 1
      },
    )
    await fc.assert(property, { numRuns: 300 })
    console.log(`# ${compared} histories: ${reservedAll} with a reservation, ${rejected} with a rejection`)
    assert.ok(rejected > 20 && reservedAll > 20)
  })

  it('holds even where a cancellation overtakes its order: what a late reservation finds cancelled it releases', async () => {
    let late = 0
    const property = fc.asyncProperty(fc.scheduler(), orders, supply, async (scheduler, all, { first }) => {
      const log = new MemoryEventStore()
      const own = deps(
        new SteppedStore(log, async () => {
          await scheduler.schedule(Promise.resolve())
        }),
      )
      for (const [index, quantity] of first.entries())
        if (quantity > 0)
          await handleCommand(
            deps(log),
            stock,
            request('first', { type: 'receive', data: { quantity } }, undefined, `stock-${SKUS[index]}`),
          )
      // Each event by itself, twice, in no order: as if there were no positions.
      const events = all.flatMap(streamOf)
      const once = events.map(({ stream, version, type, data }) =>
        recorded(`${stream}.${version}`, { type, data }).map(toCloudEvent),
      )
      const react = (positions: MemoryPositions) =>
        reaction(
          {
            service: 'inventory',
            log: own.store,
            positions,
            schedule: new MemorySchedule(),
            command: (decider, ...rest) => handleCommand(own, decider, ...rest),
          },
          stockReservation,
        )
      const running = [new MemoryPositions(), new MemoryPositions()].flatMap((positions) =>
        once.map((messages) => untilDone(() => react(positions)(messages, () => {}))),
      )
      await scheduler.waitFor(Promise.all(running))
      assertSettled(log, all)
      const types = log.all().filter(({ stream }) => stream.startsWith('reservation-'))
      if (types.some(({ type, version }) => type === 'StockReservationCancelled' && version === 1)) late += 1
    })
    await fc.assert(property, { numRuns: 200 })
    console.log(`# ${late} histories in which a cancellation came first`)
    assert.ok(late > 10)
  })
})
