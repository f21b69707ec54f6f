import { describe, it } from 'node:test'
import { deciding } from '../../test/support/given.ts'
import { address } from '../../test/support/orders.ts'
import { type ShipmentCommand, shipment } from './shipment.ts'

const given = deciding(shipment)
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
    given(prepared, cancelled).when(dispatch).refused('shipment-cancelled')
    given(prepared, dispatched, recalled).when(dispatch).refused('shipment-recalled')
    given(prepared, dispatched, returned).when(dispatch).refused('shipment-returned')
  })
  it('is dispatched once, with its carrier', () => {
    const data = { carrier: 'DHL', trackingCode: '00340434' }
    given(prepared)
      .when({ type: 'dispatch', data })
      .decides({ ...dispatched, data: { ...dispatched.data, ...data } })
    given(prepared, dispatched).when(dispatch).decides()
    given(prepared, dispatched, delivered).when(dispatch).decides()
  })
  it('is prepared once', () => {
    given().when(prepare).decides(prepared)
    given(prepared).when(prepare).refused('shipment-already-prepared')
    given(prepared, cancelled).when(prepare).refused('shipment-already-prepared')
  })
  it('refuses every command before it is prepared', () => {
    for (const command of [dispatch, deliver, bringBack, cancel, stop])
      given().when(command).refused('stream-not-found')
  })

  it('is delivered once, and only if it is on its way', () => {
    given(prepared).when(deliver).refused('shipment-prepared')
    given(prepared, cancelled).when(deliver).refused('shipment-cancelled')
    given(prepared, dispatched, recalled).when(deliver).refused('shipment-recalled')
    given(prepared, dispatched, returned).when(deliver).refused('shipment-returned')
    given(prepared, dispatched).when(deliver).decides(delivered)
    given(prepared, dispatched, delivered).when(deliver).decides()
  })
  it('comes back once, and only if it left', () => {
    given(prepared).when(bringBack).refused('shipment-prepared')
    given(prepared, cancelled).when(bringBack).refused('shipment-cancelled')
    for (const history of [[], [delivered], [recalled], [delivered, recalled]])
      given(prepared, dispatched, ...history)
        .when({ type: 'return', data: { reason: 'refused' } })
        .decides({ ...returned, data: { ...returned.data, reason: 'refused' } })
    given(prepared, dispatched, returned).when(bringBack).decides()
  })

  it('can be cancelled by the warehouse until it has left', () => {
    given(prepared).when(cancel).decides(cancelled)
    given(prepared, cancelled).when(cancel).decides()
    given(prepared, dispatched).when(cancel).refused('shipment-dispatched')
    given(prepared, dispatched, delivered).when(cancel).refused('shipment-delivered')
    given(prepared, dispatched, recalled).when(cancel).refused('shipment-recalled')
    given(prepared, dispatched, returned).when(cancel).refused('shipment-returned')
  })
  it('is cancelled by a stop before it left, and recalled after', () => {
    given(prepared)
      .when(stop)
      .decides({ ...cancelled, data: { orderId, reason: 'late' } })
    given(prepared, dispatched).when(stop).decides(recalled)
    given(prepared, dispatched, delivered).when(stop).decides(recalled)
  })
  it('ignores a stop if it is already stopped or back', () => {
    given(prepared, cancelled).when(stop).decides()
    given(prepared, dispatched, recalled).when(stop).decides()
    given(prepared, dispatched, returned).when(stop).decides()
  })
})
