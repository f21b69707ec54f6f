import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { DomainEvent } from 'tidemark'
import { eventReader } from 'tidemark/tools'
import { memoryLog } from '../../packages/tidemark/test/support/commits.ts'
import { everyEvent, request } from '../../packages/tidemark/test/support/fakes.ts'
import { foldState, handlingOn } from '../../packages/tidemark/test/support/handling.ts'
import { readDocument } from '../../packages/tidemark/test/support/projecting.ts'
import { recorded } from '../../packages/tidemark/test/support/recorded.ts'
import { writtenBy } from '../../packages/tidemark/test/support/versions.ts'
import { UnitsDeclined } from '../../src/inventory/events.ts'
import { inventory } from '../../src/inventory/service.ts'
import { stock } from '../../src/inventory/stock.ts'
import { stockLevel } from '../../src/inventory/stock-level.ts'
import { OrderPlaced } from '../../src/ordering/contract.ts'
import { PrivateOrderPlaced, ShippingAddressChanged } from '../../src/ordering/events.ts'
import { orderFulfilment } from '../../src/ordering/fulfilment-process.ts'
import { order } from '../../src/ordering/order.ts'
import { orderView } from '../../src/ordering/order-view.ts'
import { ordering } from '../../src/ordering/service.ts'

// As written by the versions of that time, without code of today.
const lines = [{ sku: 'tea', quantity: 2, unitPrice: 450 }]
const total = { currency: 'EUR', amount: 900 }
const inOneLine = { name: 'Ada', street: 'Quay 1a', postalCode: '9000', city: 'Ghent', country: 'BE' }
const apart = { name: 'Ada', streetName: 'Quay', houseNumber: '1a', postalCode: '9000', city: 'Ghent', country: 'BE' }
const transfer = { method: 'transfer', withinSeconds: 60 }

const v1 = { orderId: '1', customerId: 'ada', lines, total, shippingAddress: inOneLine }
const v2 = { ...v1, payment: transfer }
const v3 = { ...v2, channel: 'phone' }
const v4 = { ...v3, shippingAddress: apart }
const placedAs = (data: object, schemaVersion: number, readableFrom?: number) => ({
  type: 'OrderPlaced',
  schemaVersion,
  ...(readableFrom === undefined ? {} : { readableFrom }),
  data,
})
const inBruges = (address: object) => ({ orderId: '1', shippingAddress: { ...address, city: 'Bruges' } })
const movedV1 = { type: 'ShippingAddressChanged', schemaVersion: 1, data: inBruges(inOneLine) }
const movedV2 = { type: 'ShippingAddressChanged', schemaVersion: 2, data: inBruges(apart) }

interface Form {
  readonly version: number
  address(street: string): object
}
const older: Form = { version: 1, address: (street) => ({ ...inOneLine, street }) }
const newer: Form = {
  version: 2,
  address(street) {
    const { street: _, ...rest } = inOneLine
    // The same rule, written independently: the last word, if it starts with a digit.
    const words = street.split(' ')
    const last = words.at(-1) ?? ''
    if (words.length === 1 || !/^\d/.test(last)) return { ...rest, streetName: street }
    return { ...rest, streetName: words.slice(0, -1).join(' '), houseNumber: last }
  },
}

describe('an order placed in', () => {
  for (const [name, event, payment, channel] of [
    ['version 1', placedAs(v1, 1), { method: 'card', withinSeconds: 900 }, 'web'],
    ['version 2', placedAs(v2, 2, 1), transfer, 'web'],
    ['version 3', placedAs(v3, 3, 1), transfer, 'phone'],
    ['version 4', placedAs(v4, 4), transfer, 'phone'],
  ] as const) {
    it(`${name} leads to the same state and view as then`, async () => {
      const events = recorded('order-1', event)
      assert.deepEqual(foldState(order, events), {
        status: 'placed',
        lines,
        total,
        shippingAddress: apart,
      })
      const time = '2026-01-01T00:00:00.000Z'
      assert.deepEqual(await readDocument(orderView, order.events, events), {
        ...v1,
        status: 'placed',
        payment,
        channel,
        placedAt: time,
        updatedAt: time,
      })
    })

    it(`${name} gives its fulfilment exactly the same data`, async () => {
      const [reaction] = orderFulfilment.reactions
      assert.ok(reaction)
      const read = eventReader(reaction.events, 'own').readEvent
      const sent: unknown[] = []
      for (const publicEvent of recorded('order-1', event, movedV1, movedV2))
        await reaction.react(
          read(publicEvent),
          async (_decider, id, commandId, command) => {
            sent.push([id, commandId, command])
            return { events: [] }
          },
          async () => {},
        )
      const address = { ...inOneLine, city: 'Bruges' }
      const orderSnapshot = { lines: [{ sku: 'tea', quantity: 2 }], total, address: inOneLine, payment }
      assert.deepEqual(sent, [
        ['1', 'order-1@1', { type: 'start', data: orderSnapshot }],
        ['1', 'order-1@2', { type: 'note-address', data: { address } }],
        ['1', 'order-1@3', { type: 'note-address', data: { address } }],
      ])
    })

    it(`${name} accepts today's commands, and records their events in today's versions`, async () => {
      const log = await memoryLog(recorded('order-1', event, movedV1))
      const handle = handlingOn(ordering, log)
      const send = (key: string, type: string, data: unknown) =>
        handle(order, request(key, { type, data }, { stream: 'order-1' }))
      const same = { ...inOneLine, street: 'Quay', houseNumber: '1a', city: 'Bruges' }
      assert.partialDeepStrictEqual(await send('a', 'change-shipping-address', { shippingAddress: same }), {
        events: 0,
      })
      await send('b', 'change-shipping-address', { shippingAddress: inOneLine })
      await send('c', 'cancel', { reason: 'late' })
      const written = (await everyEvent(log)).slice(2)
      assert.deepEqual(
        written.map(({ type, schemaVersion, data }) => ({ type, schemaVersion, data })),
        [
          { type: 'ShippingAddressChanged', schemaVersion: 2, data: { orderId: '1', shippingAddress: apart } },
          { type: 'OrderCancelled', schemaVersion: 1, data: { orderId: '1', reason: 'late', lines, total } },
        ],
      )
    })
  }

  it("any version has the newest version's state and view, however often it was moved", () => {
    const moves = fc.array(fc.tuple(fc.boolean(), fc.constantFrom('Quay 1', 'Rue du 4 Septembre', 'D 10 12', 'x')))
    return fc.assert(
      fc.asyncProperty(fc.constantFrom(placedAs(v3, 3, 1), placedAs(v4, 4)), moves, async (first, made) => {
        const stream = (form: (isNew: boolean) => Form) =>
          recorded(
            'order-1',
            first,
            ...made.map(([isNew, street]) => {
              const { version, address } = form(isNew)
              return {
                type: 'ShippingAddressChanged',
                schemaVersion: version,
                data: { orderId: '1', shippingAddress: address(street) },
              }
            }),
          )
        const mixed = stream((isNew) => (isNew ? newer : older))
        const allNew = stream(() => newer)
        assert.deepEqual(foldState(order, mixed), foldState(order, allNew))
        const document = await readDocument(orderView, order.events, mixed)
        assert.deepEqual(document, await readDocument(orderView, order.events, allNew))
        const street = made.at(-1)?.[1] ?? inOneLine.street
        assert.partialDeepStrictEqual(document, { shippingAddress: { ...inOneLine, street } })
      }),
    )
  })
})

describe('the public event of an order', () => {
  it('is version 3, with the address in one line, whatever the private version', async () => {
    const log = await memoryLog()
    const shippingAddress = { ...inOneLine, street: 'Quay', houseNumber: '1a' }
    const data = { customerId: 'ada', currency: 'EUR', lines, shippingAddress, payment: transfer, channel: 'phone' }
    await handlingOn(ordering, log)(order, request('k', { type: 'place', data }))
    const [event] = await everyEvent(log)
    assert.deepEqual([event?.schemaVersion, event?.readableFrom, event?.data], [4, undefined, v4])
    assert.deepEqual(event?.published, { type: 'OrderPlaced', schemaVersion: 3, readableFrom: 1, data: v3 })
  })

  it('shares versions 1 to 3 with the private event, and can be read from version 1 on', () => {
    assert.deepEqual(PrivateOrderPlaced.versions.slice(0, 3), OrderPlaced.versions)
    assert.deepEqual([OrderPlaced.version, OrderPlaced.readableFrom], [3, 1])
    assert.deepEqual([PrivateOrderPlaced.version, PrivateOrderPlaced.readableFrom], [4, 4])
    assert.deepEqual([ShippingAddressChanged.version, ShippingAddressChanged.readableFrom], [2, 2])
    assert.deepEqual([UnitsDeclined.version, UnitsDeclined.readableFrom], [2, 2])
  })

  it('is the same as before when an older private event is upcast and published again', () => {
    const street = fc.oneof(
      fc.string({ minLength: 1, maxLength: 200 }),
      fc.constantFrom('Quay 1', 'D 10 12', '12 Main Street'),
    )
    const read = eventReader(order.events, 'own').read
    fc.assert(
      fc.property(street, fc.constantFrom('web', 'shop', 'phone'), (line, channel) => {
        const before = { ...v3, channel, shippingAddress: { ...inOneLine, street: line } }
        const event = {
          type: 'OrderPlaced',
          data: read({ type: 'OrderPlaced', schemaVersion: 3, readableFrom: 1, data: before }, ''),
        }
        const { schemaVersion, published } = writtenBy(ordering, order, event as DomainEvent)
        assert.equal(schemaVersion, 4)
        assert.deepEqual(published?.data, before)
      }),
    )
  })

  it('fits the schemas of versions 1 and 2 completely', () => {
    for (const { schema, version } of OrderPlaced.versions)
      assert.ok('value' in schema['~standard'].validate(v3), `version ${version}`)
  })
})

describe('a product whose orders were declined in', () => {
  const received = { type: 'StockReceived', data: { sku: 'tea', quantity: 1 } }
  const declinedV1 = {
    type: 'UnitsDeclined',
    schemaVersion: 1,
    data: { sku: 'tea', orderId: 'a', quantity: 3, available: 1 },
  }
  const declinedV2 = {
    type: 'UnitsDeclined',
    schemaVersion: 2,
    data: { sku: 'tea', orderId: 'a', requested: 3, available: 1 },
  }

  for (const [name, declined, times] of [
    ['version 1', [declinedV1], 1],
    ['version 2', [declinedV2], 1],
    ['both', [declinedV1, declinedV2, declinedV1], 3],
  ] as const) {
    const events = recorded('stock-tea', received, ...declined)
    it(`${name} has the same stock as then, and shows how many units were declined`, async () => {
      assert.deepEqual(foldState(stock, events), { onHand: 1, reserved: 0 })
      assert.partialDeepStrictEqual(await readDocument(stockLevel, stock.events, events), {
        onHand: 1,
        available: 1,
        declined: 3 * times,
      })
    })
    it(`${name} accepts today's commands`, async () => {
      const log = await memoryLog(events)
      const reserve = { type: 'reserve', data: { orderId: 'b', quantity: 2 } }
      await handlingOn(inventory, log)(stock, request('k', reserve, { stream: 'stock-tea' }))
      const last = (await everyEvent(log, 'stock-tea')).at(-1)
      assert.deepEqual([last?.schemaVersion, last?.data], [2, { sku: 'tea', orderId: 'b', requested: 2, available: 1 }])
    })
  }
})
