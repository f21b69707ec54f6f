import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type Json, type JsonObject, jsonText, mergeJson } from '../../upgrade/merge.ts'

const RUNS = 500
/** Few names, so that versions have keys in common. */
const { json } = fc.letrec<{ readonly json: JsonObject; readonly value: Json }>((tie) => ({
  json: fc.dictionary(fc.constantFrom('a', 'b', 'c', '__proto__'), tie('value'), { maxKeys: 4 }),
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom<Json>(0, 1, 'x', true, null, [], [1]),
    tie('json') as fc.Arbitrary<Json>,
  ),
}))
const parsed = json.map((value) => JSON.parse(JSON.stringify(value)) as JsonObject)

describe('a merge of JSON that an adopter may have edited', () => {
  it('keeps and reports a value that the adopter changed too', () => {
    const { value, changed, kept } = mergeJson({ a: { n: 1 } }, { a: { n: 2 } }, { a: { n: 3 } })
    assert.deepEqual(value, { a: { n: 3 } })
    assert.deepEqual(changed, [])
    assert.deepEqual(kept, ['a.n: yours is 3, and Tidemark now has 2'])
  })

  it('does not restore a removed key, and reports it if the new version changed it', () => {
    assert.deepEqual(mergeJson({ a: 1, b: 1 }, { a: 1, b: 1 }, { b: 1 }).value, { b: 1 })
    const { value, kept } = mergeJson({ a: 1, b: 1 }, { a: 2, b: 1 }, { b: 1 })
    assert.deepEqual(value, { b: 1 })
    assert.deepEqual(kept, ['a: you removed it, and Tidemark now has 2'])
  })

  it('removes a key that the new version removed, unless the adopter edited it', () => {
    const { value, changed, kept } = mergeJson({ a: 1, b: 1 }, {}, { a: 2, b: 1, c: 1 })
    assert.deepEqual(value, { a: 2, c: 1 })
    assert.deepEqual(changed, ['b: removed'])
    assert.deepEqual(kept, ['a: yours is 2, and Tidemark has removed it'])
  })

  it('adds and changes untouched keys, and keeps the adopter’s keys and their order', () => {
    const { value, changed } = mergeJson({ a: { n: 1 } }, { a: { n: 2, more: [1] } }, { own: 1, a: { mine: 1, n: 1 } })
    assert.equal(JSON.stringify(value), '{"own":1,"a":{"mine":1,"n":2,"more":[1]}}')
    assert.deepEqual(changed, ['a.n: 1 → 2', 'a.more: added, [1]'])
  })

  it('takes a list as one value', () => {
    assert.deepEqual(mergeJson({ a: [1] }, { a: [1, 2] }, { a: [1] }).value, { a: [1, 2] })
    assert.deepEqual(mergeJson({ a: [1] }, { a: [1, 2] }, { a: [0, 1] }).value, { a: [0, 1] })
  })

  it('is the new version if nothing was edited, for any JSON', (t) => {
    let changes = 0
    fc.assert(
      fc.property(parsed, parsed, (old, next) => {
        const { value, changed, kept } = mergeJson(old, next, old)
        assert.deepEqual(value, next)
        assert.deepEqual(kept, [])
        changes += changed.length
      }),
      { numRuns: RUNS },
    )
    t.diagnostic(`${RUNS} merges, ${changes} changes`)
    assert.ok(changes > RUNS)
  })

  it('is the adopter’s version if the new version changes nothing, for any JSON', () =>
    fc.assert(
      fc.property(parsed, parsed, (old, mine) => {
        const { value, changed, kept } = mergeJson(old, old, mine)
        assert.deepEqual(value, mine)
        assert.deepEqual([changed, kept], [[], []])
      }),
      { numRuns: RUNS },
    ))

  it('changes nothing when repeated, for any JSON', () =>
    fc.assert(
      fc.property(parsed, parsed, parsed, (old, next, mine) => {
        const { value } = mergeJson(old, next, mine)
        const again = mergeJson(next, next, value)
        assert.deepEqual([again.value, again.changed], [value, []])
      }),
      { numRuns: RUNS },
    ))

  it('loses no key of the adopter and adds only keys of the new version, for any JSON', () =>
    fc.assert(
      fc.property(parsed, parsed, parsed, (old, next, mine) => {
        const value = mergeJson(old, next, mine).value as JsonObject
        for (const name of Object.keys(mine)) {
          const isUntouched = JSON.stringify(old[name]) === JSON.stringify(mine[name])
          assert.ok(isUntouched || Object.hasOwn(value, name), name)
        }
        for (const name of Object.keys(value)) assert.ok(Object.hasOwn(mine, name) || Object.hasOwn(next, name), name)
      }),
      { numRuns: RUNS },
    ))
})

describe('a file of JSON', () => {
  it('keeps its indentation and its line ends', () => {
    assert.equal(jsonText({ a: { b: 1 } }, '{\n\t"a": 0\n}\n'), '{\n\t"a": {\n\t\t"b": 1\n\t}\n}\n')
    assert.equal(jsonText({ a: 1 }, '{\r\n    "a": 0\r\n}'), '{\r\n    "a": 1\r\n}\r\n')
    assert.equal(jsonText({ a: 1 }, '{}'), '{\n  "a": 1\n}\n')
  })
})
