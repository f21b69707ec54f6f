import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { RecordedEvent } from 'tidemark'
import { foldRawStock } from '../../packages/cli/demo/raw-stock.ts'
import { toRawItems } from '../../packages/tidemark/test/support/raw-items.ts'
import { IMMEDIATE, Reacting } from '../../packages/tidemark/test/support/reacting.ts'
import { recorded } from '../../packages/tidemark/test/support/recorded.ts'
import { inventory } from '../../src/inventory/service.ts'
import { stock } from '../../src/inventory/stock.ts'
import { placedV1 } from '../support/orders.ts'

const ON_HAND = 6
const SKUS = ['cup', 'tea']

/**
 * An order's quantities, the last event of its shipment, and whether its stock is also released, as no real
 * shop would.
 */
const order = fc.record({
  quantities: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 2, maxLength: 2 }),
  shipment: fc.constantFrom('prepared', 'dispatched', 'returned'),
  released: fc.constantFrom('never', 'meanwhile', 'before'),
})
const deliveries = fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 6 })
const deaths = fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 2 })

describe('the stock of a shipment', () => {
  it('is removed once when dispatched, added once when returned, and never both released and shipped', async () => {
    let [shipped, returned, free, refusals, shippedFirst, cancelledFirst] = [0, 0, 0, 0, 0, 0]
    const property = fc.asyncProperty(
      fc.scheduler(),
      fc.array(order, { minLength: 1, maxLength: 4 }),
      deliveries,
      deaths,
      async (scheduler, orders, delivered, dying) => {
        const world = new Reacting(inventory, IMMEDIATE)
        for (const sku of SKUS)
          await world.command(stock, sku, 'receive', { type: 'receive', data: { quantity: ON_HAND } })
        const reserving = world.instance()
        const buildLines = (quantities: readonly number[]) =>
          SKUS.map((sku, place) => ({ sku, quantity: quantities[place] ?? 0 }))
        for (const [index, { quantities }] of orders.entries()) {
          const lines = buildLines(quantities).map((line) => ({ ...line, unitPrice: 0 }))
          const data = { ...placedV1.data, orderId: String(index), lines }
          await reserving(recorded(`order-${index}`, { ...placedV1, data }))
        }
        world.turns = scheduler
        const brought = orders.map(({ quantities, shipment, released }, index) => {
          const data = { orderId: String(index), lines: buildLines(quantities) }
          const events = ['ShipmentPrepared', 'ShipmentDispatched', 'ShipmentReturned'].slice(
            0,
            { prepared: 1, dispatched: 2, returned: 3 }[shipment],
          )
          const shipments = recorded(`shipment-${index}`, ...events.map((type) => ({ type, data })))
          const fulfilment = recorded(`fulfilment-${index}`, { type: 'StockReleaseRequested', data })
          return { shipments, released, fulfilment: released === 'never' ? undefined : fulfilment }
        })
        const mortal = dying.map((steps) => world.instance(steps))
        const [last, forgetful] = [world.instance(), world.instance()]
        const often = (events: RecordedEvent[]): Promise<unknown> =>
          Promise.all([last(events), last(events.slice(0, 1)), forgetful(events)])
        const streams = brought.flatMap(({ shipments, fulfilment }) =>
          fulfilment ? [shipments, fulfilment] : [shipments],
        )
        await scheduler.waitFor(
          Promise.all([
            ...delivered.map(([host, stream]) =>
              mortal[host % mortal.length]?.(streams[stream % streams.length] ?? []),
            ),
            ...brought.map(async ({ shipments, fulfilment, released }) => {
              if (fulfilment && released === 'before') await last(fulfilment)
              await Promise.all([often(shipments), fulfilment && often(fulfilment)])
            }),
          ]),
        )
        const { faults, units, levels, reservations } = foldRawStock(toRawItems(world.log.all()))
        // Returned units that were never reserved are accepted, since the warehouse has them.
        const unreserved = faults.filter((fault) => !fault.endsWith('more came back than was shipped'))
        assert.deepEqual(unreserved, [])
        for (const [index, { quantities, shipment, released }] of orders.entries()) {
          const outcome = reservations.get(String(index))
          const dispatched = shipment !== 'prepared'
          const letGo = released !== 'never'
          const rejected = outcome === 'StockReservationRejected'
          if (dispatched && rejected) refusals += 1
          if (dispatched && letGo && outcome === 'StockReservationShipped') shippedFirst += 1
          if (dispatched && letGo && outcome === 'StockReservationCancelled') cancelledFirst += 1
          if (!rejected) {
            const ends = [dispatched && 'StockReservationShipped', letGo && 'StockReservationCancelled'].filter(Boolean)
            assert.ok((ends.length > 0 ? ends : ['StockReserved']).includes(outcome ?? ''), `${index}: ${outcome}`)
          }
          for (const [place, sku] of SKUS.entries()) {
            const line = units.get(String(index))?.get(sku)
            const had = line?.reserved ?? 0
            assert.ok(rejected || had === quantities[place], `${sku} of ${index} was reserved completely`)
            const left = outcome === 'StockReservationShipped' ? had : 0
            const released = rejected || outcome === 'StockReservationCancelled' ? had : 0
            assert.deepEqual(
              [line?.shipped ?? 0, line?.released ?? 0],
              [left, released],
              `${sku} of ${index}: ${outcome}`,
            )
            assert.equal(line?.returned ?? 0, shipment === 'returned' ? quantities[place] : 0)
            shipped += left
            free += released
            returned += line?.returned ?? 0
          }
        }
        for (const { onHand, reserved: held, available } of levels.values()) {
          assert.ok(Number(held) >= 0 && Number(available) >= 0 && Number(onHand) >= 0)
        }
      },
    )
    await fc.assert(property, { numRuns: 120 })
    console.log(
      `# ${shipped} units were shipped, ${free} released and ${returned} returned; ${refusals} shipments found ` +
        `nothing reserved, ${cancelledFirst} found a release, and ${shippedFirst} releases found a shipment`,
    )
    assert.ok(shipped > 100 && free > 100 && returned > 50 && refusals > 10 && cancelledFirst > 5 && shippedFirst > 5)
  })
})
