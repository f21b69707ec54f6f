import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Failure } from '../api/failure.ts'
import { FULL_RANGE, findRange, halveRange, type Range } from '../resources/ranges.ts'

test('a range splits without gaps until it holds one hash, and is then a 400', () => {
  let range: Range = FULL_RANGE
  for (let depth = 0; depth < 126; depth++) {
    const ids = [`${2 * depth + 1}`, `${2 * depth + 2}`] as const
    const [low, high] = halveRange(range, ids)
    assert.deepEqual([low.min, low.max, high.max], [range.min, high.min, range.max])
    assert.ok(low.min < low.max && high.min < high.max)
    assert.equal(findRange([low, high], high.min), high)
    assert.equal(findRange([low, high], low.min), low)
    range = depth % 2 === 0 ? high : low
  }
  assert.throws(
    () => halveRange(range, ['x', 'y']),
    (error) => error instanceof Failure && error.status === 400,
  )
})
