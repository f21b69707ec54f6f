import assert from 'node:assert/strict'
import { test } from 'node:test'
import { matchRoute, overlaps, parseRoute } from '../route.ts'

const match = (template: string, path: string): Record<string, string> | undefined =>
  matchRoute(parseRoute(template, 'f'), path.split('/'))

test('a constraint accepts the same values as in ASP.NET Core', () => {
  const cases: Record<string, readonly [takes: readonly string[], refuses: readonly string[]]> = {
    int: [
      ['0', '-7', '2147483647'],
      ['2147483648', '1.0', 'x'],
    ],
    long: [['9223372036854775807'], ['9223372036854775808', 'x']],
    bool: [['true', 'FALSE'], ['1']],
    guid: [['6f9619ff-8b86-d011-b42d-00cf4fc964ff', '6f9619ff8b86d011b42d00cf4fc964ff'], ['6f9619ff']],
    alpha: [['aZ'], ['a1']],
    'min(3)': [['3'], ['2', 'x']],
    'max(3)': [['3', '-1'], ['4']],
    'range(2,3)': [
      ['2', '3'],
      ['1', '4'],
    ],
    'minlength(2)': [['ab'], ['a']],
    'maxlength(2)': [['ab'], ['abc']],
    'length(2)': [['ab'], ['a', 'abc']],
    'length(1,2)': [['a', 'ab'], ['abc']],
    'int:min(5)': [['5'], ['4', 'x']],
  }
  for (const [constraint, [takes, refuses]] of Object.entries(cases)) {
    for (const value of takes)
      assert.deepEqual(match(`{x:${constraint}}`, value), { x: value }, `${constraint} ${value}`)
    for (const value of refuses) assert.equal(match(`{x:${constraint}}`, value), undefined, `${constraint} ${value}`)
  }
})

test('matches segments without case, keeps the case of parameters, and does not split at an encoded slash', () => {
  assert.deepEqual(match('Orders/{id}', 'oRDERS/AbC'), { id: 'AbC' })
  assert.deepEqual(match('{id}', 'a%2Fb%20c'), { id: 'a%2Fb c' })
  assert.deepEqual(match('{id}', '%zz'), { id: '%zz' })
  assert.equal(match('{id}', ''), undefined)
  assert.equal(match('a/{id}', 'a/b/c'), undefined)
  assert.deepEqual(match('a/{id?}', 'a'), {})
  assert.deepEqual(match('a/{*rest}', 'a/b/c'), { rest: 'b/c' })
  assert.deepEqual(match('a/{*rest}', 'a'), {})
})

test('two routes overlap if a path can match both', (t) => {
  const cases: readonly (readonly [one: string, other: string, overlap: boolean])[] = [
    ['a/{x}', 'a/b', true],
    ['a/{x:int}', 'a/b', false],
    ['a/{x:int}', 'a/{y:alpha}', true],
    ['a/b', 'A/B', true],
    ['a/b', 'a/c', false],
    ['a', 'a/{x?}', true],
    ['a', 'a/{x}', false],
    ['a', 'a/{*x}', true],
    ['{*x}', 'a/b/c', true],
    ['a/{*x}', 'b/{*x}', false],
    ['a/{x}/c', 'a/b/{y}', true],
    ['a/{x}/c', 'a/b/d', false],
    ['a/b/c', 'a/b', false],
  ]
  t.diagnostic(`${cases.length} pairs`)
  for (const [one, other, overlap] of cases) {
    const [a, b] = [parseRoute(one, 'f'), parseRoute(other, 'f')]
    assert.deepEqual([overlaps(a, b), overlaps(b, a)], [overlap, overlap], `${one} and ${other}`)
  }
})
