import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { until } from '../../packages/test-support/wait.ts'
import { placeBody } from '../support/orders.ts'
import { System } from '../support/system.ts'

const LINES = [{ sku: 'tea', quantity: 2, unitPrice: 450 }]
/**
 * Long enough for a busy machine to open the payment, and to kill every process or to pay, before the deadline.
 */
const WITHIN_SECONDS = 10

/** The longest ids, with every allowed kind of character; the most lines, units and money; any text. */
const LONGEST_ORDER = `O${'._~:-a1'.repeat(15)}`.slice(0, 100)
const LONGEST_SKUS = Array.from({ length: 50 }, (_, index) => `${index}${'._-aZ9'.repeat(11)}`.slice(0, 64))
const MOST_UNITS = 10_000
const HIGHEST_PRICE = 1_000_000_000
const TEXT = '\u{1F9FA} é 漢'

describe('order fulfilment, from HTTP to four logs,', () => {
  let system: System
  before(async () => {
    system = await System.start()
    await system.createClient('inventory').post('/stock/tea/receive', { quantity: 10 }, {})
  })
  after(() => system.remove())

  const place = async (more: object = {}): Promise<string> => {
    const { status, body } = await system.client.post('/orders', { ...placeBody, lines: LINES, ...more }, {})
    assert.equal(status, 201)
    return String(body.id)
  }
  const read = async (service: string, path: string): Promise<Record<string, unknown>> =>
    (await system.createClient(service).get(path)).body
  const stock = async () => {
    const { onHand, reserved } = await read('inventory', '/stock/tea')
    return { onHand, reserved }
  }

  it('captures and completes an order that is paid by card and dispatched, and ships its units', async () => {
    const id = await place()
    await system.untilStatus('shipping', `/shipments/${id}`, 'prepared')
    assert.equal((await read('payments', `/payments/${id}`)).status, 'authorised')
    assert.deepEqual(await stock(), { onHand: 10, reserved: 2 })
    await system.createClient('shipping').post(`/shipments/${id}/dispatch`, { carrier: 'post' }, {})
    await system.untilStatus('ordering', `/orders/${id}`, 'completed')
    const payment = await system.untilStatus('payments', `/payments/${id}`, 'captured')
    assert.equal(payment.captured, 900)
    await until('the stock to be gone', stock, ({ onHand }) => onHand === 8)
    const fulfilment = await system.untilStatus('ordering', `/fulfilments/${id}`, 'completed')
    assert.deepEqual(fulfilment.asked, ['PaymentRequested', 'ShipmentRequested', 'CaptureRequested'])
    const refused = await system.client.post(`/orders/${id}/cancel`, { reason: 'late' }, {})
    assert.deepEqual([refused.status, refused.body.code], [409, 'order-completed'])
  })

  it('expires a payment although every process died, cancels its order and returns the units', async () => {
    const before = await stock()
    const id = await place({ payment: { method: 'transfer', withinSeconds: WITHIN_SECONDS } })
    await until('its deadline to be kept', () => system.isExpiryScheduled(id))
    const { due } = await system.untilStatus('payments', `/payments/${id}`, 'open')
    const parts = [system.host, ...['event hubs', 'cosmos db'].map((name) => system.part(name))]
    for (const part of parts) process.kill(part.pid, 'SIGKILL')
    await Promise.all(parts.map(({ exited }) => exited))
    await system.stop()
    await until('the deadline to be over', async () => Date.now() > Date.parse(String(due)))
    await system.startCloud()
    await system.startHost()
    const order = await system.untilStatus('ordering', `/orders/${id}`, 'cancelled')
    assert.equal(order.cancellationReason, 'not paid in time')
    await system.untilStatus('payments', `/payments/${id}`, 'expired')
    await until('the units to be free again', stock, ({ reserved }) => reserved === before.reserved)
    const late = await system.createClient('payments').post(`/payments/${id}/authorise`, {}, {})
    assert.deepEqual([late.status, late.body.code], [409, 'payment-expired'])
    // After a kill, the request may be redelivered and schedule the command again. It then has no effect.
    await until('the deadline to be forgotten', async () => !(await system.isExpiryScheduled(id)))
  })

  it('ignores a deadline that was met by a transfer in time', async () => {
    const id = await place({ payment: { method: 'transfer', withinSeconds: WITHIN_SECONDS } })
    await system.untilStatus('payments', `/payments/${id}`, 'open')
    await system.createClient('payments').post(`/payments/${id}/authorise`, { reference: 'bank-1' }, {})
    await system.untilStatus('shipping', `/shipments/${id}`, 'prepared')
    await until('the deadline to be sent and forgotten', async () => !(await system.isExpiryScheduled(id)))
    assert.equal((await read('ordering', `/orders/${id}`)).status, 'confirmed')
    assert.equal((await read('payments', `/payments/${id}`)).status, 'authorised')
  })

  it('declines a card above the limit, cancels the order and releases its units', async () => {
    const before = await stock()
    const id = await place({ lines: [{ sku: 'tea', quantity: 1, unitPrice: 1_000_001 }] })
    const order = await system.untilStatus('ordering', `/orders/${id}`, 'cancelled')
    assert.equal(order.cancellationReason, 'above-card-limit')
    await until('the units to be free again', stock, ({ reserved }) => reserved === before.reserved)
  })

  it('recalls and refunds goods that are shipped while their order is cancelled', async () => {
    const before = await stock()
    const id = await place()
    await system.untilStatus('shipping', `/shipments/${id}`, 'prepared')
    const [dispatched, cancelled] = await Promise.all([
      system.createClient('shipping').post(`/shipments/${id}/dispatch`, {}, {}),
      system.client.post(`/orders/${id}/cancel`, { reason: 'changed my mind' }, {}),
    ])
    assert.deepEqual([dispatched.status, cancelled.status], [200, 200])
    await system.untilStatus('shipping', `/shipments/${id}`, 'recalled')
    await system.untilStatus('payments', `/payments/${id}`, 'captured')
    await system.createClient('shipping').post(`/shipments/${id}/return`, {}, {})
    await system.untilStatus('payments', `/payments/${id}`, 'refunded')
    await until('the units to be back', stock, (now) => isDeepStrictEqual(now, before))
  })

  it('handles the largest order with partial refunds and returns, to the cent and the unit', async () => {
    const send = async (service: string, path: string, body: object): Promise<void> => {
      const answer = await system.createClient(service).post(path, body, {})
      assert.equal(answer.status, 200, JSON.stringify(answer.body))
    }
    const payment = `/payments/${LONGEST_ORDER}`
    const shipment = `/shipments/${LONGEST_ORDER}`
    await Promise.all(LONGEST_SKUS.map((sku) => send('inventory', `/stock/${sku}/receive`, { quantity: MOST_UNITS })))
    await send('ordering', `/orders/${LONGEST_ORDER}/place`, {
      ...placeBody,
      customerId: TEXT.repeat(10),
      lines: LONGEST_SKUS.map((sku) => ({ sku, quantity: MOST_UNITS, unitPrice: HIGHEST_PRICE })),
      payment: { method: 'transfer', withinSeconds: 30 * 86_400 },
    })
    await system.untilStatus('payments', payment, 'open')
    await send('payments', `${payment}/authorise`, { reference: TEXT })
    await system.untilStatus('shipping', shipment, 'prepared')
    await send('shipping', `${shipment}/dispatch`, { carrier: TEXT })
    await system.untilStatus('ordering', `/orders/${LONGEST_ORDER}`, 'completed')
    await send('payments', `${payment}/refund`, { amount: 1, reason: TEXT.repeat(50) })
    await send('shipping', `${shipment}/return`, { reason: TEXT })
    const total = 500_000_000_000_000
    const { amount, captured, refunded } = await system.untilStatus('payments', payment, 'refunded')
    assert.deepEqual([amount, captured, refunded], [{ currency: 'EUR', amount: total }, total, total])
    for (const sku of LONGEST_SKUS) {
      const level = () => read('inventory', `/stock/${sku}`)
      const { onHand, reserved } = await until(`${sku} to be back`, level, ({ returned }) => returned === MOST_UNITS)
      assert.deepEqual([onHand, reserved], [MOST_UNITS, 0])
    }
  })
})
