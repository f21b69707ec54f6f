import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { DomainEvent } from 'tidemark'
import { disagreements } from '../../packages/cli/demo/disagreements.ts'
import { expectShown } from '../../packages/cli/demo/encrypted-texts.ts'
import { foldRawLog, type RawItem, readLog } from '../../packages/cli/demo/raw-fold.ts'
import { foldRawFulfilments } from '../../packages/cli/demo/raw-fulfilments.ts'
import { foldRawPayments } from '../../packages/cli/demo/raw-payments.ts'
import { foldRawShipments } from '../../packages/cli/demo/raw-shipments.ts'
import { foldRawStock } from '../../packages/cli/demo/raw-stock.ts'
import { recordedItems as recorded, toRawItem } from '../../packages/tidemark/test/support/raw-items.ts'
import { recorded as recordedEvents } from '../../packages/tidemark/test/support/recorded.ts'
import { address, cancelled, placedV1 } from '../support/orders.ts'

const sku = 'tea'
const of = (quantity: number, orderId = '1') => ({ sku, orderId, quantity })
const received = { type: 'StockReceived', data: { sku, quantity: 3 } }
const reserved = (orderId: string, quantity = 2) => ({ type: 'UnitsReserved', data: of(quantity, orderId) })
const released = (orderId: string) => ({ type: 'UnitsReleased', data: of(2, orderId) })
const declined = { type: 'UnitsDeclined', data: { ...of(2, '2'), available: 1 } }
const shipped = { type: 'UnitsShipped', data: of(2) }
const back = { type: 'UnitsReturned', data: of(2) }
const stock = (...events: DomainEvent[]): RawItem[] => recorded('stock-tea', ...events)

const total = { currency: 'EUR', amount: 2 }
const oneLine = { ...placedV1, data: { ...placedV1.data, lines: [{ sku, quantity: 2, unitPrice: 1 }], total } }
const order = (...events: DomainEvent[]) => foldRawLog(recorded('order-1', ...events)).orders
const outcome = (type: string): RawItem[] => recorded('reservation-1', { type, data: { orderId: '1' } })
const confirmed = { type: 'OrderConfirmed', data: { orderId: '1' } }
const completed = { type: 'OrderCompleted', data: { orderId: '1' } }

describe("the demo's reading of a raw log", () => {
  const of = { stream: 'stock-tea', fingerprint: '' }
  const receipt = (key: string, version: number): RawItem => toRawItem({ ...of, key, version })
  const events = recordedEvents(of.stream, received, reserved('1'), shipped)
  const commit = (key: string, first: number, last: number): RawItem =>
    toRawItem({ ...of, key, events: events.slice(first - 1, last).map((event) => ({ ...event, time: '2026' })) })
  const sound = [receipt('r', 3), commit('b', 3, 3), commit('a', 1, 2)]

  it('reads every event of every commit, in order', () => {
    const { events: read, versions, faults } = readLog(sound)
    assert.deepEqual(
      read,
      events.map((event) => ({ ...event, time: '2026' })),
    )
    assert.deepEqual([[...versions], faults], [[['stock-tea', 3]], []])
  })

  for (const [what, items, fault] of [
    ['a gap', [commit('a', 1, 1), commit('b', 3, 3)], /^stock-tea: version 3 comes after 1$/],
    ['overlapping commits', [...sound, commit('c', 2, 2)], /^stock-tea: version 2 comes after 2$/],
    ['a repeated version', [...sound, commit('c', 1, 2)], /^stock-tea: version 1 comes after 2$/],
    ['a key of two commits', [commit('a', 1, 2), commit('a', 3, 3)], /^stock-tea 0{15}3: its key has two outcomes/],
    ['a key of a commit and a receipt', [...sound, receipt('b', 1)], /^stock-tea ~\w{64}: its key has two outcomes/],
    ['a receipt beyond the end', [...sound, receipt('s', 4)], /^stock-tea: .*version 4, which is missing$/],
    ['a receipt of an empty stream', [receipt('s', 1)], /^stock-tea: .*version 1, which is missing$/],
    ['a commit with fewer events than it says', [{ ...commit('a', 1, 2), to: 3 }], /it says 1 to 3, and has 2 events$/],
    [
      'a commit with another id',
      [{ ...commit('a', 1, 2), id: '0'.repeat(15) + 2 }],
      /it says 1 to 2, and has 2 events$/,
    ],
    ['another item', [...sound, { id: 'note', stream: 'stock-tea' }], /neither a commit nor a receipt/],
  ] as const)
    it(`finds ${what}`, () => {
      const [found = '', ...others] = readLog(items).faults
      assert.match(found, fault)
      // Later versions may be reported for the same reason.
      for (const other of others) assert.match(other, /version 3 comes after/)
    })
})

describe("the demo's check of stock", () => {
  for (const [what, events, fault] of [
    ['a reservation of more than there is', [received, reserved('1'), reserved('2')], /stock-tea@3: oversold by 1/],
    ['an order with two answers', [received, reserved('1', 1), reserved('1', 1)], /order 1 was answered before/],
    ['a decline with enough stock', [received, declined], /declined, but there was enough/],
    ['more released than reserved', [received, reserved('1'), released('1'), released('1')], /more was released or/],
    ['a shipment after a release', [received, reserved('1'), released('1'), shipped], /released or shipped/],
    ['a repeated shipment', [received, reserved('1'), shipped, shipped], /stock-tea@4: more was released or shipped/],
    ['more returned than shipped', [received, reserved('1'), shipped, back, back], /stock-tea@5: more came back/],
  ] as const)
    it(`finds ${what}`, () => assert.match(foldRawStock(stock(...events)).faults.join(), fault))

  for (const [what, orders, items, found] of [
    ['an undecided order', order(oneLine), [], /order 1 is undecided/],
    [
      'a confirmed order without its stock',
      order(oneLine, confirmed),
      outcome('StockReserved'),
      /has 0 of tea reserved/,
    ],
    [
      'a confirmed order without a reservation',
      order(oneLine, confirmed),
      stock(received, reserved('1')),
      /its reservation undefined/,
    ],
    [
      'stock that is still reserved for a cancelled order',
      order(oneLine, cancelled),
      [...stock(received, reserved('1')), ...outcome('StockReservationCancelled')],
      /order 1 is cancelled, and has 2 of tea reserved/,
    ],
    [
      'stock that is reserved for a missing order',
      order(),
      stock(received, reserved('1')),
      /reserved for 1, which is not an order/,
    ],
  ] as const)
    it(`finds ${what}`, () => assert.match(disagreements({ orders, stock: foldRawStock(items) }).join(), found))

  it('finds nothing if both agree', () => {
    const fold = foldRawStock([
      ...stock(received, reserved('1'), declined, released('1')),
      ...outcome('StockReservationCancelled'),
    ])
    const told = { orders: order(oneLine, cancelled), stock: fold }
    assert.deepEqual([...fold.faults, ...disagreements(told).filter((line) => !line.includes('2, which'))], [])
  })
})

const amount = total
const asked = {
  type: 'PaymentOpened',
  data: { orderId: '1', amount, method: 'card', due: '2026-01-01T00:15:00.000Z' },
}
const authorised = { type: 'PaymentAuthorised', data: { orderId: '1', amount } }
const captured = { type: 'PaymentCaptured', data: { orderId: '1', amount } }
const voided = { type: 'PaymentVoided', data: { orderId: '1', amount, reason: 'late' } }
const refunded = { type: 'PaymentRefunded', data: { orderId: '1', amount, reason: 'late' } }
const prepared = { type: 'ShipmentPrepared', data: { orderId: '1', lines: [{ sku, quantity: 2 }], address } }
const onItsWay = (type: string) => ({ type, data: { orderId: '1', lines: [{ sku, quantity: 2 }] } })
const recalled = { type: 'ShipmentRecalled', data: { orderId: '1', reason: 'late' } }
const stopped = { type: 'ShipmentCancelled', data: { orderId: '1', reason: 'late' } }

const dispatched = onItsWay('ShipmentDispatched')
const returned = onItsWay('ShipmentReturned')

/** The events of one order in four services. */
interface Story {
  readonly order: readonly DomainEvent[]
  readonly reservation?: string
  readonly stock: readonly DomainEvent[]
  readonly payment: readonly DomainEvent[]
  readonly shipment: readonly DomainEvent[]
}

const done: Story = {
  order: [oneLine, confirmed, completed],
  reservation: 'StockReservationShipped',
  stock: [received, reserved('1'), shipped],
  payment: [asked, authorised, captured],
  shipment: [prepared, dispatched],
}
const waiting: Story = {
  order: [oneLine, confirmed],
  stock: [received, reserved('1')],
  payment: [asked, authorised],
  shipment: [prepared],
}
const off: Story = {
  order: [oneLine, confirmed, cancelled],
  reservation: 'StockReservationCancelled',
  stock: [received, reserved('1'), released('1')],
  payment: [asked, authorised, voided],
  shipment: [prepared, stopped],
}
const tooLate: Story = {
  order: [oneLine, confirmed, cancelled],
  reservation: 'StockReservationShipped',
  stock: [received, reserved('1'), shipped, back],
  payment: [asked, authorised, captured, refunded],
  shipment: [prepared, dispatched, recalled, returned],
}

function checkStory({ order, reservation = 'StockReserved', stock: units, payment, shipment }: Story): string[] {
  return disagreements({
    orders: foldRawLog(recorded('order-1', ...order)).orders,
    stock: foldRawStock([...stock(...units), ...outcome(reservation)]),
    payments: foldRawPayments(recorded('payment-1', ...payment)),
    shipments: foldRawShipments(recorded('shipment-1', ...shipment)),
  })
}

describe("the demo's check of four services", () => {
  for (const [what, story] of Object.entries({ done, waiting, off, tooLate }))
    it(`finds nothing if they agree: ${what}`, () => assert.deepEqual(checkStory(story), []))

  const otherLines = { ...prepared, data: { ...prepared.data, lines: [{ sku, quantity: 1 }] } }
  const otherAddress = { ...prepared, data: { ...prepared.data, address: { ...address, city: 'Delft' } } }
  const halfRefund = { ...refunded, data: { ...refunded.data, amount: { ...amount, amount: 1 } } }
  const otherAmount = { ...asked, data: { ...asked.data, amount: { ...amount, amount: 1 } } }
  for (const [what, story, found] of [
    ['goods shipped without a payment', { ...done, payment: [asked, authorised] }, /is completed, and has paid 0/],
    [
      'the money of returned goods',
      { ...tooLate, payment: [asked, authorised, captured] },
      /cancelled, and has paid 2/,
    ],
    [
      'a partial refund',
      { ...tooLate, payment: [asked, authorised, captured, halfRefund] },
      /cancelled, and has paid 1/,
    ],
    ['a refund of goods that were not returned', { ...done, payment: tooLate.payment }, /completed, and has paid 0/],
    ['an authorisation that was not voided', { ...off, payment: [asked, authorised] }, /2 authorised that is neither/],
    ['a payment without an answer', { ...off, payment: [asked] }, /order 1 waits for its payment/],
    ['a confirmed order without a payment', { ...waiting, payment: [] }, /order 1 has no payment/],
    [
      'a shipment without an authorised payment',
      { ...off, payment: [asked] },
      /shipment without an authorised payment/,
    ],
    ['a payment of another amount', { ...done, payment: [otherAmount, authorised, captured] }, /another amount/],
    ['shipped goods that are still reserved', { ...done, stock: [received, reserved('1')] }, /2 of tea reserved/],
    ['returned goods that are not in stock', { ...tooLate, stock: done.stock }, /has 0 of tea returned/],
    [
      'a cancelled order whose shipment is under way',
      { ...tooLate, shipment: [prepared, dispatched, recalled] },
      /recalled/,
    ],
    [
      'a shipped order that is only confirmed',
      { ...waiting, shipment: done.shipment },
      /confirmed, its shipment dispatched/,
    ],
    ['lines that differ from the order', { ...waiting, shipment: [otherLines] }, /shipment with other lines/],
    ['an address that differs from the order', { ...waiting, shipment: [otherAddress] }, /to another address/],
  ] as const)
    it(`finds ${what}`, () => assert.match(checkStory(story).join(), found))

  for (const [what, events, fault] of [
    [
      'more captured than authorised',
      [asked, authorised, captured, captured],
      /payment-1@4: more is captured and voided/,
    ],
    [
      'money that is captured and voided',
      [asked, authorised, captured, voided],
      /payment-1@4: more is captured and voided/,
    ],
    ['more refunded than captured', [asked, authorised, captured, refunded, refunded], /payment-1@5: more is refunded/],
    ['a capture after a void', [asked, authorised, voided, captured], /captured, though it was voided/],
    ['a payment that was not requested', [authorised], /authorised, but never requested/],
  ] as const)
    it(`finds ${what}`, () => assert.match(foldRawPayments(recorded('payment-1', ...events)).faults.join(), fault))

  for (const [what, events, fault] of [
    ['goods shipped twice', [prepared, dispatched, dispatched], /shipment-1@3: dispatched, though it was dispatched/],
    ['goods shipped after a cancellation', [prepared, stopped, dispatched], /dispatched, though it was cancelled/],
    ['returned goods that were not shipped', [prepared, returned], /returned, though it was prepared/],
    ['a shipment prepared twice', [prepared, prepared], /prepared, though it was prepared/],
  ] as const)
    it(`finds ${what}`, () => assert.match(foldRawShipments(recorded('shipment-1', ...events)).faults.join(), fault))

  it('finds an answer that a fulfilment did not record, or recorded twice', () => {
    const events = foldRawLog(recorded('order-1', ...waiting.order)).orders
    const told = (...inputs: DomainEvent[]) =>
      disagreements({
        orders: events,
        stock: foldRawStock([...stock(...waiting.stock), ...outcome('StockReserved')]),
        fulfilments: foldRawFulfilments([
          ...recorded('order-1', ...waiting.order),
          ...recorded('fulfilment-1', ...inputs),
        ]),
      }).join()
    const answered = { type: 'StockAnswered', data: { orderId: '1', answer: 'reserved' } }
    const noted = { type: 'ConfirmationNoted', data: { orderId: '1' } }
    assert.equal(told(answered, noted), '')
    assert.match(told(noted), /has 1 events about its stock, but its fulfilment recorded 0/)
    assert.match(told(answered, answered, noted), /has 1 events about its stock, but its fulfilment recorded 2/)
    assert.match(told(answered), /has 1 events about its order, but its fulfilment recorded 0/)
  })
})

describe("the demo's reading of encrypted texts", () => {
  const encrypted = (forgotten: string): string =>
    `~personal:1:ordering:e8.1:AbC-_9:${Buffer.from(forgotten).toString('base64url')}~`
  const logged = { name: encrypted('forgotten'), street: `${encrypted('forgotten')} ${encrypted('-')}`, city: 'Ghent' }

  it('takes what a view shows in their place, also of a forgotten person', () => {
    const shown = { name: 'Ada', street: 'Quay 1', city: 'Ghent' }
    const forgotten = { name: 'forgotten', street: 'forgotten -', city: 'Ghent' }
    assert.deepEqual(expectShown([logged, logged], [shown, forgotten]), [shown, forgotten])
  })

  for (const [what, shown] of [
    ['a text that is encrypted', { ...logged }],
    ['no text', { name: '', street: '', city: 'Ghent' }],
    ['nothing', {}],
  ] as const)
    it(`does not take ${what}`, () => assert.deepEqual(expectShown(logged, shown), logged))

  it('takes nothing where the log has a plain text', () =>
    assert.deepEqual(expectShown({ city: 'Ghent' }, { city: 'Bruges' }), { city: 'Ghent' }))
})
