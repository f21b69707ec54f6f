import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { before, describe, it } from 'node:test'
import { address, placeBody } from '../../support/orders.ts'
import { type CallOptions, call } from '../../support/system.ts'
import type { WitnessedErrors } from '../../support/witnessed-errors.ts'
import { json, type Refusal, refusals, type World } from './world.ts'

const MIB = 1024 * 1024
const [line] = placeBody.lines
const placing = (changes: object): CallOptions => json({ ...placeBody, ...changes })
const cancel = { reason: 'late' }

/** Requests that cannot be served. */
export function requests(world: () => World, errors: WitnessedErrors): void {
  describe('a body', () => {
    refusals(world, errors, [
      ['malformed JSON', 'invalid-json', 'POST', '/orders', { body: '{"customerId":' }],
      ['bytes that are not UTF-8', 'invalid-json', 'POST', '/orders', { body: Uint8Array.of(0x22, 0xff, 0xfe, 0x22) }],
      ['one half of a surrogate pair', 'invalid-json', 'POST', '/orders', placing({ customerId: 'a\ud800' })],
      ['a name with one half of a surrogate pair', 'invalid-json', 'POST', '/orders', placing({ '\udc00': 1 })],
      ['an unknown field', 'invalid-command', 'POST', '/orders', placing({ gift: true })],
      ['a wrong type', 'invalid-command', 'POST', '/orders', placing({ lines: 'tea' })],
      ['nothing where a body is required', 'invalid-command', 'POST', '/orders'],
      ['null', 'invalid-command', 'POST', '/orders', { body: 'null' }],
      ['half a mebibyte of brackets', 'invalid-command', 'POST', '/orders', { body: nested(MIB / 4) }],
      [
        'an unsafe integer',
        'invalid-command',
        'POST',
        '/orders',
        { body: JSON.stringify(placeBody).replace('"quantity":2', '"quantity":9007199254740993') },
      ],
      ['more than 1 MiB', 'body-too-large', 'POST', '/orders', placing({ note: 'x'.repeat(MIB) })],
      [
        'another media type',
        'unsupported-media-type',
        'POST',
        '/orders',
        { body: '<order/>', headers: { 'content-type': 'text/xml' } },
      ],
      [
        'a content coding',
        'unsupported-media-type',
        'POST',
        '/orders',
        json(placeBody, { 'content-encoding': 'gzip' }),
      ],
    ])

    it('of exactly 1 MiB is accepted', async () => {
      const most = JSON.stringify({ ...placeBody, note: '' })
      const body = most.replace('"note":""', `"note":"${'x'.repeat(MIB - most.length)}"`)
      assert.equal(body.length, MIB)
      errors.answer('invalid-command', await world().system.call('POST', '/orders', { body }))
    })

    it('is refused with the places of its errors', async () => {
      const lines = [{ ...line, quantity: '2' }]
      const { body } = await world().system.call('POST', '/orders', placing({ lines }))
      assert.equal(body.errors[0].pointer, '/lines/0/quantity')
    })
  })

  describe('headers', () => {
    const cancelling = (headers: Record<string, string>): CallOptions => json(cancel, headers)
    refusals(world, errors, [
      ...['a b', 'a,b', 'é', '', 'x'.repeat(256)].map(
        (key): Refusal => [
          `the idempotency key ${JSON.stringify(key.slice(0, 9))}`,
          'invalid-idempotency-key',
          'POST',
          '/orders',
          json(placeBody, { 'idempotency-key': key }),
        ],
      ),
      ...['W/"1"', '*', '"1", "2"', '1', '"01"', '"-1"', '"9007199254740993"', ''].map(
        (tag): Refusal => [
          `If-Match: ${tag}`,
          'invalid-if-match',
          'POST',
          '/orders/1/cancel',
          cancelling({ 'if-match': tag }),
        ],
      ),
      ['an actor with a space', 'invalid-header', 'POST', '/orders/1/cancel', cancelling({ 'x-actor': 'a b' })],
      [
        'a correlation id that is too long',
        'invalid-header',
        'POST',
        '/orders/1/cancel',
        cancelling({ 'x-correlation-id': 'x'.repeat(256) }),
      ],
    ])
  })

  describe('an address', () => {
    refusals(world, errors, [
      ['with a method that a list does not have', 'method-not-allowed', 'DELETE', '/orders'],
      ['with a method that a document does not have', 'method-not-allowed', 'PUT', '/orders/1', { body: '{}' }],
      ['with a method that a command does not have', 'method-not-allowed', 'GET', '/orders/1/cancel'],
      ['with OPTIONS', 'method-not-allowed', 'OPTIONS', '/orders/1/cancel'],
      ['of an unknown command', 'unknown-command', 'POST', '/orders/1/explode'],
      ['of a command that only a reaction sends', 'unknown-command', 'POST', '/orders/1/confirm', { body: '{}' }],
      ['of a command named like a property of every object', 'unknown-command', 'POST', '/orders/1/constructor'],
      ['with an invalid id', 'invalid-id', 'POST', '/orders/a%20b/cancel', json(cancel)],
      ['with an id of 101 characters', 'invalid-id', 'GET', `/orders/${'x'.repeat(101)}`],
      ['with a badly encoded id', 'invalid-id', 'GET', '/orders/%zz'],
      ['with an id that has a slash', 'invalid-id', 'GET', '/orders/a%2fb'],
      ['with an id that has a line feed', 'invalid-id', 'GET', '/orders/%0A'],
      ['of an invalid stream', 'invalid-id', 'GET', '/streams/order/events'],
    ])

    it('lists its methods', async () => {
      const { headers } = await world().system.call('PATCH', '/orders')
      assert.deepEqual(headers.get('allow')?.split(', ').toSorted(), ['GET', 'HEAD', 'POST'])
    })
  })

  describe('something missing', () => {
    let stream: string
    before(async () => {
      stream = (await world().newOrder()).stream
    })
    refusals(world, errors, [
      ['an aggregate for a command', 'stream-not-found', 'POST', '/orders/nobody/cancel', json(cancel)],
      ['the longest possible id', 'stream-not-found', 'POST', `/orders/${'x'.repeat(100)}/cancel`, json(cancel)],
      ['events of a stream', 'stream-not-found', 'GET', '/streams/order-nobody/events'],
      ['the state of a stream', 'stream-not-found', 'GET', '/streams/order-nobody/state'],
      ['the state of a category', 'stream-not-found', 'GET', '/streams/basket-1/state'],
      ['a version beyond the newest', 'version-not-found', 'GET', () => `/streams/${stream}/state?version=5`],
      [
        'a time before the first event',
        'version-not-found',
        'GET',
        () => `/streams/${stream}/state?at=2000-01-01T00:00:00Z`,
      ],
      ['a document', 'document-not-found', 'GET', '/orders/nobody'],
      ['a view', 'view-not-found', 'GET', '/views/nothing/documents'],
      [
        'a document of a key that no document can have',
        'document-not-found',
        'GET',
        `/sales-by-product/${'x'.repeat(3000)}`,
      ],
      ['a document of a badly encoded key', 'document-not-found', 'GET', '/sales-by-product/%zz'],
    ])

    it('is answered by its status alone for HEAD', async () => {
      const { status, headers, body } = await world().system.call('HEAD', '/orders/nobody')
      assert.deepEqual([status, headers.get('content-type'), body], [404, 'application/problem+json', undefined])
    })
  })

  describe('a query', () => {
    let stream: string
    before(async () => {
      stream = (await world().newOrder()).stream
    })
    const state = (query: string) => () => `/streams/${stream}/state?${query}`
    const events = (query: string) => () => `/streams/${stream}/events?${query}`
    refusals(world, errors, [
      ['for an unknown status', 'invalid-query', 'GET', '/orders?status=lost'],
      ['with two statuses', 'invalid-query', 'GET', '/orders?status=placed&status=placed'],
      ['with a limit above the maximum', 'invalid-query', 'GET', '/orders?limit=101'],
      ['with a limit that is not a number', 'invalid-query', 'GET', '/orders?limit=ten'],
      ['with two limits', 'invalid-query', 'GET', '/orders?limit=1&limit=2'],
      ['with a misspelt parameter', 'invalid-query', 'GET', '/orders?statsu=placed'],
      ['with an invented continuation', 'invalid-query', 'GET', '/orders?continuation=!!'],
      ['of a command', 'invalid-query', 'POST', '/orders?dry=true', json(placeBody)],
      ['for events in both directions', 'invalid-query', 'GET', events('direction=up')],
      ['for no events at all', 'invalid-query', 'GET', events('limit=0')],
      ['for too many events', 'invalid-query', 'GET', events('limit=101')],
      ['for events after an invalid version', 'invalid-query', 'GET', events('after=-1')],
      ['for a state with a misspelt parameter', 'invalid-query', 'GET', state('versoin=1')],
      ['for the state at version 0', 'invalid-query', 'GET', state('version=0')],
      ['for the state at a version and a time', 'invalid-query', 'GET', state('version=1&at=2026-01-01T00:00:00Z')],
      ['for an invalid time', 'invalid-time', 'GET', state('at=yesterday')],
      ['for a time whose + became a space', 'invalid-time', 'GET', state('at=2026-01-01T00:00:00+01:00')],
      ['at an invalid position', 'invalid-position', 'GET', '/orders/1?position=7'],
      ['at two positions of one stream', 'invalid-position', 'GET', '/orders/1?position=order-1@1&position=order-1@2'],
      ['at eleven positions', 'invalid-position', 'GET', `/orders?${'position=order-1@1&'.repeat(11)}`],
      ['at a position of another service', 'invalid-position', 'GET', '/orders/1?position=basket-1@1'],
    ])
  })

  describe('a command', () => {
    let id: string
    const key = randomUUID()
    before(async () => {
      const moved = { shippingAddress: { ...address, city: 'Bruges' } }
      id = (await world().newOrder()).id
      const path = `/orders/${id}/change-shipping-address`
      const { status } = await world().system.call('POST', path, json(moved, { 'idempotency-key': key }))
      assert.equal(status, 200)
    })
    const moving = (city: string, headers: Record<string, string>): CallOptions =>
      json({ shippingAddress: { ...address, city } }, headers)
    refusals(world, errors, [
      [
        'with the key of another',
        'idempotency-key-reused',
        'POST',
        () => `/orders/${id}/change-shipping-address`,
        moving('Ostend', { 'idempotency-key': key }),
      ],
      [
        'with the key and body of another, but another If-Match',
        'idempotency-key-reused',
        'POST',
        () => `/orders/${id}/change-shipping-address`,
        moving('Bruges', { 'idempotency-key': key, 'if-match': '"1"' }),
      ],
      [
        'decided on an older version',
        'version-mismatch',
        'POST',
        () => `/orders/${id}/cancel`,
        json(cancel, { 'if-match': '"1"' }),
      ],
      [
        'with an If-Match beyond the newest version',
        'version-mismatch',
        'POST',
        () => `/orders/${id}/cancel`,
        json(cancel, { 'if-match': '"7"' }),
      ],
      [
        'that creates a stream, with an If-Match',
        'version-mismatch',
        'POST',
        '/orders',
        json(placeBody, { 'if-match': '"1"' }),
      ],
    ])
  })

  describe('an operator’s request', () => {
    const giveUp = (changes: object): CallOptions => json({ reason: 'a test', ...changes })
    refusals(world, errors, [
      ['a status with a parameter', 'invalid-query', 'GET', '/status?verbose=1'],
      ['what is parked with a misspelt filter', 'invalid-query', 'GET', '/parked?steram=order-1'],
      ['an unknown command of what is parked', 'unknown-command', 'POST', '/parked/explode', giveUp({})],
      ['to discard everything that is parked', 'invalid-command', 'POST', '/parked/discard', giveUp({})],
      ['to discard without a reason', 'invalid-command', 'POST', '/parked/skip', json({ stream: 'order-1' })],
      [
        'to discard with a blank reason',
        'invalid-command',
        'POST',
        '/parked/skip',
        giveUp({ stream: 'order-1', reason: ' ' }),
      ],
      ['to skip a message', 'invalid-command', 'POST', '/parked/skip', giveUp({ message: 'a' })],
      ['to redrive what is not parked', 'not-parked', 'POST', '/parked/redrive', json({ stream: 'order-none' })],
      ['to discard what is not parked', 'not-parked', 'POST', '/parked/discard', giveUp({ message: 'a' })],
    ])

    it('without the role: operator-only', async () => {
      const env = { ...world().env, TIDEMARK_TRUST_X_ACTOR: '', WEBSITE_AUTH_ENABLED: 'true' }
      const host = await world().system.startHost({ services: ['ordering'], preload: { env } })
      const { body } = await call('GET', `${host.address}/api/openapi.json`, {})
      const paths = Object.entries<Record<string, { responses: Record<string, unknown> }>>(body.paths)
      let requests = 0
      for (const [path, methods] of paths)
        for (const [method, { responses }] of Object.entries(methods)) {
          if (responses['403'] === undefined) continue
          requests += 1
          const options = method === 'post' ? json({}) : {}
          const url = `${host.address}/api${path.replaceAll(/\{\w+\}/g, 'order-1')}`
          errors.answer('operator-only', await call(method.toUpperCase(), url, options))
        }
      // The status, what is parked and three commands on it, and the requests of the console.
      assert.ok(requests >= 14, `${requests} routes are for operators`)
      await host.stop()
    })
  })
}

function nested(depth: number): string {
  return '['.repeat(depth) + ']'.repeat(depth)
}
