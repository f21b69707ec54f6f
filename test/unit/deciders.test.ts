import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { holdsLaws } from '../../packages/tidemark/test/support/decider-laws.ts'
import { reservation } from '../../src/inventory/reservation.ts'
import { inventory } from '../../src/inventory/service.ts'
import { stock } from '../../src/inventory/stock.ts'
import { order } from '../../src/ordering/order.ts'
import { ordering } from '../../src/ordering/service.ts'
import { CARD_LIMIT, payment } from '../../src/payments/payment.ts'
import { payments } from '../../src/payments/service.ts'
import { shipping } from '../../src/shipping/service.ts'
import { shipment } from '../../src/shipping/shipment.ts'
import { address } from '../support/orders.ts'

const orderId = fc.constantFrom('1', '2', 'constructor', '__proto__')
const quantity = fc.integer({ min: 1, max: 5 })
const reason = fc.constantFrom('late', 'lost')
const text = fc.string({ minLength: 1, maxLength: 100 })
const lines = fc.array(fc.record({ sku: fc.constantFrom('cup', 'tea'), quantity }), { minLength: 1, maxLength: 2 })
// Few amounts, close to each other and to the limit, so that the bounds are reached.
const amount = fc.constantFrom(0, 1, 99, 100, 101, CARD_LIMIT, CARD_LIMIT + 1, 1_000_000_000)
const money = fc.record({ amount, currency: fc.constantFrom('EUR', 'NOK') })

const count = (events: readonly { readonly type: string }[], type: string): number =>
  events.filter((event) => event.type === type).length

describe('any command in any reachable state', () => {
  it('of stock reserves no more units than there are, and no negative number', () =>
    holdsLaws({
      service: inventory,
      decider: stock,
      data: {
        receive: fc.record({ quantity }),
        adjust: fc.record({ change: fc.integer({ min: -6, max: 6 }), reason }),
        reserve: fc.record({ orderId, quantity }),
        release: fc.record({ orderId, quantity }),
        ship: fc.record({ orderId, quantity }),
        restock: fc.record({ orderId, quantity }),
      },
      invariant(events, { onHand, reserved }) {
        assert.ok(reserved >= 0 && reserved <= onHand, `${reserved} of ${onHand} are reserved`)
        const sum = (type: string): number =>
          events.reduce((all, event) => {
            if (event.type !== type || event.type === 'UnitsDeclined') return all
            return all + (event.type === 'StockAdjusted' ? event.data.change : event.data.quantity)
          }, 0)
        const left = sum('UnitsShipped')
        assert.equal(onHand, sum('StockReceived') + sum('StockAdjusted') + sum('UnitsReturned') - left)
        assert.equal(reserved, sum('UnitsReserved') - sum('UnitsReleased') - left)
      },
    }))

  it('of a reservation gives one outcome, and releases or ships everything once', () =>
    holdsLaws({
      service: inventory,
      decider: reservation,
      data: {
        reserve: fc.record({ lines }),
        reject: fc.record({ sku: fc.constant('tea'), requested: quantity, available: fc.nat(4) }),
        cancel: fc.constant({}),
        ship: fc.constant({}),
      },
      invariant(events) {
        assert.ok(count(events, 'StockReserved') + count(events, 'StockReservationRejected') <= 1)
        const [first, ...rest] = events
        // Nothing follows a rejection, a cancellation or a shipment; a shipment follows a reservation.
        assert.ok(rest.length === 0 || (rest.length === 1 && first?.type === 'StockReserved'))
        const had = first?.type === 'StockReserved' ? first.data.lines : []
        const last = events.at(-1)
        if (last?.type === 'StockReservationCancelled') assert.deepEqual(last.data.lines, had)
        if (last?.type === 'StockReservationShipped') assert.deepEqual(last.data.lines, had)
        assert.ok(last?.type !== 'StockReservationShipped' || had.length > 0)
      },
    }))

  it('of an order ends it once, as rejected, cancelled or completed', () =>
    holdsLaws({
      service: ordering,
      decider: order,
      data: {
        place: fc.record({
          customerId: fc.constant('ada'),
          currency: fc.constant('EUR'),
          lines: fc.array(fc.record({ sku: fc.constantFrom('cup', 'tea'), quantity, unitPrice: amount }), {
            minLength: 1,
            maxLength: 2,
          }),
          shippingAddress: fc.constant(address),
        }),
        'change-shipping-address': fc.record({
          shippingAddress: fc.constantFrom('Ghent', 'Bruges').map((city) => ({ ...address, city })),
        }),
        cancel: fc.record({ reason }),
        confirm: fc.constant({}),
        reject: fc.record({ reason }),
        complete: fc.constant({}),
      },
      invariant(events) {
        const types = events.map(({ type }) => type)
        assert.equal(types[0], 'OrderPlaced')
        const confirmed = types.indexOf('OrderConfirmed')
        assert.ok(confirmed < 0 || confirmed > types.lastIndexOf('ShippingAddressChanged'), types.join(' '))
        const ends = ['OrderRejected', 'OrderCancelled', 'OrderCompleted']
        assert.ok(
          types.slice(0, -1).every((type) => !ends.includes(type)),
          types.join(' '),
        )
        for (const type of ['OrderPlaced', 'OrderConfirmed']) assert.ok(count(events, type) <= 1)
        assert.ok(!types.includes('OrderCompleted') || types.includes('OrderConfirmed'))
      },
    }))

  it('of a payment keeps refunds ≤ captures ≤ authorisations, and authorises or expires, never both', () =>
    holdsLaws({
      service: payments,
      decider: payment,
      data: {
        request: fc.record({
          amount: money,
          method: fc.constantFrom('card', 'transfer'),
          withinSeconds: fc.constantFrom(1, 900),
        }),
        authorise: fc.record({ reference: text }, { requiredKeys: [] }),
        decline: fc.record({ reason }),
        expire: fc.constant({}),
        capture: fc.record({ amount: money }),
        void: fc.record({ reason }),
        refund: fc.record({ amount: fc.integer({ min: 1, max: 101 }), reason }, { requiredKeys: ['reason'] }),
      },
      invariant(events) {
        const sum = (type: string): number =>
          events.reduce((all, event) => (event.type === type ? all + event.data.amount.amount : all), 0)
        assert.ok(sum('PaymentRefunded') <= sum('PaymentCaptured'))
        assert.ok(sum('PaymentCaptured') <= sum('PaymentAuthorised'))
        assert.equal(new Set(events.map(({ data }) => data.amount.currency)).size, 1)
        for (const type of ['PaymentOpened', 'PaymentAuthorised', 'PaymentCaptured'])
          assert.ok(count(events, type) <= 1)
        const ends = ['PaymentDeclined', 'PaymentVoided', 'PaymentExpired', 'PaymentCaptured']
        assert.ok(ends.reduce((all, type) => all + count(events, type), 0) <= 1)
        assert.ok(count(events, 'PaymentAuthorised') + count(events, 'PaymentExpired') <= 1)
        const [opened] = events
        if (opened?.type === 'PaymentOpened' && opened.data.method === 'card' && events.length > 1)
          assert.equal(
            events[1]?.type,
            opened.data.amount.amount > CARD_LIMIT ? 'PaymentDeclined' : 'PaymentAuthorised',
          )
      },
    }))

  it('of a shipment dispatches once and not after a cancellation, and ends only what was dispatched', () =>
    holdsLaws({
      service: shipping,
      decider: shipment,
      data: {
        prepare: fc.record({ lines, address: fc.constant(address) }),
        dispatch: fc.record({ carrier: text, trackingCode: text }, { requiredKeys: [] }),
        deliver: fc.constant({}),
        return: fc.record({ reason }, { requiredKeys: [] }),
        cancel: fc.record({ reason }),
        stop: fc.record({ reason }),
      },
      invariant(events) {
        const types = events.map(({ type }) => type)
        assert.equal(new Set(types).size, types.length, `something happened twice: ${types.join(' ')}`)
        assert.equal(types[0], 'ShipmentPrepared')
        // One of the two, right after the preparation.
        assert.ok(types.length < 2 || types[1] === 'ShipmentDispatched' || types[1] === 'ShipmentCancelled')
        assert.ok(!types.includes('ShipmentCancelled') || types.length === 2)
        assert.ok(!types.includes('ShipmentReturned') || types.at(-1) === 'ShipmentReturned')
        assert.ok(
          types.indexOf('ShipmentDelivered') < types.indexOf('ShipmentRecalled') || !types.includes('ShipmentRecalled'),
        )
      },
    }))
})
