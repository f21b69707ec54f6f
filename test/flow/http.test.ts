import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { place, placeBody } from '../support/orders.ts'
import { System } from '../support/system.ts'

let system: System
before(async () => {
  system = await System.start({ services: ['ordering'] })
})
after(() => system.remove())

// biome-ignore lint/suspicious/noExplicitAny: what a client gets, looked at field by field.
type Body = any

async function call(
  method: string,
  path: string,
  options: { body?: string | Uint8Array; headers?: Record<string, string> } = {},
) {
  const response = await fetch(system.base + path, {
    method,
    ...(options.body === undefined ? {} : { body: options.body }),
    headers: { ...(options.body === undefined ? {} : { 'content-type': 'application/json' }), ...options.headers },
  })
  const text = await response.text()
  const body: Body = text === '' ? undefined : JSON.parse(text)
  return { status: response.status, headers: response.headers, body }
}

const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
  call('POST', path, { body: JSON.stringify(body), headers })
const at = (position: string): string => `position=${encodeURIComponent(position)}`

async function items(): Promise<number> {
  const { resources } = await system.log.items.query('SELECT VALUE COUNT(1) FROM c').fetchAll()
  return Number(resources[0])
}

async function newOrder(): Promise<{ id: string; position: string }> {
  const { status, body } = await post('/orders', placeBody, { 'idempotency-key': randomUUID() })
  assert.equal(status, 201)
  return body
}

describe('refusals: problem details, and nothing written', () => {
  const [line] = placeBody.lines
  const cases: [
    what: string,
    method: string,
    path: string,
    options: Parameters<typeof call>[2],
    status: number,
    code: string,
  ][] = [
    ['malformed JSON', 'POST', '/orders', { body: '{"customerId":' }, 400, 'invalid-json'],
    [
      'bytes that are not UTF-8',
      'POST',
      '/orders',
      { body: new Uint8Array([0x22, 0xff, 0xfe, 0x22]) },
      400,
      'invalid-json',
    ],
    [
      'an unknown field',
      'POST',
      '/orders',
      { body: JSON.stringify({ ...placeBody, gift: true }) },
      400,
      'invalid-command',
    ],
    [
      'a wrong type',
      'POST',
      '/orders',
      { body: JSON.stringify({ ...placeBody, lines: 'tea' }) },
      400,
      'invalid-command',
    ],
    [
      'an unsafe integer',
      'POST',
      '/orders',
      {
        body: JSON.stringify({ ...placeBody, lines: [{ ...line, quantity: 1 }] }).replace(
          '"quantity":1',
          '"quantity":9007199254740993',
        ),
      },
      400,
      'invalid-command',
    ],
    ['no body where one is needed', 'POST', '/orders', {}, 400, 'invalid-command'],
    [
      'a body that is too large',
      'POST',
      '/orders',
      { body: JSON.stringify({ ...placeBody, note: 'x'.repeat(1024 * 1024) }) },
      413,
      'body-too-large',
    ],
    [
      'another media type',
      'POST',
      '/orders',
      { body: '<order/>', headers: { 'content-type': 'text/xml' } },
      415,
      'unsupported-media-type',
    ],
    [
      'an idempotency key with a space',
      'POST',
      '/orders',
      { body: JSON.stringify(placeBody), headers: { 'idempotency-key': 'a b' } },
      400,
      'invalid-idempotency-key',
    ],
    [
      'an If-Match that is no version',
      'POST',
      '/orders/1/cancel',
      { headers: { 'if-match': 'W/"x"' } },
      400,
      'invalid-if-match',
    ],
    ['an actor with a space', 'POST', '/orders/1/cancel', { headers: { 'x-actor': 'a b' } }, 400, 'invalid-header'],
    ['an unknown aggregate', 'POST', '/orders/nobody/cancel', { body: '{"reason":"late"}' }, 404, 'stream-not-found'],
    ['an id that cannot be one', 'POST', '/orders/a%20b/cancel', { body: '{"reason":"late"}' }, 400, 'invalid-id'],
    ['an unknown command', 'POST', '/orders/1/explode', {}, 404, 'unknown-command'],
    ['a command that only a reaction sends', 'POST', '/orders/1/confirm', {}, 404, 'unknown-command'],
    ['an unknown route', 'GET', '/nothing/here', {}, 404, 'route-not-found'],
    ['an order that is not there', 'GET', '/orders/nobody', {}, 404, 'document-not-found'],
    ['a wrong method on a list', 'DELETE', '/orders', {}, 405, 'method-not-allowed'],
    ['a wrong method on a document', 'PUT', '/orders/1', { body: '{}' }, 405, 'method-not-allowed'],
    ['a wrong method on a command', 'GET', '/orders/1/cancel', {}, 405, 'method-not-allowed'],
    ['an unknown status', 'GET', '/orders?status=lost', {}, 400, 'invalid-query'],
    ['a limit over the bound', 'GET', '/orders?limit=101', {}, 400, 'invalid-query'],
    ['a limit that is no number', 'GET', '/orders?limit=ten', {}, 400, 'invalid-query'],
    ['a misspelt parameter', 'GET', '/orders?statsu=placed', {}, 400, 'invalid-query'],
    ['a continuation of its own making', 'GET', '/orders?continuation=!!', {}, 400, 'invalid-query'],
    ['a position that is none', 'GET', '/orders/1?position=7', {}, 400, 'invalid-position'],
    ['a position of another service', 'GET', '/orders/1?position=basket-1@1', {}, 400, 'invalid-position'],
  ]
  for (const [what, method, path, options, status, code] of cases)
    it(`${what}: ${status} ${code}`, async () => {
      const before = await items()
      const answer = await call(method, path, options)
      assert.equal(answer.headers.get('content-type'), 'application/problem+json')
      assert.deepEqual([answer.status, answer.body.status, answer.body.code], [status, status, code])
      assert.equal(typeof answer.body.detail, 'string')
      if (status === 405) assert.match(answer.headers.get('allow') ?? '', /GET|POST/)
      assert.equal(await items(), before)
    })

  it('says where a body is wrong', async () => {
    const { body } = await post('/orders', { ...placeBody, lines: [{ ...line, quantity: '2' }] })
    assert.equal(body.errors[0].pointer, '/lines/0/quantity')
  })

  it('what the domain refuses is a 409 with its own code', async () => {
    const { id } = await newOrder()
    assert.equal((await post(`/orders/${id}/cancel`, { reason: 'late' })).status, 200)
    const refused = await post(`/orders/${id}/change-shipping-address`, { shippingAddress: placeBody.shippingAddress })
    assert.deepEqual([refused.status, refused.body.code], [409, 'order-cancelled'])
  })
})

describe('commands', () => {
  it('the same key twice: one set of events and the same answer; another body: 422', async () => {
    const key = { 'idempotency-key': randomUUID() }
    const [first, again] = [await post('/orders', placeBody, key), await post('/orders', placeBody, key)]
    assert.equal(first.status, 201)
    assert.deepEqual([again.status, again.body], [first.status, first.body])
    const other = await post('/orders', { ...placeBody, currency: 'NOK' }, key)
    assert.deepEqual([other.status, other.body.code], [422, 'idempotency-key-reused'])
    const { resources } = await system.log.items.readAll({ partitionKey: `order-${first.body.id}` }).fetchAll()
    assert.equal(resources.length, 2, 'one event and one mark')
  })

  it('the same key many times at once: one set of events and one answer', async () => {
    const key = { 'idempotency-key': randomUUID() }
    const answers = await Promise.all(Array.from({ length: 10 }, () => post('/orders', placeBody, key)))
    assert.equal(new Set(answers.map((answer) => JSON.stringify([answer.status, answer.body]))).size, 1)
    const { resources } = await system.log.items.readAll({ partitionKey: `order-${answers[0]?.body.id}` }).fetchAll()
    assert.equal(resources.length, 2)
  })

  it('many writers race on one order: every change that was answered is there once, none is lost', async () => {
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

  it('If-Match: the version that was read, or 412', async () => {
    const { id } = await newOrder()
    const stale = await post(`/orders/${id}/cancel`, { reason: 'late' }, { 'if-match': '"7"' })
    assert.deepEqual([stale.status, stale.body.code], [412, 'version-mismatch'])
    const cancelled = await post(`/orders/${id}/cancel`, { reason: 'late' }, { 'if-match': '"1"' })
    assert.deepEqual([cancelled.status, cancelled.headers.get('etag')], [200, '"2"'])
  })

  it('an event says who asked for it and why', async () => {
    const key = randomUUID()
    const { body } = await post('/orders', placeBody, {
      'idempotency-key': key,
      'x-actor': 'ada',
      'x-correlation-id': 'visit-1',
    })
    const { resources } = await system.log.items.readAll({ partitionKey: `order-${body.id}` }).fetchAll()
    const event: Body = resources.find((item) => item.id === '0000000000000001')
    assert.deepEqual(
      [event.actor, event.correlation, event.causation, event.type],
      ['ada', 'visit-1', `command:${key}`, 'OrderPlaced'],
    )
  })

  it('an id that the client chose works too', async () => {
    const id = `mine-${randomUUID()}`
    assert.equal((await post(`/orders/${id}/${place.type}`, placeBody)).body.position, `order-${id}@1`)
    const again = await post(`/orders/${id}/${place.type}`, placeBody)
    assert.deepEqual([again.status, again.body.code], [409, 'order-already-placed'])
  })
})

describe('queries', () => {
  it('a query that names a position never shows older data', async () => {
    const { id } = await newOrder()
    for (let street = 2; street <= 12; street += 1) {
      const { body } = await post(`/orders/${id}/change-shipping-address`, {
        shippingAddress: { ...placeBody.shippingAddress, street: `Quay ${street}` },
      })
      const view = await call('GET', `/orders/${id}?${at(body.position)}`)
      assert.deepEqual(
        [view.status, view.headers.get('etag'), view.body.shippingAddress.street],
        [200, `"${street}"`, `Quay ${street}`],
      )
    }
  })

  it('a position that the view has not come to: 503 with Retry-After rather than older data', async () => {
    const { id } = await newOrder()
    const view = await call('GET', `/orders/${id}?${at(`order-${id}@99`)}`)
    assert.deepEqual([view.status, view.body.code, view.headers.get('retry-after')], [503, 'view-behind', '1'])
  })

  it('lists by status, page after page, each order once', async () => {
    const placed = await Promise.all(Array.from({ length: 7 }, newOrder))
    for (const { position } of placed) await call('GET', `/orders?limit=1&${at(position)}`)
    const seen: string[] = []
    for (let path = '/orders?status=placed&limit=3'; path !== ''; ) {
      const { status, body } = await call('GET', path)
      assert.equal(status, 200)
      assert.ok(body.items.length <= 3)
      seen.push(...body.items.map((order: Body) => order.orderId))
      path = body.continuation ? `/orders?status=placed&limit=3&continuation=${body.continuation}` : ''
    }
    assert.equal(new Set(seen).size, seen.length)
    for (const { id } of placed) assert.ok(seen.includes(id))
  })

  it('sales of a product count what was placed and not cancelled', async () => {
    const sku = `sku-${randomUUID().slice(0, 8)}`
    const order = { ...placeBody, lines: [{ sku, quantity: 3, unitPrice: 100 }] }
    const [kept, dropped] = [await post('/orders', order), await post('/orders', order)]
    const cancelled = await post(`/orders/${dropped.body.id}/cancel`, { reason: 'late' })
    for (const position of [kept.body.position, cancelled.body.position])
      await call('GET', `/sales-by-product?limit=1&${at(position)}`)
    const { body } = await call('GET', `/sales-by-product/${sku}`)
    assert.deepEqual(body, { sku, orders: 1, quantity: 3, revenue: { EUR: 300 } })
  })

  it('HEAD answers as GET does, without the body', async () => {
    const { id, position } = await newOrder()
    const head = await call('HEAD', `/orders/${id}?${at(position)}`)
    assert.deepEqual([head.status, head.headers.get('etag'), head.body], [200, '"1"', undefined])
  })
})
