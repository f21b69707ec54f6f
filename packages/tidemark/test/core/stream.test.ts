import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { formatPosition, formatStream, isStream, parseCategory, parseId, parsePosition } from '../../core/stream.ts'

const id = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9._~:-]{0,99}$/)

describe('stream and position', () => {
  it('a position is parsed back as it was formatted, for any id', () => {
    fc.assert(
      fc.property(id, fc.integer({ min: 1, max: Number.MAX_SAFE_INTEGER }), (someId, version) => {
        const stream = formatStream('order', someId)
        assert.deepEqual(parsePosition(formatPosition({ stream, version })), { stream, version })
        assert.equal(parseCategory(stream), 'order')
        assert.equal(parseId(stream), someId)
      }),
    )
  })

  it('a stream name has at most the 128 characters that a hub accepts as a partition key', () => {
    const longest = `${'c'.repeat(27)}-${'i'.repeat(100)}`
    assert.deepEqual([longest.length, isStream(longest)], [128, true])
    assert.equal(isStream(`c${longest}`), false)
    assert.equal(isStream(`${longest}i`), false)
  })

  for (const bad of ['', '/', 'a/b', 'a b', 'a#b', 'a?b', 'a\\b', '-a', 'é', 'a'.repeat(101), 'a@1', 'a|b'])
    it(`refuses the id ${JSON.stringify(bad.slice(0, 20))}`, () =>
      assert.throws(() => formatStream('order', bad), { code: 'invalid-id' }))

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
