import { describe, it } from 'node:test'
import { given, moment, project, recordedAs } from 'tidemark/testing'
import { address } from '../../test/support/orders.ts'
import { PrivateShipmentPrepared } from './events.ts'
import { shipping } from './service.ts'
import { type ShipmentCommand, shipment } from './shipment.ts'
import { shipmentView } from './shipment-view.ts'

const orderId = '1'
const lines = [{ sku: 'tea', quantity: 2 }]
const prepare: ShipmentCommand = { type: 'prepare', data: { lines, address } }
const dispatch: ShipmentCommand = { type: 'dispatch', data: {} }
const deliver: ShipmentCommand = { type: 'deliver', data: {} }
const bringBack: ShipmentCommand = { type: 'return', data: {} }
const cancel: ShipmentCommand = { type: 'cancel', data: { reason: 'water' } }
const stop: ShipmentCommand = { type: 'stop', data: { reason: 'late' } }

const prepared = { type: 'ShipmentPrepared', data: { orderId, lines, address } } as const
const dispatched = { type: 'ShipmentDispatched', data: { orderId, lines } } as const
const delivered = { type: 'ShipmentDelivered', data: { orderId, lines } } as const
const cancelled = { type: 'ShipmentCancelled', data: { orderId, reason: 'water' } } as const
const recalled = { type: 'ShipmentRecalled', data: { orderId, reason: 'late' } } as const
const returned = { type: 'ShipmentReturned', data: { orderId, lines } } as const

describe('shipment', () => {
  it('is not dispatched once it is cancelled, recalled or returned', () => {
    given(shipment, [prepared, cancelled]).when(dispatch).thenRefused('shipment-cancelled')
    given(shipment, [prepared, dispatched, recalled]).when(dispatch).thenRefused('shipment-recalled')
    given(shipment, [prepared, dispatched, returned]).when(dispatch).thenRefused('shipment-returned')
  })
  it('is dispatched once, with its carrier', () => {
    const data = { carrier: 'DHL', trackingCode: '00340434' }
    given(shipment, [prepared])
      .when({ type: 'dispatch', data })
      .then([{ ...dispatched, data: { ...dispatched.data, ...data } }])
    given(shipment, [prepared, dispatched]).when(dispatch).thenNothing()
    given(shipment, [prepared, dispatched, delivered]).when(dispatch).thenNothing()
  })
  it('is prepared once', () => {
    given(shipment).when(prepare).then([prepared])
    given(shipment, [prepared]).when(prepare).thenRefused('shipment-already-prepared')
    given(shipment, [prepared, cancelled]).when(prepare).thenRefused('shipment-already-prepared')
  })
  it('refuses every command before it is prepared', () => {
    for (const command of [dispatch, deliver, bringBack, cancel, stop])
      given(shipment).when(command).thenRefused('stream-not-found')
  })

  it('is delivered once, and only if it is on its way', () => {
    given(shipment, [prepared]).when(deliver).thenRefused('shipment-prepared')
    given(shipment, [prepared, cancelled]).when(deliver).thenRefused('shipment-cancelled')
    given(shipment, [prepared, dispatched, recalled]).when(deliver).thenRefused('shipment-recalled')
    given(shipment, [prepared, dispatched, returned]).when(deliver).thenRefused('shipment-returned')
    given(shipment, [prepared, dispatched]).when(deliver).then([delivered])
    given(shipment, [prepared, dispatched, delivered]).when(deliver).thenNothing()
  })
  it('comes back once, and only if it left', () => {
    given(shipment, [prepared]).when(bringBack).thenRefused('shipment-prepared')
    given(shipment, [prepared, cancelled]).when(bringBack).thenRefused('shipment-cancelled')
    for (const history of [[], [delivered], [recalled], [delivered, recalled]])
      given(shipment, [prepared, dispatched, ...history])
        .when({ type: 'return', data: { reason: 'refused' } })
        .then([{ ...returned, data: { ...returned.data, reason: 'refused' } }])
    given(shipment, [prepared, dispatched, returned]).when(bringBack).thenNothing()
  })

  it('can be cancelled by the warehouse until it has left', () => {
    given(shipment, [prepared]).when(cancel).then([cancelled])
    given(shipment, [prepared, cancelled]).when(cancel).thenNothing()
    given(shipment, [prepared, dispatched]).when(cancel).thenRefused('shipment-dispatched')
    given(shipment, [prepared, dispatched, delivered]).when(cancel).thenRefused('shipment-delivered')
    given(shipment, [prepared, dispatched, recalled]).when(cancel).thenRefused('shipment-recalled')
    given(shipment, [prepared, dispatched, returned]).when(cancel).thenRefused('shipment-returned')
  })
  it('is cancelled by a stop before it left, and recalled after', () => {
    given(shipment, [prepared])
      .when(stop)
      .then([{ ...cancelled, data: { orderId, reason: 'late' } }])
    given(shipment, [prepared, dispatched]).when(stop).then([recalled])
    given(shipment, [prepared, dispatched, delivered]).when(stop).then([recalled])
  })
  it('ignores a stop if it is already stopped or back', () => {
    given(shipment, [prepared, cancelled]).when(stop).thenNothing()
    given(shipment, [prepared, dispatched, recalled]).when(stop).thenNothing()
    given(shipment, [prepared, dispatched, returned]).when(stop).thenNothing()
  })
})

describe('the view of a shipment', () => {
  it('shows the region of the address, and of version 1 none', async () => {
    const orderId = '1'
    const times = { preparedAt: moment(0), updatedAt: moment(0) }
    for (const [version, to] of [
      [1, address],
      [2, { ...address, region: 'Flanders' }],
    ] as const)
      await project(shipping, shipmentView)
        .given([recordedAs(PrivateShipmentPrepared, version, { orderId, lines, address: to })])
        .then({ orderId, status: 'prepared', lines, address: to, ...times })
  })

  const prepared = { type: 'ShipmentPrepared', data: { orderId: '1', lines, address } } as const
  const dispatched = { type: 'ShipmentDispatched', data: { orderId: '1', lines, carrier: 'post' } } as const
  const recalled = { type: 'ShipmentRecalled', data: { orderId: '1', reason: 'cancelled' } } as const
  const returned = { type: 'ShipmentReturned', data: { orderId: '1', lines } } as const

  it('keeps the carrier and the reason of a recall after the return', () =>
    project(shipping, shipmentView)
      .given([prepared, dispatched, recalled, returned])
      .deliveredTwice()
      .outOfOrder()
      .then({
        ...{ orderId: '1', status: 'returned', lines, address, carrier: 'post', reason: 'cancelled' },
        ...{ preparedAt: moment(0), updatedAt: moment(3) },
      }))
})
