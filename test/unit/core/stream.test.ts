import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { categoryOf, formatPosition, idOf, parsePosition, streamOf } from '../../../src/core/stream.ts'

const id = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._~:-]{0,199}$/)

describe('stream and position', () => {
  it('a position reads back as it was written, whatever the id', () => {
    fc.assert(
      fc.property(id, fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), (someId, version) => {
        const stream = streamOf('order', someId)
        assert.deepEqual(parsePosition(formatPosition({ stream, version })), { stream, version })
        assert.equal(categoryOf(stream), 'order')
        assert.equal(idOf(stream), someId)
      }),
    )
  })

  for (const bad of ['', '/', 'a/b', 'a b', 'a#b', 'a?b', 'a\\b', '-a', 'é', 'a'.repeat(201), 'a@1', 'a|b'])
    it(`refuses the id ${JSON.stringify(bad.slice(0, 20))}`, () =>
      assert.throws(() => streamOf('order', bad), { code: 'invalid-id' }))

  for (const bad of [
    '',
    'order-1',
    'order-1@',
    'order-1@0',
    'order-1@-1',
    'order-1@01',
    'order-1@1.5',
    '@1',
    'order@1',
    'order-1@9007199254740993',
  ])
    it(`refuses the position ${JSON.stringify(bad)}`, () =>
      assert.throws(() => parsePosition(bad), { code: 'invalid-position' }))
})
