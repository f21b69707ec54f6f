import assert from 'node:assert/strict'
import { test } from 'node:test'
import { IndexedPaths } from '../resources/indexed-paths.ts'
import { readIndexingPolicy } from '../resources/indexing-policy.ts'

const buildPaths = (policy: unknown): IndexedPaths => new IndexedPaths(readIndexingPolicy(policy))
const included = (...paths: string[]) => paths.map((path) => ({ path }))

test('of the policy paths that fit, the longest wins; of two as long, the one for the path itself', () => {
  const paths = buildPaths({
    includedPaths: included('/*', '/food/ingredients/nutrition/*', '/tags/[]/?'),
    excludedPaths: included('/food/ingredients/*', '/tags/*', '/exact/?'),
  })
  const cases: readonly (readonly [string[], boolean])[] = [
    [['other'], true],
    [['food'], true],
    [['food', 'ingredients'], false],
    [['food', 'ingredients', 'name'], false],
    [['food', 'ingredients', 'nutrition', 'calories'], true],
    [['tags', '[]'], true],
    [['tags', '[]', 'deeper'], false],
    [['exact'], false],
    [['exact', 'below'], true],
    [['_etag'], false],
  ]
  for (const [names, expected] of cases) assert.equal(paths.has(names), expected, names.join('/'))
})

test('a policy without an index has no terms, and the default one has a term for each value', () => {
  const item = { id: '1', list: [1, [2]], deep: { a: null, b: {} }, none: [] }
  assert.equal(buildPaths({ indexingMode: 'none' }).countTerms(item), 0)
  assert.equal(buildPaths({ indexingMode: 'none' }).has(['id']), false)
  assert.equal(buildPaths(undefined).countTerms(item), 4)
  assert.equal(buildPaths({ excludedPaths: included('/*') }).countTerms(item), 0)
  assert.equal(buildPaths({ excludedPaths: included('/list/*') }).countTerms(item), 2)
})

test('terms that two states differ in are counted on both sides, whatever the order of elements', () => {
  const paths = buildPaths(undefined)
  const before = { a: 1, b: 'x', list: [1, 2, 2] }
  assert.equal(paths.countChangedTerms(before, before), 0)
  assert.equal(paths.countChangedTerms(before, { ...before, list: [2, 1, 2] }), 0)
  assert.equal(paths.countChangedTerms(before, { ...before, a: '1' }), 2)
  assert.equal(paths.countChangedTerms(before, { a: 1, list: [1, 2] }), 2)
})
