import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { given, moment, project, react, recordedAs } from 'tidemark/testing'
import { eventReader } from 'tidemark/tools'
import { memoryLog } from '../../packages/tidemark/test/support/commits.ts'
import { everyEvent, request } from '../../packages/tidemark/test/support/fakes.ts'
import { handlingOn } from '../../packages/tidemark/test/support/handling.ts'
import { UnitsDeclined } from '../../src/inventory/events.ts'
import { inventory } from '../../src/inventory/service.ts'
import { stock } from '../../src/inventory/stock.ts'
import { stockLevel } from '../../src/inventory/stock-level.ts'
import { OrderPlaced, OrderPlacedV3, ShipmentRequested } from '../../src/ordering/contract.ts'
import {
  AddressNoted,
  FulfilmentStarted,
  PrivateOrderPlaced,
  ShippingAddressChanged,
} from '../../src/ordering/events.ts'
import { fulfilment } from '../../src/ordering/fulfilment.ts'
import { orderFulfilment } from '../../src/ordering/fulfilment-process.ts'
import { order } from '../../src/ordering/order.ts'
import { orderView } from '../../src/ordering/order-view.ts'
import { ordering } from '../../src/ordering/service.ts'
import { shipping } from '../../src/shipping/service.ts'
import { shipmentRequests } from '../../src/shipping/shipment-requests.ts'

// As written by the versions of that time, without code of today.
const lines = [{ sku: 'tea', quantity: 2, unitPrice: 450 }]
const total = { currency: 'EUR', amount: 900 }
const inOneLine = { name: 'Ada', street: 'Quay 1a', postalCode: '9000', city: 'Ghent', country: 'BE' }
const apart = { name: 'Ada', streetName: 'Quay', houseNumber: '1a', postalCode: '9000', city: 'Ghent', country: 'BE' }
const transfer = { method: 'transfer' as const, withinSeconds: 60 }

const v1 = { orderId: '1', customerId: 'ada', lines, total, shippingAddress: inOneLine }
const v2 = { ...v1, payment: transfer }
const v3 = { ...v2, channel: 'phone' as const }
const v4 = { ...v3, shippingAddress: apart }
const inQatar = { name: 'Ada', street: 'Quay 1a', city: 'Doha', country: 'QA', region: 'Doha Municipality' }
const { street: _, ...withoutStreet } = inQatar
const v5 = { ...v4, reference: 'PO-4711', shippingAddress: { ...withoutStreet, streetName: 'Quay', houseNumber: '1a' } }
/** As released readers get it, who need a postal code. */
const shownInQatar = { ...inQatar, postalCode: '-' }
const movedIn = (version: 1 | 2 | 3 | 4, address: object) =>
  recordedAs(ShippingAddressChanged, version, { orderId: '1', shippingAddress: address })
const moved = [movedIn(1, { ...inOneLine, city: 'Bruges' }), movedIn(2, { ...apart, city: 'Bruges' })] as const

/** The address in version 2. The same rule, written independently: the last word, if it starts with a digit. */
function splitAddress({ street, ...rest }: typeof inOneLine): object {
  const words = street.split(' ')
  const last = words.at(-1) ?? ''
  if (words.length === 1 || !/^\d/.test(last)) return { ...rest, streetName: street }
  return { ...rest, streetName: words.slice(0, -1).join(' '), houseNumber: last }
}

describe('an order placed in', () => {
  for (const [version, data, payment, channel] of [
    [1, v1, { method: 'card', withinSeconds: 900 }, 'web'],
    [2, v2, transfer, 'web'],
    [3, v3, transfer, 'phone'],
    [4, v4, transfer, 'phone'],
    [5, v4, transfer, 'phone'],
    [6, v4, transfer, 'phone'],
  ] as const) {
    const placed = recordedAs(PrivateOrderPlaced, version, data)

    it(`version ${version} leads to the same view as then`, () =>
      project(ordering, orderView)
        .given([placed])
        .then({ ...v1, status: 'placed', payment, channel, placedAt: moment(0), updatedAt: moment(0) }))

    it(`version ${version} gives its fulfilment exactly the same data`, () => {
      const address = { ...inOneLine, city: 'Bruges' }
      const forAda = { total, payment, customerId: 'ada' }
      const snapshot = { ...forAda, lines: [{ sku: 'tea', quantity: 2 }], address: inOneLine }
      const noted = { type: 'AddressNoted', data: { orderId: '1', address } }
      return react(ordering, orderFulfilment)
        .when({ 'order-1': [placed, ...moved] })
        .then({ 'fulfilment-1': [{ type: 'FulfilmentStarted', data: { orderId: '1', ...snapshot } }, noted, noted] })
    })

    it(`version ${version} accepts today's commands`, () => {
      const past = given(order, [placed, moved[0]])
      const move = (shippingAddress: typeof inOneLine & { houseNumber?: string }) =>
        past.when({ type: 'change-shipping-address', data: { shippingAddress } })
      move({ ...inOneLine, street: 'Quay', houseNumber: '1a', city: 'Bruges' }).thenNothing()
      move(inOneLine).then([{ type: 'ShippingAddressChanged', data: { orderId: '1', shippingAddress: apart } }])
      past
        .when({ type: 'cancel', data: { reason: 'late' } })
        .then([{ type: 'OrderCancelled', data: { orderId: '1', reason: 'late', lines, total } }])
    })
  }

  it("any version has the newest version's state and view, however often it was moved", () => {
    const streets = fc.constantFrom('Quay 1', 'Rue du 4 Septembre', 'D 10 12', 'x')
    const moves = fc.array(fc.tuple(fc.constantFrom(1, 2, 3, 4), streets))
    const first = fc.constantFrom(
      recordedAs(PrivateOrderPlaced, 3, v3),
      recordedAs(PrivateOrderPlaced, 4, v4),
      recordedAs(PrivateOrderPlaced, 5, v4),
      recordedAs(PrivateOrderPlaced, 6, v4),
    )
    return fc.assert(
      fc.asyncProperty(first, moves, async (placed, made) => {
        const events = made.map(([version, street]) => {
          const address = { ...inOneLine, street }
          return movedIn(version, version === 1 ? address : splitAddress(address))
        })
        const shippingAddress = { ...inOneLine, street: made.at(-1)?.[1] ?? inOneLine.street }
        const times = { placedAt: moment(0), updatedAt: moment(made.length) }
        await project(ordering, orderView)
          .given([placed, ...events])
          .then({ ...v3, status: 'placed', shippingAddress, ...times })
        given(order, [placed, ...events])
          .when({ type: 'change-shipping-address', data: { shippingAddress } })
          .thenNothing()
      }),
    )
  })
})

describe('an order with a reference and a region, and without a postal code,', () => {
  const placed = recordedAs(PrivateOrderPlaced, 6, v5)

  it('shows them in its view', async () => {
    const times = { placedAt: moment(0), updatedAt: moment(1) }
    const shown = { ...v3, reference: 'PO-4711', status: 'placed', ...times } as const
    const moved = movedIn(3, { ...withoutStreet, streetName: 'Quay', city: 'Al Wakrah' })
    await project(ordering, orderView)
      .given([placed, moved])
      .then({ ...shown, shippingAddress: { ...shownInQatar, street: 'Quay', city: 'Al Wakrah' } })
    await project(ordering, orderView)
      .given([placed, movedIn(2, apart)])
      .then({ ...shown, shippingAddress: inOneLine })
  })

  it('is sent there', async () => {
    // Older code would read what is encrypted, so it waits.
    for (const { readableFrom } of [FulfilmentStarted, AddressNoted, ShipmentRequested]) assert.equal(readableFrom, 3)
    const forAda = { total, payment: transfer, customerId: 'ada' }
    const snapshot = { ...forAda, lines: [{ sku: 'tea', quantity: 2 }], address: shownInQatar }
    await react(ordering, orderFulfilment)
      .when({ 'order-1': [placed] })
      .then({ 'fulfilment-1': [{ type: 'FulfilmentStarted', data: { orderId: '1', ...snapshot } }] })
    given(fulfilment, [
      { type: 'FulfilmentStarted', data: { orderId: '1', ...snapshot } },
      { type: 'ConfirmationNoted', data: { orderId: '1' } },
    ])
      .when({ type: 'hear-payment', data: { answer: 'authorised' } })
      .then([
        { type: 'PaymentAnswered', data: { orderId: '1', answer: 'authorised' } },
        {
          type: 'ShipmentRequested',
          data: { orderId: '1', customerId: 'ada', lines: snapshot.lines, address: shownInQatar },
        },
      ])
    const requested = { orderId: '1', customerId: 'ada', lines: snapshot.lines, address: shownInQatar }
    await react(shipping, shipmentRequests)
      .when({ 'fulfilment-1': [{ type: 'ShipmentRequested', data: requested }] })
      .then({ 'shipment-1': [{ type: 'ShipmentPrepared', data: requested }] })
  })

  it('is read by older code too, which ignores what it does not know', async () => {
    const log = await memoryLog()
    const data = { customerId: 'ada', currency: 'EUR', lines, shippingAddress: inQatar, payment: transfer }
    const command = { type: 'place', data: { ...data, channel: 'phone', reference: 'PO-4711' } }
    await handlingOn(ordering, log)(order, request('k', command))
    const [event] = await everyEvent(log)
    assert.deepEqual([event?.schemaVersion, event?.readableFrom, event?.data], [6, undefined, v5])
    const content = event?.published
    assert.ok(content)
    assert.deepEqual([content.schemaVersion, content.readableFrom], [5, 1])
    const hidden = { ...shownInQatar, name: '-', street: '-' }
    const { region: _, ...address } = hidden
    for (const [reader, expected] of [
      [OrderPlaced, { ...v3, reference: 'PO-4711', shippingAddress: hidden }],
      [OrderPlacedV3, { ...v3, shippingAddress: address }],
    ] as const)
      assert.deepEqual(eventReader([reader], 'foreign').read(content, ''), expected)
  })
})

describe('the public event of an order', () => {
  const hidden = { ...inOneLine, name: '-', street: '-' }

  it('is version 5, with neither name nor street, whatever the private version', async () => {
    const log = await memoryLog()
    const shippingAddress = { ...inOneLine, street: 'Quay', houseNumber: '1a' }
    const data = { customerId: 'ada', currency: 'EUR', lines, shippingAddress, payment: transfer, channel: 'phone' }
    await handlingOn(ordering, log)(order, request('k', { type: 'place', data }))
    const [event] = await everyEvent(log)
    assert.deepEqual([event?.schemaVersion, event?.readableFrom, event?.data], [6, undefined, v4])
    const published = { type: 'OrderPlaced', schemaVersion: 5, readableFrom: 1 }
    assert.deepEqual(event?.published, { ...published, data: { ...v3, shippingAddress: hidden } })
  })

  it('shares versions 1 to 3 with the private event, and can be read from version 1 on', () => {
    assert.deepEqual(PrivateOrderPlaced.versions.slice(0, 3), OrderPlaced.versions.slice(0, 3))
    assert.deepEqual([OrderPlaced.version, OrderPlaced.readableFrom], [5, 1])
    assert.deepEqual([PrivateOrderPlaced.version, PrivateOrderPlaced.readableFrom], [6, 6])
    assert.deepEqual([ShippingAddressChanged.version, ShippingAddressChanged.readableFrom], [4, 4])
    assert.deepEqual([UnitsDeclined.version, UnitsDeclined.readableFrom], [2, 2])
  })

  it('differs only in name and street when an older private event is upcast and published again', () => {
    const street = fc.oneof(
      fc.string({ minLength: 1, maxLength: 200 }),
      fc.constantFrom('Quay 1', 'D 10 12', '12 Main Street'),
    )
    const read = eventReader(order.events, 'own').read
    const publishedOrder = ordering.publishes.find(({ publicEvent }) => publicEvent === OrderPlaced)
    fc.assert(
      fc.property(street, fc.constantFrom('web', 'shop', 'phone'), (line, channel) => {
        const before = { ...v3, channel, shippingAddress: { ...inOneLine, street: line } }
        const data = read({ type: 'OrderPlaced', schemaVersion: 3, readableFrom: 1, data: before }, '')
        assert.deepEqual(publishedOrder?.translate?.(data as never), { ...before, shippingAddress: hidden })
      }),
    )
  })

  it('fits the schemas of all its versions completely', () => {
    for (const { schema, version } of OrderPlaced.versions)
      assert.ok('value' in schema['~standard'].validate({ ...v3, shippingAddress: hidden }), `version ${version}`)
  })
})

describe('a product whose orders were declined in', () => {
  const received = { type: 'StockReceived', data: { sku: 'tea', quantity: 1 } } as const
  const declinedV1 = recordedAs(UnitsDeclined, 1, { sku: 'tea', orderId: 'a', quantity: 3, available: 1 })
  const declinedV2 = recordedAs(UnitsDeclined, 2, { sku: 'tea', orderId: 'a', requested: 3, available: 1 })

  for (const [name, declined] of [
    ['version 1', [declinedV1]],
    ['version 2', [declinedV2]],
    ['both', [declinedV1, declinedV2, declinedV1]],
  ] as const) {
    it(`${name} has the same stock as then, and shows how many units were declined`, () =>
      project(inventory, stockLevel)
        .given({ 'stock-tea': [received, ...declined] })
        .then({
          ...{ sku: 'tea', status: 'in-stock', onHand: 1, reserved: 0, available: 1 },
          ...{ declined: 3 * declined.length, shipped: 0, returned: 0 },
          updatedAt: moment(declined.length),
        }))
    it(`${name} accepts today's commands`, () =>
      given(stock, [received, ...declined])
        .when({ type: 'reserve', data: { orderId: 'b', quantity: 2 } }, { id: 'tea' })
        .then([{ type: 'UnitsDeclined', data: { sku: 'tea', orderId: 'b', requested: 2, available: 1 } }]))
  }
})
