import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MAX_NESTING, nestsTooDeep } from '../../../src/core/nesting.ts'

const nested = (depth: number, inside: unknown = 1): unknown =>
  depth === 0 ? inside : nested(depth - 1, depth % 2 ? [inside] : { a: inside })

describe('nesting', () => {
  it('is taken up to its bound, and no further', () => {
    for (const value of [null, 'text', 1, [], {}, nested(MAX_NESTING), [nested(MAX_NESTING - 1), 1]])
      assert.equal(nestsTooDeep(value), false)
    for (const value of [nested(MAX_NESTING + 1), { a: 1, b: [nested(MAX_NESTING)] }])
      assert.equal(nestsTooDeep(value), true)
  })

  it('of any depth is answered, and exhausts no stack', () => {
    let value: unknown = 1
    for (let depth = 0; depth < 1_000_000; depth += 1) value = [value]
    assert.equal(nestsTooDeep(value), true)
  })
})
