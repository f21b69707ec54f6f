import { isDeepStrictEqual } from 'node:util'
import type { RawItem } from './raw-fold.ts'
import type { ExpectedFulfilments } from './raw-fulfilments.ts'
import type { ExpectedPayments } from './raw-payments.ts'
import type { ExpectedShipments } from './raw-shipments.ts'
import type { ExpectedStock } from './raw-stock.ts'

/** The state in the raw logs. Services that do not run are absent, and are not checked. */
export interface LoggedState {
  /** By order, as `GET /orders/{id}` shows them. */
  readonly orders: ReadonlyMap<string, Record<string, unknown>>
  readonly stock: Pick<ExpectedStock, 'reservations' | 'units' | 'answers'>
  readonly fulfilments?: Pick<ExpectedFulfilments, 'inputs' | 'orderEvents'>
  readonly payments?: Pick<ExpectedPayments, 'documents' | 'money'>
  readonly shipments?: Pick<ExpectedShipments, 'documents' | 'answers'>
}

/** The reason of a cancellation after an expired payment, and of no other. */
const NOT_PAID = 'not paid in time'

/** Statuses of shipments whose goods have left. */
const LEFT = ['dispatched', 'delivered', 'recalled', 'returned']

/** Finds what the logs disagree on. That is normal while work is in progress, and an error at the end. */
export function disagreements(logged: LoggedState): string[] {
  const found: string[] = []
  for (const [id, order] of logged.orders) {
    const shipment = logged.shipments?.documents.get(id)
    for (const what of [
      ...checkStock(logged, id, order as RawItem, shipment as RawItem),
      ...(logged.payments && logged.shipments
        ? checkPayment(logged.payments, id, order as RawItem, shipment as RawItem)
        : []),
      ...(logged.shipments ? checkShipment(order as RawItem, shipment as RawItem) : []),
      ...checkInputs(logged, id),
    ])
      found.push(`order ${id} ${what}`)
  }
  for (const [what, ids] of [
    ['stock is reserved', logged.stock.units],
    ['a payment was asked for', logged.payments?.documents],
    ['a shipment was prepared', logged.shipments?.documents],
  ] as const)
    for (const id of ids?.keys() ?? [])
      if (!logged.orders.has(id)) found.push(`${what} for ${id}, which is not an order`)
  return found
}

/** The stock of an order: decided, reserved until it leaves, then shipped, and back once it is returned. */
function checkStock({ stock }: LoggedState, id: string, { status, lines }: RawItem, shipment: RawItem): string[] {
  const left = LEFT.includes(shipment?.status)
  const reservation = stock.reservations.get(id)
  const released = ['StockReservationCancelled', 'StockReservationRejected']
  const fits: readonly string[] | undefined = {
    confirmed: [left ? 'StockReservationShipped' : 'StockReserved'],
    completed: ['StockReservationShipped'],
    rejected: ['StockReservationRejected'],
    cancelled: left ? ['StockReservationShipped'] : released,
  }[String(status)]
  if (fits === undefined) return ['is undecided']
  const found = fits.includes(String(reservation)) ? [] : [`is ${status}, its reservation ${reservation}`]
  for (const { sku, quantity } of lines) {
    const { reserved = 0, released = 0, shipped = 0, returned = 0 } = stock.units.get(id)?.get(sku) ?? {}
    const should = {
      reserved: status === 'confirmed' && !left ? quantity : 0,
      shipped: left ? quantity : 0,
      returned: shipment?.status === 'returned' ? quantity : 0,
    }
    const has = { reserved: reserved - released - shipped, shipped, returned }
    for (const kind of ['reserved', 'shipped', 'returned'] as const)
      if (has[kind] !== should[kind]) found.push(`is ${status}, and has ${has[kind]} of ${sku} ${kind}`)
  }
  return found
}

/**
 * A customer with the goods has paid in full. A customer without them has paid nothing, and no money is held.
 */
function checkPayment(
  payments: NonNullable<LoggedState['payments']>,
  id: string,
  { status, total, cancellationReason }: RawItem,
  shipment: RawItem,
): string[] {
  const payment = payments.documents.get(id) as RawItem
  const { authorised = 0, captured = 0, voided = 0, refunded = 0 } = payments.money.get(id) ?? {}
  const found: string[] = []
  if (payment === undefined) return status === 'confirmed' || status === 'completed' ? ['has no payment'] : []
  if (!isDeepStrictEqual(payment.amount, total)) found.push('has a payment for another amount than its total')
  if (payment.status === 'open') found.push('waits for its payment')
  if (cancellationReason === NOT_PAID && payment.status !== 'expired')
    found.push(`is cancelled because it was not paid in time, but its payment is ${payment.status}`)
  if (shipment !== undefined && authorised === 0) found.push('has a shipment without an authorised payment')
  const paid = status === 'completed' && shipment?.status !== 'returned' ? total.amount : 0
  if (captured - refunded !== paid) found.push(`is ${status}, and has paid ${captured - refunded}`)
  const held = status === 'confirmed' ? total.amount : 0
  if (authorised - captured - voided !== held)
    found.push(`is ${status}, and has ${authorised - captured - voided} authorised that is neither captured nor voided`)
  return found
}

/** Each service encrypts name and street with a key of its own. What the views show is compared elsewhere. */
function hidePerson({ name: _, street: _street, ...where }: RawItem): RawItem {
  return where
}

/**
 * The shipment has the lines and the address of its order, and a status that fits the order's status.
 */
function checkShipment({ status, lines, shippingAddress }: RawItem, shipment: RawItem): string[] {
  const allowed: Readonly<Record<string, readonly unknown[]>> = {
    confirmed: ['prepared'],
    completed: ['dispatched', 'delivered', 'returned'],
    cancelled: [undefined, 'cancelled', 'returned'],
    rejected: [undefined],
  }
  const found = allowed[status]?.includes(shipment?.status) ? [] : [`is ${status}, its shipment ${shipment?.status}`]
  if (shipment === undefined) return found
  const ordered = lines.map(({ sku, quantity }: RawItem) => ({ sku, quantity }))
  if (!isDeepStrictEqual(shipment.lines, ordered)) found.push('has a shipment with other lines than its own')
  if (!isDeepStrictEqual(hidePerson(shipment.address), hidePerson(shippingAddress)))
    found.push('has a shipment to another address than its own')
  return found
}

/** The order's fulfilment recorded each event of the services once. */
function checkInputs({ fulfilments, stock, payments, shipments }: LoggedState, id: string): string[] {
  if (fulfilments === undefined) return []
  const inputs = fulfilments.inputs.get(id)
  const expected = {
    stock: stock.answers.get(id),
    order: fulfilments.orderEvents.get(id),
    ...(payments ? { payment: payments.money.get(id)?.answers } : {}),
    ...(shipments ? { shipment: shipments.answers.get(id) } : {}),
  }
  return Object.entries(expected).flatMap(([who, times = 0]) => {
    const often = inputs?.[who as keyof typeof expected] ?? 0
    return often === times ? [] : [`has ${times} events about its ${who}, but its fulfilment recorded ${often}`]
  })
}
