import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { foldRawStock } from '../../../cli/demo/raw-stock.ts'
import { isRefusal } from '../../../src/core/decider.ts'
import { inventory } from '../../../src/services/inventory/service.ts'
import { stock } from '../../../src/services/inventory/stock.ts'
import { rawItemsOf } from '../../support/raw-items.ts'
import { Reacting } from '../../support/reacting.ts'
import { recorded } from '../../support/recorded.ts'

const ON_HAND = 8
const SKUS = ['cup', 'tea']

/** What an order has of each product, and how far its shipment came. */
const order = fc.record({
  quantities: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 2, maxLength: 2 }),
  shipment: fc.constantFrom('prepared', 'dispatched', 'returned'),
})
const deliveries = fc.array(fc.tuple(fc.nat(), fc.nat()), { maxLength: 6 })
const deaths = fc.array(fc.integer({ min: 1, max: 30 }), { maxLength: 2 })

describe('the stock of a shipment', () => {
  it('leaves once when it is dispatched and comes back once when it is returned, whatever is delivered when; what was not reserved never leaves', async () => {
    let [shipped, returned, refusals] = [0, 0, 0]
    const property = fc.asyncProperty(
      fc.scheduler(),
      fc.array(order, { minLength: 1, maxLength: 4 }),
      deliveries,
      deaths,
      async (scheduler, orders, brought, dying) => {
        const world = new Reacting(inventory, scheduler)
        const reserved = new Map<string, number>()
        for (const sku of SKUS) {
          await world.command(stock, sku, 'receive', { type: 'receive', data: { quantity: ON_HAND } })
          for (const [index, { quantities }] of orders.entries()) {
            const quantity = quantities[SKUS.indexOf(sku)] ?? 0
            const data = { orderId: String(index), quantity }
            await world.command(stock, sku, `reserve:${index}`, { type: 'reserve', data })
            if (world.log.all().at(-1)?.type === 'UnitsReserved') reserved.set(`${index}:${sku}`, quantity)
          }
        }
        const streams = orders.map(({ quantities, shipment }, index) => {
          const lines = SKUS.map((sku, place) => ({ sku, quantity: quantities[place] ?? 0 }))
          const data = { orderId: String(index), lines }
          const events = ['ShipmentPrepared', 'ShipmentDispatched', 'ShipmentReturned'].slice(
            0,
            { prepared: 1, dispatched: 2, returned: 3 }[shipment],
          )
          return recorded(`shipment-${index}`, ...events.map((type) => ({ type, data })))
        })
        const mortal = dying.map((steps) => world.instance(steps))
        const last = world.instance()
        await scheduler.waitFor(
          Promise.all([
            ...brought.map(([host, stream]) => mortal[host % mortal.length]?.(streams[stream % streams.length] ?? [])),
            ...streams.flatMap((events) => [last(events), last(events.slice(0, 1)), last(events)]),
          ]),
        )
        const { faults, units, levels } = foldRawStock(rawItemsOf(world.log.all()))
        // What was not reserved was returned all the same: the warehouse has it.
        const unreserved = faults.filter((fault) => !fault.endsWith('more came back than was shipped'))
        assert.deepEqual(unreserved, [])
        for (const [index, { quantities, shipment }] of orders.entries())
          for (const [place, sku] of SKUS.entries()) {
            const had = reserved.get(`${index}:${sku}`) ?? 0
            const line = units.get(String(index))?.get(sku)
            assert.equal(line?.shipped, shipment === 'prepared' ? 0 : had, `shipped of ${sku} for ${index}`)
            assert.equal(line?.returned, shipment === 'returned' ? quantities[place] : 0)
            shipped += line?.shipped ?? 0
            returned += line?.returned ?? 0
            if (shipment !== 'prepared' && had === 0) refusals += 1
          }
        for (const { onHand, reserved: held, available } of levels.values()) {
          assert.ok(Number(held) >= 0 && Number(available) >= 0 && Number(onHand) >= 0)
        }
      },
    )
    await fc.assert(property, { numRuns: 200 })
    console.log(`# ${shipped} units left, ${returned} came back, ${refusals} shipments found nothing reserved`)
    assert.ok(shipped > 100 && returned > 50 && refusals > 10)
  })

  it('leaves the state with its shipment: a product that sells for years stays as small as its open orders', () => {
    let state = stock.initial
    let decided = 0
    const decide = (command: Parameters<typeof stock.decide>[1]): void => {
      const events = stock.decide(state, command, { id: 'tea', now: '2026-01-01T00:00:00.000Z' })
      assert.ok(!isRefusal(events))
      decided += events.length
      for (const event of events) state = stock.evolve(state, event)
    }
    decide({ type: 'receive', data: { quantity: 1000 } })
    for (let index = 0; index < 500; index += 1) {
      decide({ type: 'reserve', data: { orderId: String(index), quantity: 2 } })
      decide({ type: 'ship', data: { orderId: String(index) } })
    }
    assert.equal(decided, 1001)
    assert.deepEqual(state, { onHand: 0, reserved: 0, reservations: {} })
  })
})
