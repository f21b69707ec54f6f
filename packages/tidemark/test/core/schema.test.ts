import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { z } from 'zod'
import { eventType } from '../../core/event.ts'
import { checkWritten, validate } from '../../core/schema.ts'
import { order, orderEvents, placeBody, placed } from '../domain/orders.ts'

const placeSchema = order.commands[0]?.schema
assert.ok(placeSchema)

describe('schemas of events', () => {
  it('accept the declared fields', () => assert.equal(checkWritten(orderEvents, placed).type, 'OrderPlaced'))
  it('state the version of the writer, and the oldest version that can read it if that differs', () => {
    const v1 = eventType('Noted', z.object({ text: z.string() }))
    const v2 = v1.additive(z.object({ text: z.string(), by: z.string() }), (data) => ({ ...data, by: '' }))
    const v3 = v2.breaking(z.object({ lines: z.array(z.string()) }), ({ text }) => ({ lines: [text] }))
    const text = { text: 'x' }
    const written = [
      checkWritten([v1], { type: 'Noted', data: text }),
      checkWritten([v2], { type: 'Noted', data: { ...text, by: 'ada' } }),
      checkWritten([v3], { type: 'Noted', data: { lines: [] } }),
    ]
    assert.deepEqual(written, [
      { type: 'Noted', schemaVersion: 1, data: text },
      { type: 'Noted', schemaVersion: 2, readableFrom: 1, data: { ...text, by: 'ada' } },
      { type: 'Noted', schemaVersion: 3, data: { lines: [] } },
    ])
  })
  for (const [what, event] of [
    ['an undeclared type', { type: 'OrderLost', data: {} }],
    ['a missing field', { type: 'OrderConfirmed', data: {} }],
    ['an undeclared field', { type: 'OrderConfirmed', data: { orderId: '1', note: 'x' } }],
    ['an undeclared nested field', { ...placed, data: { ...placed.data, total: { ...placed.data.total, vat: 1 } } }],
    ['a fraction of a minor unit', { ...placed, data: { ...placed.data, total: { currency: 'EUR', amount: 0.5 } } }],
  ] as const)
    it(`refuse to write ${what}`, () =>
      assert.throws(() => checkWritten(orderEvents, event), { code: 'event-invalid' }))
})

describe('schemas of commands', () => {
  it('accept the declared fields', () => assert.equal(validate(placeSchema, placeBody).outcome, 'valid'))
  const line = placeBody.lines[0]
  for (const [what, body, pointer] of [
    ['an unknown field', { ...placeBody, gift: true }, ''],
    ['an unknown field of a line', { ...placeBody, lines: [{ ...line, colour: 'red' }] }, '/lines/0'],
    ['a missing field', { ...placeBody, currency: undefined }, '/currency'],
    ['a text instead of a number', { ...placeBody, lines: [{ ...line, quantity: '2' }] }, '/lines/0/quantity'],
    ['a fraction', { ...placeBody, lines: [{ ...line, unitPrice: 0.1 }] }, '/lines/0/unitPrice'],
    [
      'an unsafe integer',
      { ...placeBody, lines: [{ ...line, unitPrice: Number.MAX_SAFE_INTEGER + 2 }] },
      '/lines/0/unitPrice',
    ],
    ['infinity', { ...placeBody, lines: [{ ...line, unitPrice: JSON.parse('1e400') }] }, '/lines/0/unitPrice'],
    ['no line', { ...placeBody, lines: [] }, '/lines'],
    [
      'too many lines',
      { ...placeBody, lines: Array.from({ length: 51 }, (_, i) => ({ ...line, sku: `s${i}` })) },
      '/lines',
    ],
    ['a list instead of an object', [placeBody], ''],
    ['nothing', null, ''],
  ] as const)
    it(`refuse ${what} and name its place`, () => {
      const result = validate(placeSchema, body)
      assert.ok(result.outcome === 'invalid')
      assert.ok(
        result.issues.some((issue) => issue.pointer === pointer),
        JSON.stringify(result.issues),
      )
    })
})
