import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { fromCloudEvent, mayBelongTo, toCloudEvent } from '../../core/cloud-event.ts'
import { hashEvent } from '../../core/hash-chain.ts'
import { placedV1 } from '../domain/orders.ts'
import { recorded } from '../support/recorded.ts'

const [first, second] = recorded('order-1', placedV1, { type: 'OrderConfirmed', data: { orderId: '1' } })
assert.ok(first && second)

describe('envelope', () => {
  it('comes out of a message unchanged, for any data', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (data) => {
        const [event] = recorded('order-1', { type: 'Anything', data: JSON.parse(JSON.stringify(data)) })
        assert.ok(event)
        const received = JSON.parse(JSON.stringify(toCloudEvent(event)))
        assert.deepEqual(fromCloudEvent(received), event)
      }),
    )
  })

  it('has the attributes that CloudEvents 1.0 requires', () => {
    const message = toCloudEvent(first)
    assert.deepEqual(
      {
        specversion: message.specversion,
        id: message.id,
        source: message.source,
        type: message.type,
        subject: message.subject,
      },
      { specversion: '1.0', id: 'order-1@1', source: '/ordering/order', type: 'OrderPlaced', subject: 'order-1' },
    )
    for (const name of Object.keys(message)) assert.match(name, /^[a-z0-9]+$/)
  })

  it("is hashed with SHA-256 over RFC 8785 canonical JSON, as the test's own serialisation shows", () => {
    const sorted = (value: unknown): unknown =>
      Array.isArray(value)
        ? value.map(sorted)
        : typeof value === 'object' && value !== null
          ? Object.fromEntries(
              Object.entries(value)
                .sort(([a], [b]) => (a < b ? -1 : 1))
                .map(([k, v]) => [k, sorted(v)]),
            )
          : value
    const { hash, ...hashed } = second
    assert.equal(
      hash,
      createHash('sha256')
        .update(JSON.stringify(sorted(hashed)))
        .digest('hex'),
    )
    assert.equal(second.previousHash, first.hash)
  })

  for (const field of [
    'data',
    'time',
    'actor',
    'type',
    'correlationid',
    'causationid',
    'previoushash',
    'hash',
  ] as const)
    it(`refuses a message whose ${field} was changed`, () => {
      const changes = {
        data: { orderId: '2' },
        time: '2027-01-01T00:00:00.000Z',
        hash: '0'.repeat(64),
        previoushash: '1'.repeat(64),
      }
      const message = {
        ...toCloudEvent(first),
        [field]: field in changes ? changes[field as keyof typeof changes] : 'somebody',
      }
      // The schema names the type too, so a changed type fails before its hash is checked.
      assert.throws(() => fromCloudEvent(message), { code: field === 'type' ? 'event-unreadable' : 'hash-mismatch' })
    })

  for (const message of [
    undefined,
    null,
    1,
    'text',
    {},
    [],
    { ...toCloudEvent(first), specversion: '0.3' },
    { ...toCloudEvent(first), id: 'order-1@2' },
    { ...toCloudEvent(first), dataschema: 'urn:tidemark:payments:OrderPlaced:1' },
  ])
    it(`refuses ${JSON.stringify(message)?.slice(0, 40)}`, () =>
      assert.throws(() => fromCloudEvent(message), { code: 'event-unreadable' }))

  for (const [what, change] of [
    ['is of another category than its source', { source: '/ordering/stock' }],
    ['has a fractional version', { schemaVersion: 1.5 }],
    ['has a version below 1', { schemaVersion: -1 }],
  ] as const)
    it(`refuses an event that ${what}, even with a right hash`, () => {
      const { hash: _, ...unhashed } = { ...first, ...change }
      const message = toCloudEvent({ ...unhashed, hash: hashEvent(unhashed) })
      assert.throws(() => fromCloudEvent(message), { code: 'event-unreadable' })
    })

  for (const levels of [48, 49, 200_000])
    it(`${levels === 48 ? 'accepts' : 'refuses'} data of ${levels} levels with a right hash`, () => {
      let deep: unknown = 1
      // The data object is a level of its own.
      for (let level = 1; level < levels; level += 1) deep = [deep]
      const { hash: _, ...unhashed } = { ...first, data: { deep } }
      const message = { ...toCloudEvent(first), data: { deep }, hash: hashEvent(unhashed) }
      if (levels === 48) assert.deepEqual(fromCloudEvent(message).data, { deep })
      else assert.throws(() => fromCloudEvent(message), { code: 'event-unreadable' })
    })

  it('leaves out an absent optional attribute, which keeps the hash the same', () => {
    const { hash: _, ...unhashed } = first
    const traced = { ...unhashed, traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` }
    const event = { ...traced, hash: hashEvent(traced) }
    assert.deepEqual(fromCloudEvent(toCloudEvent(event)), event)
    assert.notEqual(event.hash, first.hash)
    assert.ok(!('traceparent' in fromCloudEvent(toCloudEvent(first))))
  })
})

describe('a message for a consumer', () => {
  it('is skipped unread only if it certainly belongs to another category', () => {
    const message = toCloudEvent(first)
    assert.deepEqual(
      [mayBelongTo(new Set(['order']), message), mayBelongTo(new Set(['stock']), message)],
      [true, false],
    )
    for (const unsure of [null, 'text', 7, {}, { subject: 7 }, { subject: 'stock' }, { subject: 'Stock-tea' }])
      assert.equal(mayBelongTo(new Set(['order']), unsure), true, JSON.stringify(unsure))
  })
})
