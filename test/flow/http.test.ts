import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { readLog } from '../../packages/cli/demo/raw-fold.ts'
import { place, placeBody } from '../support/orders.ts'
import { System } from '../support/system.ts'

let system: System
before(async () => {
  system = await System.start({ services: ['ordering'] })
})
after(() => system.remove())

// biome-ignore lint/suspicious/noExplicitAny: a response body, read field by field.
type Body = any

const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
  system.call('POST', path, { body: JSON.stringify(body), headers })
const at = (position: string): string => `position=${encodeURIComponent(position)}`

async function newOrder(): Promise<{ id: string; position: string }> {
  const { status, body } = await post('/orders', placeBody, { 'idempotency-key': randomUUID() })
  assert.equal(status, 201)
  return body
}

describe('commands', () => {
  it('with one key twice give one set of events and the same answer', async () => {
    const key = { 'idempotency-key': randomUUID() }
    const [first, again] = [await post('/orders', placeBody, key), await post('/orders', placeBody, key)]
    assert.equal(first.status, 201)
    assert.deepEqual([again.status, again.body], [first.status, first.body])
    const { resources } = await system.log.items.readAll({ partitionKey: `order-${first.body.id}` }).fetchAll()
    assert.equal(resources.length, 1, 'one commit')
  })

  it('with one key many times at once give one set of events and one answer', async () => {
    const key = { 'idempotency-key': randomUUID() }
    const answers = await Promise.all(Array.from({ length: 10 }, () => post('/orders', placeBody, key)))
    assert.equal(new Set(answers.map((answer) => JSON.stringify([answer.status, answer.body]))).size, 1)
    const { resources } = await system.log.items.readAll({ partitionKey: `order-${answers[0]?.body.id}` }).fetchAll()
    assert.equal(resources.length, 1)
  })

  it('of many writers on one order lose no change that was answered', async () => {
    const { id } = await newOrder()
    const moves = Array.from({ length: 12 }, (_, index) =>
      post(`/orders/${id}/change-shipping-address`, {
        shippingAddress: { ...placeBody.shippingAddress, street: `Quay ${index + 2}` },
      }),
    )
    const answers = await Promise.all(moves)
    assert.deepEqual(
      answers.map((answer) => answer.status),
      answers.map(() => 200),
    )
    assert.deepEqual(
      answers.map((answer) => answer.body.version).sort((a, b) => a - b),
      answers.map((_, index) => index + 2),
    )
  })

  it('accept the version that was read as If-Match', async () => {
    const { id } = await newOrder()
    const cancelled = await post(`/orders/${id}/cancel`, { reason: 'late' }, { 'if-match': '"1"' })
    assert.deepEqual([cancelled.status, cancelled.headers.get('etag')], [200, '"2"'])
  })

  it('record their actor and cause in the event', async () => {
    const key = randomUUID()
    const { body } = await post('/orders', placeBody, {
      'idempotency-key': key,
      'x-actor': 'ada',
      'x-correlation-id': 'visit-1',
    })
    const { resources } = await system.log.items.readAll({ partitionKey: `order-${body.id}` }).fetchAll()
    const [event]: Body[] = readLog(resources).events
    assert.deepEqual(
      [event.actor, event.correlation, event.causation, event.type],
      ['ada', 'visit-1', `command:${key}`, 'OrderPlaced'],
    )
  })

  it('accept an id chosen by the client', async () => {
    const id = `mine-${randomUUID()}`
    assert.equal((await post(`/orders/${id}/${place.type}`, placeBody)).body.position, `order-${id}@1`)
  })
})

describe('queries', () => {
  it('with a position never return older data', async () => {
    const { id } = await newOrder()
    for (let street = 2; street <= 12; street += 1) {
      const { body } = await post(`/orders/${id}/change-shipping-address`, {
        shippingAddress: { ...placeBody.shippingAddress, street: `Quay ${street}` },
      })
      const view = await system.callOnceSeen('GET', `/orders/${id}?${at(body.position)}`)
      assert.deepEqual(
        [view.status, view.headers.get('etag'), view.body.shippingAddress.street],
        [200, `"${street}"`, `Quay ${street}`],
      )
    }
  })

  it('list orders by status and by page, each once', async () => {
    const placed = await Promise.all(Array.from({ length: 7 }, newOrder))
    for (const { position } of placed) await system.callOnceSeen('GET', `/orders?limit=1&${at(position)}`)
    const seen: string[] = []
    for (let path = '/orders?status=placed&limit=3'; path !== ''; ) {
      const { status, body } = await system.call('GET', path)
      assert.equal(status, 200)
      assert.ok(body.items.length <= 3)
      seen.push(...body.items.map((order: Body) => order.orderId))
      path = body.continuation ? `/orders?status=placed&limit=3&continuation=${body.continuation}` : ''
    }
    assert.equal(new Set(seen).size, seen.length)
    for (const { id } of placed) assert.ok(seen.includes(id))
  })

  it('find an order by the reference its customer gave it, alone and with other filters', async () => {
    const reference = `PO ${randomUUID().slice(0, 8)}/é`
    const [customerId, other] = [`c-${randomUUID()}`, `c-${randomUUID()}`]
    const region = { ...placeBody.shippingAddress, region: 'Flanders' }
    const refused = await post('/orders', { ...placeBody, reference: '' })
    assert.deepEqual([refused.status, refused.body.code], [400, 'invalid-command'])
    const placed = await Promise.all(
      [customerId, other].map((each) =>
        post('/orders', { ...placeBody, customerId: each, reference, shippingAddress: region }),
      ),
    )
    for (const { position } of [await newOrder(), ...placed.map(({ body }) => body)])
      await system.callOnceSeen('GET', `/orders?limit=1&${at(position)}`)
    const find = async (query: Record<string, string>): Promise<Body[]> =>
      (await system.call('GET', `/orders?${new URLSearchParams(query)}`)).body.items
    const ids = (orders: readonly Body[]) => orders.map(({ orderId }) => orderId).sort()
    assert.deepEqual(ids(await find({ reference })), placed.map(({ body }) => body.id).sort())
    const [found, ...others] = await find({ reference, customerId, status: 'placed' })
    assert.deepEqual(
      [found.orderId, found.reference, found.shippingAddress, others],
      [...[placed[0]?.body.id, reference, region, []]],
    )
    assert.deepEqual(ids(await find({ customerId: other })), [placed[1]?.body.id])
    assert.deepEqual(await find({ reference: 'PO' }), [])
  })

  it('count the sales of a product without cancelled orders', async () => {
    const sku = `sku-${randomUUID().slice(0, 8)}`
    const order = { ...placeBody, lines: [{ sku, quantity: 3, unitPrice: 100 }] }
    const [kept, dropped] = [await post('/orders', order), await post('/orders', order)]
    const cancelled = await post(`/orders/${dropped.body.id}/cancel`, { reason: 'late' })
    for (const position of [kept.body.position, cancelled.body.position])
      await system.callOnceSeen('GET', `/sales-by-product?limit=1&${at(position)}`)
    const { body } = await system.call('GET', `/sales-by-product/${sku}`)
    assert.deepEqual(body, { sku, orders: 1, quantity: 3, revenue: { EUR: 300 } })
  })

  it('answer HEAD like GET, without the body', async () => {
    const { id, position } = await newOrder()
    const head = await system.callOnceSeen('HEAD', `/orders/${id}?${at(position)}`)
    assert.deepEqual([head.status, head.headers.get('etag'), head.body], [200, '"1"', undefined])
  })
})
