import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { type Happening, Universe } from '../../packages/tidemark/test/support/universe.ts'
import { inventory } from '../../src/inventory/service.ts'
import { ordering } from '../../src/ordering/service.ts'
import { CARD_LIMIT } from '../../src/payments/payment.ts'
import { payments } from '../../src/payments/service.ts'
import { shipping } from '../../src/shipping/service.ts'
import { address, placeBody } from '../support/orders.ts'

const services = [ordering, inventory, payments, shipping]
const UNITS = 2
/** The reason of a refund that nobody requested. */
const GOODWILL = 'goodwill'

const toOrder = (name: string, type: string, data: object = {}): Happening => ({
  name,
  stream: 'order-1',
  command: { type, data },
})
const toPayment = (type: string, data: object = {}): Happening => ({
  name: type,
  stream: 'payment-1',
  command: { type, data },
})
const toShipment = (type: string, data: object = {}): Happening => ({
  name: `warehouse ${type}`,
  stream: 'shipment-1',
  command: { type, data },
})

const place = (method: string, unitPrice: number): Happening =>
  toOrder('place', 'place', { ...placeBody, lines: [{ sku: 'tea', quantity: UNITS, unitPrice }], payment: { method } })
const receive = (quantity: number): Happening => ({
  name: 'receive',
  stream: 'stock-tea',
  command: { type: 'receive', data: { quantity } },
})

const cancel = toOrder('customer cancel', 'cancel', { reason: 'too late' })
const move = toOrder('customer moves', 'change-shipping-address', { shippingAddress: { ...address, city: 'Bruges' } })
const dispatch = toShipment('dispatch')
const giveBack = toShipment('return')
const warehouse = [dispatch, toShipment('cancel', { reason: 'lost' }), toShipment('deliver'), giveBack]

/** The outcome of an order's events, folded by the test itself. */
function foldOutcome(universe: Universe) {
  const types = (stream: string): string[] => universe.events(stream).map(({ type }) => type)
  const sum = (stream: string, type: string, of: (data: never) => number): number =>
    universe
      .events(stream)
      .filter((event) => event.type === type)
      .reduce((total, { data }) => total + of(data as never), 0)
  const amount = ({ amount }: { amount: { amount: number } }): number => amount.amount
  const quantity = ({ quantity }: { quantity: number }): number => quantity
  return {
    order: types('order-1')
      .filter((type) => type !== 'ShippingAddressChanged')
      .at(-1),
    rejected: types('order-1').includes('OrderRejected'),
    reasons: universe.events('order-1').map(({ data }) => (data as { reason?: string }).reason),
    shipment: types('shipment-1'),
    payment: types('payment-1'),
    authorised: sum('payment-1', 'PaymentAuthorised', amount),
    captured: sum('payment-1', 'PaymentCaptured', amount),
    refunded: sum('payment-1', 'PaymentRefunded', amount),
    goodwill: sum('payment-1', 'PaymentRefunded', (data: { amount: { amount: number }; reason: string }) =>
      data.reason === GOODWILL ? data.amount.amount : 0,
    ),
    received: sum('stock-tea', 'StockReceived', quantity),
    reserved: sum('stock-tea', 'UnitsReserved', quantity),
    released: sum('stock-tea', 'UnitsReleased', quantity),
    shipped: sum('stock-tea', 'UnitsShipped', quantity),
    returned: sum('stock-tea', 'UnitsReturned', quantity),
  }
}

/** Asserts what must hold at any time. */
function assertSafe(universe: Universe, total: number): void {
  const seen = foldOutcome(universe)
  const has = (type: string): boolean => seen.payment.includes(type)
  assert.ok(
    seen.captured <= seen.authorised && seen.refunded <= seen.captured,
    'captures do not exceed authorisations, and refunds do not exceed captures',
  )
  assert.ok(!(has('PaymentVoided') && has('PaymentCaptured')), 'a voided payment is not captured')
  assert.ok(!(has('PaymentExpired') && has('PaymentAuthorised')), 'a payment is authorised or expired, not both')
  if (seen.reasons.includes('not paid in time'))
    assert.ok(has('PaymentExpired'), 'an order is cancelled for a missing payment only if payments ended it')
  if (seen.shipment.includes('ShipmentDispatched'))
    assert.ok(has('PaymentAuthorised') && !has('PaymentVoided'), 'only paid goods are dispatched')
  const onHand = seen.received - seen.shipped + seen.returned
  const held = seen.reserved - seen.released - seen.shipped
  assert.ok(held >= 0 && onHand >= held, `stock is never negative: ${onHand} on hand, ${held} held`)
  assert.ok([0, total].includes(seen.captured), 'the whole amount is captured')
  assert.ok([seen.goodwill, total].includes(seen.refunded), 'the whole amount is refunded, less earlier refunds')
}

/** The goods go to the customer's last address. */
function assertAddressed(universe: Universe): void {
  const said = universe.events('order-1').flatMap(({ data }) => {
    const { shippingAddress } = data as { shippingAddress?: Record<string, string> }
    if (shippingAddress === undefined) return []
    // Private events have the house number apart, public ones have one line.
    const { streetName, houseNumber, ...rest } = shippingAddress
    return [{ ...rest, street: [streetName, houseNumber].filter(Boolean).join(' ') }]
  })
  for (const { type, data } of universe.events('shipment-1'))
    if (type === 'ShipmentPrepared') assert.deepEqual((data as { address: unknown }).address, said.at(-1))
}

/** Asserts what must hold once all messages are delivered: nothing is held for an order that has ended. */
function assertSettled(universe: Universe, total: number): string {
  assertAddressed(universe)
  const seen = foldOutcome(universe)
  const held = seen.reserved - seen.released - seen.shipped
  const left = seen.shipment.includes('ShipmentDispatched')
  const back = seen.shipment.includes('ShipmentReturned')
  const called = seen.shipment.includes('ShipmentRecalled')
  assert.equal(seen.shipped, left ? UNITS : 0, 'shipped goods are out of the stock')
  assert.equal(seen.returned, back ? UNITS : 0, 'returned goods are in the stock')
  assert.equal(seen.captured, left ? total : 0, 'exactly the shipped goods are captured')
  assert.equal(seen.refunded, back ? total : seen.goodwill, 'returned goods are refunded once')
  switch (seen.order) {
    case 'OrderConfirmed':
      assert.deepEqual(seen.shipment, ['ShipmentPrepared'], 'a confirmed order waits only for the warehouse')
      assert.deepEqual([held, seen.payment.at(-1)], [UNITS, 'PaymentAuthorised'])
      break
    case 'OrderCompleted':
      assert.ok(left && held === 0)
      break
    case 'OrderCancelled':
    case 'OrderRejected':
      assert.equal(held, 0, 'nothing is held for a cancelled or rejected order')
      if (left) assert.ok(called || back, 'shipped goods of a cancelled order are recalled')
      else
        assert.ok(
          ['PaymentVoided', 'PaymentDeclined', 'PaymentExpired', undefined].includes(seen.payment.at(-1)),
          `no money is held: ${seen.payment}`,
        )
      break
    default:
      assert.fail(`the order must be decided, but its last event is ${seen.order}`)
  }
  return `${seen.order} ${seen.shipment.at(-1) ?? 'no shipment'} ${seen.payment.at(-1) ?? 'no payment'}`
}

/** A universe, and the number of deaths of an instance left in it. */
interface Branch {
  readonly universe: Universe
  readonly deaths: number
}

/** Takes every step in every order, and checks each resulting universe once. */
async function explore(first: Universe, total: number, deaths: number) {
  const outcomes = new Set<string>()
  const known = new Set<string>()
  const open: Branch[] = []
  let steps = 0
  const reach = (branch: Branch): void => {
    const fingerprint = `${branch.deaths} ${branch.universe.fingerprint()}`
    if (known.has(fingerprint)) return
    known.add(fingerprint)
    open.push(branch)
  }
  reach({ universe: first, deaths })
  for (let branch = open.pop(); branch; branch = open.pop()) {
    const { universe, deaths } = branch
    assertSafe(universe, total)
    const deliverable = universe.deliverable()
    if (deliverable.length === 0 && universe.scheduled.length === 0) {
      outcomes.add(assertSettled(universe, total))
    }
    for (const key of deliverable) {
      const whole = universe.copy()
      await whole.deliver(key)
      reach({ universe: whole, deaths })
      for (let after = 0, died = deaths > 0; died; after += 1) {
        const part = universe.copy()
        died = await part.deliver(key, after)
        if (died) reach({ universe: part, deaths: deaths - 1 })
        steps += 1
      }
    }
    for (const scheduled of universe.scheduled) {
      const copy = universe.copy()
      copy.fire(scheduled)
      reach({ universe: copy, deaths })
    }
    for (const happening of universe.happenings) {
      const copy = universe.copy()
      // A command without an event may have one later, so it is not taken here.
      if (copy.happen(happening)) reach({ universe: copy, deaths })
    }
    steps += deliverable.length + universe.scheduled.length + universe.happenings.length
  }
  return { outcomes, states: known.size, steps }
}

/** Every possible end of an order. Each must be met, and no other. */
const stopped = ['OrderCancelled no shipment PaymentVoided', 'OrderCancelled no shipment no payment']
/** Nobody paid before the deadline. */
const expired = 'OrderCancelled no shipment PaymentExpired'
const stoppedInTime = ['OrderCancelled ShipmentCancelled PaymentVoided', ...stopped]
const [inPart, whole] = [100, UNITS * 450].map((amount) => toPayment('refund', { amount, reason: GOODWILL })) as [
  Happening,
  Happening,
]
const done = ['OrderCompleted ShipmentDispatched PaymentCaptured', 'OrderConfirmed ShipmentPrepared PaymentAuthorised']
const recalled = 'OrderCancelled ShipmentRecalled PaymentCaptured'
const returned = ['OrderCancelled ShipmentReturned PaymentRefunded', 'OrderCompleted ShipmentReturned PaymentRefunded']

const common = { units: UNITS, method: 'card', unitPrice: 450, deaths: 1 }
const cases = [
  {
    ...common,
    what: 'a card, a customer who moves and cancels, and a warehouse',
    happenings: [move, cancel, ...warehouse],
    deaths: 0,
    ends: [...stoppedInTime, recalled, ...returned, ...done, 'OrderCompleted ShipmentDelivered PaymentCaptured'],
  },
  {
    ...common,
    what: 'a card, a customer who cancels and returns, and an instance that dies at any step',
    happenings: [cancel, dispatch, giveBack],
    ends: [...stoppedInTime, recalled, ...returned, ...done],
  },
  {
    ...common,
    what: 'a transfer that is authorised in time, late or never, and a customer who cancels',
    method: 'transfer',
    happenings: [cancel, dispatch, toPayment('authorise')],
    ends: [...stoppedInTime, expired, recalled, ...done],
  },
  {
    ...common,
    // No order whose payment was authorised is cancelled with a void among these ends.
    what: 'a transfer that is authorised in time, late or never',
    method: 'transfer',
    happenings: [dispatch, toPayment('authorise')],
    ends: [expired, ...done],
  },
  {
    ...common,
    what: 'a transfer that is declined',
    method: 'transfer',
    happenings: [cancel, toPayment('decline', { reason: 'no money' })],
    ends: ['OrderCancelled no shipment PaymentDeclined', expired, ...stopped],
  },
  ...[
    { what: 'a part', refund: inPart },
    { what: 'all', refund: whole },
  ].map(({ what, refund }) => ({
    ...common,
    what: `a shop that refunds ${what} on its own, whatever becomes of the goods`,
    happenings: [cancel, dispatch, giveBack, refund],
    deaths: 0,
    ends: [
      ...stoppedInTime,
      recalled,
      ...returned,
      ...done,
      'OrderCancelled ShipmentRecalled PaymentRefunded',
      'OrderCompleted ShipmentDispatched PaymentRefunded',
    ],
  })),
  {
    ...common,
    what: 'a card above the limit',
    unitPrice: CARD_LIMIT,
    happenings: [cancel],
    ends: ['OrderCancelled no shipment PaymentDeclined', 'OrderCancelled no shipment no payment'],
  },
  {
    ...common,
    what: 'too little stock',
    units: UNITS - 1,
    happenings: [cancel],
    ends: ['OrderCancelled no shipment no payment', 'OrderRejected no shipment no payment'],
  },
]

describe('order fulfilment, over every order of messages, deadlines and commands,', () => {
  for (const { what, units, method, unitPrice, happenings, deaths, ends } of cases)
    it(`holds, takes and ships only what it should: ${what}`, async (t) => {
      const universe = new Universe(services, happenings)
      universe.happen(receive(units))
      universe.happen(place(method, unitPrice))
      const { outcomes, states, steps } = await explore(universe, UNITS * unitPrice, deaths)
      t.diagnostic(`${states} states by ${steps} steps`)
      assert.deepEqual([...outcomes].sort(), ends.sort())
    })
})
