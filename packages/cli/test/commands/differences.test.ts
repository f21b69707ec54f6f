import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as fc from 'fast-check'
import { findDifferences } from '../../tidemark/output/difference.ts'

describe('differences of two states', () => {
  it('are named by path, whatever the field names', () => {
    const before = {
      status: 'placed',
      lines: [{ sku: 'tea', quantity: 1 }, { sku: 'rum' }],
      note: 'x',
      'a b': { c: 1 },
    }
    const after = { status: 'cancelled', lines: [{ sku: 'tea', quantity: 2 }], reason: null, 'a b': { c: 2 } }
    assert.deepEqual(
      findDifferences(before, after).toSorted((a, b) => (a.path < b.path ? -1 : 1)),
      [
        { path: '["a b"].c', kind: 'changed', before: 1, after: 2 },
        { path: 'lines[0].quantity', kind: 'changed', before: 1, after: 2 },
        { path: 'lines[1]', kind: 'removed', before: { sku: 'rum' } },
        { path: 'note', kind: 'removed', before: 'x' },
        { path: 'reason', kind: 'added', after: null },
        { path: 'status', kind: 'changed', before: 'placed', after: 'cancelled' },
      ],
    )
  })

  it('concern the whole value if it is not an object or was missing', () => {
    assert.deepEqual(findDifferences(undefined, { a: 1 }), [
      { path: '', kind: 'changed', before: undefined, after: { a: 1 } },
    ])
    assert.deepEqual(findDifferences(1, [1]), [{ path: '', kind: 'changed', before: 1, after: [1] }])
  })

  it('are none if and only if the values are equal', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
        // JSON has no -0.
        const [one, other] = [JSON.parse(JSON.stringify(a)), JSON.parse(JSON.stringify(b))]
        assert.deepEqual(findDifferences(one, structuredClone(one)), [])
        assert.equal(
          findDifferences(one, other).length === 0,
          JSON.stringify(sorted(one)) === JSON.stringify(sorted(other)),
        )
      }),
    )
  })
})

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .map(([name, each]) => [name, sorted(each)]),
  )
}
