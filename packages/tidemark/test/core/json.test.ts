import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isDeepStrictEqual } from 'node:util'
import { createContext, runInContext } from 'node:vm'
import fc from 'fast-check'
import { asJson, type JsonOptions, MAX_NESTING } from '../../core/json.ts'

const nested = (depth: number, inside: unknown = 1): unknown =>
  depth === 0 ? inside : nested(depth - 1, depth % 2 ? [inside] : { a: inside })

function findFault(value: unknown, options?: JsonOptions): { pointer: string; detail: string; isTooDeep: boolean } {
  const json = asJson(value, options)
  assert.ok(json.outcome === 'invalid', 'the value is accepted')
  return json.fault
}

const kept = (value: unknown, options?: JsonOptions): unknown => {
  const json = asJson(value, options)
  assert.ok(json.outcome === 'valid', json.outcome === 'valid' ? '' : JSON.stringify(json.fault))
  return json.value
}

class Money {
  readonly amount = 1
}
class Inherited extends Money {
  toJSON(): string {
    return '1 EUR'
  }
}

describe('what JSON does not keep', () => {
  for (const [what, value, detail] of [
    ['a Date', new Date(0), /^a Date is not JSON: write a string/],
    ['a Map', new Map([[1, 2]]), /^a Map is not JSON/],
    ['a Set', new Set([1]), /^a Set is not JSON/],
    ['a RegExp', /x/, /^an object of RegExp/],
    ['a URL', new URL('https://example.org'), /^an object of URL/],
    ['bytes', Buffer.from('x'), /^an object of Buffer/],
    ['a promise', Promise.resolve(1), /^an object of Promise/],
    ['an Error', new Error('x'), /^an object of Error/],
    ['a boxed number', Object(1), /^an object of Number/],
    ['an object of a class', new Money(), /^an object of Money/],
    ['an object of a class with toJSON', new Inherited(), /^an object of Inherited/],
    ['an object with toJSON', { toJSON: () => 1 }, /^a function is not JSON/],
    ['an object that inherits fields', Object.create({ a: 1 }), /^an object of Object/],
    ['a bigint', 1n, /^a bigint is not JSON/],
    ['a function', () => 1, /^a function is not JSON/],
    ['a symbol', Symbol('x'), /^a symbol is not JSON/],
    ['a field named by a symbol', { [Symbol('x')]: 1 }, /^a field named by a symbol/],
    ['no number', Number.NaN, /^NaN is not JSON/],
    ['infinity', Number.NEGATIVE_INFINITY, /^-Infinity is not JSON/],
    ['an unsafe integer', Number.MAX_SAFE_INTEGER + 1, /^9007199254740992 is not a safe integer/],
    ['a larger unsafe integer', -1e300, /^-1e\+300 is not a safe integer/],
    ['half a surrogate pair', 'a\ud800', /^half a surrogate pair/],
    ['an array with fields', Object.assign([1], { index: 0 }), /^an array has no fields/],
  ] as const) {
    it(`${what} is refused, at any place`, () => {
      const where = (value: unknown): string => findFault(value).pointer.replace(/\/toJSON$/, '')
      assert.match(findFault(value).detail, detail)
      assert.equal(where(value), '')
      assert.equal(where({ a: [1, { 'b/~c': value }], z: new Date(0) }), '/a/1/b~1~0c')
      assert.equal(where([[], value]), '/1')
    })
  }

  it('undefined is refused where JSON would write null or nothing', () => {
    assert.deepEqual(findFault({ a: [1, undefined] }).pointer, '/a/1')
    assert.deepEqual(findFault({ a: new Array(1) }).pointer, '/a/0')
    assert.equal(findFault(undefined).pointer, '')
    assert.match(findFault(undefined).detail, /undefined is not JSON: write null, or leave it out/)
  })

  it('a field name that sets a prototype or is not well-formed is refused', () => {
    assert.equal(findFault({ a: JSON.parse('{"__proto__":{"admin":true}}') }).pointer, '/a/__proto__')
    assert.equal(findFault({ '\ud800': 1 }).pointer, '/\ud800')
  })

  it('a value that contains itself is refused at the place where it does', () => {
    const self: { list: unknown[]; more?: unknown } = { list: [1] }
    self.list.push({ back: self })
    assert.deepEqual([findFault({ self }).pointer, findFault({ self }).isTooDeep], ['/self/list/1/back', false])
    const array: unknown[] = []
    array.push(array, array)
    assert.match(findFault(array).detail, /it contains itself/)
    // The same object twice, side by side, is not a cycle.
    const twice = { a: 1 }
    assert.deepEqual(kept([twice, twice]), [{ a: 1 }, { a: 1 }])
  })

  it('too many levels are refused without exhausting the stack', () => {
    for (const value of [null, 'text', 1, [], {}, nested(MAX_NESTING), [nested(MAX_NESTING - 1), 1]]) kept(value)
    for (const value of [nested(MAX_NESTING + 1), { a: 1, b: [nested(MAX_NESTING)] }])
      assert.equal(findFault(value).isTooDeep, true)
    let value: unknown = 1
    for (let depth = 0; depth < 1_000_000; depth += 1) value = [value]
    assert.equal(findFault(value).isTooDeep, true)
    kept(nested(60), { levels: 60 })
  })

  it('a value that only JavaScript reads back is kept when it need not be portable', () => {
    const value = JSON.parse('{"__proto__":1,"large":1e300,"half":"\\ud800"}')
    assert.equal(kept(value, { portable: false }), value)
    assert.equal(findFault({ a: new Date(0) }, { portable: false }).pointer, '/a')
  })
})

describe('what JSON keeps', () => {
  it('is returned unchanged', () => {
    const value = { a: [1, 'x', null, true, 0.1, 1e20 / 3e20, { b: {} }], 'é 😀': [], toString: 'x' }
    assert.equal(kept(value), value)
  })

  it('is returned in its JSON form if nothing is lost, and the given value is not changed', () => {
    const shared = { b: 1 }
    const value = Object.freeze({
      gone: undefined,
      a: [0, Object.freeze({ x: undefined, y: -0 }), -0],
      shared,
      bare: Object.assign(Object.create(null), { c: shared }),
      last: undefined,
    })
    const json = kept(value) as typeof value
    assert.deepEqual(json, JSON.parse(JSON.stringify(value)))
    assert.deepEqual(Object.keys(json), ['a', 'shared', 'bare'])
    assert.equal(json.shared, shared)
    assert.equal(Object.keys(value).length, 5)
  })

  it('includes plain values of another realm', () => {
    const value = runInContext('({ a: [{ b: 1 }] })', createContext())
    assert.deepEqual(kept(value), { a: [{ b: 1 }] })
    assert.match(findFault(runInContext('({ at: new Date(0) })', createContext())).detail, /an object of Date/)
  })

  it('is exactly what JSON returns, for any value', () => {
    const anything = fc.anything({
      withBigInt: true,
      withDate: true,
      withMap: true,
      withSet: true,
      withNullPrototype: true,
      withObjectString: true,
      withBoxedValues: true,
      withSparseArray: true,
      withTypedArray: true,
      withUnicodeString: true,
      maxDepth: 5,
    })
    const seen = { kept: 0, refused: 0 }
    const isPortable = (value: unknown): boolean => {
      if (typeof value === 'number') return !Number.isInteger(value) || Number.isSafeInteger(value)
      if (typeof value === 'string') return value.isWellFormed()
      if (typeof value !== 'object' || value === null) return true
      return Object.entries(value).every(
        ([name, each]) => name !== '__proto__' && name.isWellFormed() && isPortable(each),
      )
    }
    // Removes undefined fields and -0, which do not matter in JSON.
    const tidy = (value: unknown): unknown => {
      if (value === 0) return 0
      if (Array.isArray(value)) return Array.from(value, tidy)
      if (typeof value !== 'object' || value === null) return value
      const prototype = Object.getPrototypeOf(value)
      if (prototype !== null && prototype !== Object.prototype) return value
      return Object.fromEntries(
        Object.entries(value).flatMap(([name, each]) => (each === undefined ? [] : [[name, tidy(each)]])),
      )
    }
    const survives = (value: unknown): boolean => {
      try {
        return isDeepStrictEqual(JSON.parse(JSON.stringify(value)), tidy(value))
      } catch {
        return false
      }
    }
    fc.assert(
      fc.property(anything, (value) => {
        const json = asJson(value)
        seen[json.outcome === 'valid' ? 'kept' : 'refused'] += 1
        assert.equal(json.outcome === 'valid', survives(value) && isPortable(tidy(value)))
        if (json.outcome === 'valid') assert.deepEqual(json.value, JSON.parse(JSON.stringify(value)))
        else assert.ok(json.fault.detail.length > 0)
      }),
      { numRuns: 5_000 },
    )
    assert.ok(seen.kept > 500 && seen.refused > 500, JSON.stringify(seen))
  })
})
