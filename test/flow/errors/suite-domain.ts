import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Command, type DomainEvent, isRefusal } from 'tidemark'
import { given } from 'tidemark/testing'
import type { AnyDecider } from 'tidemark/tools'
import { reservation } from '../../../src/inventory/reservation.ts'
import { stock } from '../../../src/inventory/stock.ts'
import { order } from '../../../src/ordering/order.ts'
import { payment } from '../../../src/payments/payment.ts'
import { shipment } from '../../../src/shipping/shipment.ts'
import { address, cancelled, place, placeBody, placed, rejected } from '../../support/orders.ts'
import type { WitnessedErrors } from '../../support/witnessed-errors.ts'
import { json, type World } from './world.ts'

interface DomainRefusal {
  readonly code: string
  readonly given: readonly DomainEvent[]
  readonly when: Command
}

const confirmed = { type: 'OrderConfirmed', data: { orderId: '1' } }
const move = { type: 'change-shipping-address', data: { shippingAddress: { ...address, city: 'Bruges' } } }
const completed = { type: 'OrderCompleted', data: { orderId: '1' } }
const complete = { type: 'complete', data: {} }
const cancel = { type: 'cancel', data: { reason: 'late' } }
const twice = { ...placeBody, lines: [...placeBody.lines, ...placeBody.lines] }

const received = { type: 'StockReceived', data: { sku: 'tea', quantity: 5 } }
const unitsReserved = { type: 'UnitsReserved', data: { sku: 'tea', orderId: '1', quantity: 4 } }

const lines = [{ sku: 'tea', quantity: 4 }]
const shortage = { sku: 'tea', requested: 4, available: 0 }
const reserved = { type: 'StockReserved', data: { orderId: '1', lines } }
const reservationRejected = { type: 'StockReservationRejected', data: { orderId: '1', ...shortage } }
const reservationCancelled = { type: 'StockReservationCancelled', data: { orderId: '1', lines } }
const reservationShipped = { type: 'StockReservationShipped', data: { orderId: '1', lines } }

const amount = { currency: 'EUR', amount: 100 }
const opened = {
  type: 'PaymentOpened',
  data: { orderId: '1', amount, method: 'transfer', due: '2026-01-01T00:15:00.000Z' },
}
const authorised = { type: 'PaymentAuthorised', data: { orderId: '1', amount } }
const declined = { type: 'PaymentDeclined', data: { orderId: '1', amount, reason: 'no money' } }
const expired = { type: 'PaymentExpired', data: { orderId: '1', amount } }
const voided = { type: 'PaymentVoided', data: { orderId: '1', amount, reason: 'late' } }
const captured = { type: 'PaymentCaptured', data: { orderId: '1', amount } }
const authorise = { type: 'authorise', data: {} }
const refund = { type: 'refund', data: { reason: 'broken' } }

const prepared = { type: 'ShipmentPrepared', data: { orderId: '1', lines, address } }
const dispatched = { type: 'ShipmentDispatched', data: { orderId: '1', lines } }
const delivered = { type: 'ShipmentDelivered', data: { orderId: '1', lines } }
const shipmentCancelled = { type: 'ShipmentCancelled', data: { orderId: '1', reason: 'late' } }
const recalled = { type: 'ShipmentRecalled', data: { orderId: '1', reason: 'late' } }
const returned = { type: 'ShipmentReturned', data: { orderId: '1', lines } }
const dispatch = { type: 'dispatch', data: {} }

/** Every refusal of the sample services' deciders. Services of your own test their refusals themselves. */
const domain: readonly { service: string; decider: AnyDecider; refusals: readonly DomainRefusal[] }[] = [
  {
    service: 'ordering',
    decider: order,
    refusals: [
      { code: 'order-already-placed', given: [placed], when: place },
      { code: 'order-sku-repeated', given: [], when: { type: 'place', data: twice } },
      { code: 'order-confirmed', given: [placed, confirmed], when: move },
      { code: 'order-rejected', given: [placed, rejected], when: cancel },
      { code: 'order-cancelled', given: [placed, cancelled], when: move },
      { code: 'order-placed', given: [placed], when: complete },
      { code: 'order-completed', given: [placed, confirmed, completed], when: cancel },
    ],
  },
  {
    service: 'inventory',
    decider: stock,
    refusals: [
      {
        code: 'stock-reserved',
        given: [received, unitsReserved],
        when: { type: 'adjust', data: { change: -2, reason: 'lost' } },
      },
      { code: 'stock-not-reserved', given: [received], when: { type: 'ship', data: { orderId: '1', quantity: 4 } } },
    ],
  },
  {
    service: 'inventory',
    decider: reservation,
    refusals: [
      { code: 'reservation-reserved', given: [reserved], when: { type: 'reject', data: shortage } },
      { code: 'reservation-rejected', given: [reservationRejected], when: { type: 'reserve', data: { lines } } },
      { code: 'reservation-cancelled', given: [reservationCancelled], when: { type: 'reserve', data: { lines } } },
      { code: 'reservation-shipped', given: [reserved, reservationShipped], when: { type: 'reject', data: shortage } },
    ],
  },
  {
    service: 'payments',
    decider: payment,
    refusals: [
      {
        code: 'payment-already-requested',
        given: [opened],
        when: { type: 'request', data: { amount, method: 'card', withinSeconds: 900 } },
      },
      { code: 'payment-open', given: [opened], when: refund },
      { code: 'payment-authorised', given: [opened, authorised], when: { type: 'decline', data: { reason: 'late' } } },
      { code: 'payment-declined', given: [opened, declined], when: authorise },
      { code: 'payment-expired', given: [opened, expired], when: authorise },
      { code: 'payment-not-due', given: [opened], when: { type: 'expire', data: {} } },
      { code: 'payment-voided', given: [opened, voided], when: { type: 'capture', data: { amount } } },
      {
        code: 'payment-captured',
        given: [opened, authorised, captured],
        when: { type: 'void', data: { reason: 'late' } },
      },
      {
        code: 'payment-amount-exceeded',
        given: [opened, authorised, captured],
        when: { type: 'refund', data: { amount: 101, reason: 'broken' } },
      },
    ],
  },
  {
    service: 'shipping',
    decider: shipment,
    refusals: [
      { code: 'shipment-already-prepared', given: [prepared], when: { type: 'prepare', data: { lines, address } } },
      { code: 'shipment-prepared', given: [prepared], when: { type: 'return', data: {} } },
      { code: 'shipment-dispatched', given: [prepared, dispatched], when: cancel },
      { code: 'shipment-delivered', given: [prepared, dispatched, delivered], when: cancel },
      { code: 'shipment-cancelled', given: [prepared, shipmentCancelled], when: dispatch },
      { code: 'shipment-recalled', given: [prepared, dispatched, recalled], when: dispatch },
      { code: 'shipment-returned', given: [prepared, dispatched, returned], when: dispatch },
    ],
  },
]

/** The services whose refusals are produced here. */
export const refusing: ReadonlySet<string> = new Set(domain.map(({ service }) => service))

export function domainRefusals(world: () => World, errors: WitnessedErrors): void {
  describe('a decider refuses', () => {
    for (const { service, decider, refusals } of domain)
      for (const { code, given: events, when } of refusals)
        it(`${service}: ${when.type}: ${code}`, () => {
          errors.refusal(service, code, given(decider, events).when(when).decision)
        })

    it('only with documented codes, for every command and history of the cases', () => {
      let decisions = 0
      for (const { service, decider, refusals } of domain)
        for (const { given: events } of refusals)
          for (const { when } of refusals) {
            const { decision } = given(decider, events).when(when)
            decisions += 1
            // The runtime's own refusal of a command that may not begin a stream.
            if (!isRefusal(decision) || decision.code === 'stream-not-found') continue
            assert.equal(errors.documented.get(decision.code)?.service, service, decision.code)
          }
      assert.ok(decisions > 0)
    })
  })

  describe('a client gets 409, and nothing is written, for', () => {
    it('an order that was placed before: order-already-placed', async () => {
      const { id } = await world().newOrder()
      await refused('order-already-placed', `/orders/${id}/place`, placeBody)
    })

    it('a SKU in two lines: order-sku-repeated', () => refused('order-sku-repeated', '/orders', twice))

    it('a new address of a cancelled order: order-cancelled', async () => {
      const { id } = await world().newOrder()
      assert.equal((await world().system.call('POST', `/orders/${id}/cancel`, json(cancel.data))).status, 200)
      await refused('order-cancelled', `/orders/${id}/change-shipping-address`, move.data)
    })

    async function refused(code: string, path: string, body: unknown): Promise<void> {
      const before = await world().written()
      errors.answer(code, await world().system.call('POST', path, json(body)))
      assert.deepEqual(await world().written(), before)
    }
  })
}
