import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import fc from 'fast-check'
import { effectivePartitionKey, prefixRange } from '../../../local/cosmos/items/effective-partition-key.ts'

// The SDK's own functions, which its package does not export.
const sdk = join(dirname(createRequire(import.meta.url).resolve('@azure/cosmos/package.json')), 'dist/esm')
const load = (path: string): Promise<Record<string, (argument: unknown) => unknown>> =>
  import(pathToFileURL(join(sdk, path)).href)
const { hashV2PartitionKey } = await load('utils/hashing/v2.js')
const { hashMultiHashPartitionKey } = await load('utils/hashing/multiHash.js')
const { getEPKRangeForPrefixPartitionKey } = await load('client/ChangeFeed/changeFeedUtils.js')
assert.ok(hashV2PartitionKey && hashMultiHashPartitionKey && getEPKRangeForPrefixPartitionKey)

// Surrogates without their other half among them, and keys longer than the 2 KB that the service takes.
const text = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 40 }),
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 40 }).map((units) => String.fromCharCode(...units)),
  fc.string({ minLength: 90, maxLength: 3000 }),
)
const number = fc
  .oneof(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.integer(), fc.maxSafeInteger())
  .map((value) => value + 0)
const component = fc.oneof(text, number, fc.boolean(), fc.constantFrom(null, undefined))
const key = fc.array(component, { minLength: 1, maxLength: 3 })

test('keys hash to where the JavaScript SDK looks for them', () => {
  fc.assert(
    fc.property(key, (components) => {
      assert.equal(effectivePartitionKey(components, 'Hash'), hashV2PartitionKey(components))
      assert.equal(effectivePartitionKey(components, 'MultiHash'), hashMultiHashPartitionKey(components))
    }),
    { numRuns: 2000 },
  )
})

test('a prefix of a hierarchical key is the range that the JavaScript SDK asks for', async () => {
  await fc.assert(
    fc.asyncProperty(key, async (components) => {
      const { min, max } = (await getEPKRangeForPrefixPartitionKey(components)) as { min: string; max: string }
      assert.deepEqual(prefixRange(components), { min, max })
    }),
  )
})

test('the keys that begin with a prefix lie within its range, all others outside', () => {
  fc.assert(
    fc.property(key, fc.array(component, { maxLength: 2 }), key, (prefix, rest, other) => {
      const { min, max } = prefixRange(prefix)
      const within = effectivePartitionKey([...prefix, ...rest], 'MultiHash')
      assert.ok(min <= within && within < max)
      const elsewhere = effectivePartitionKey(other, 'MultiHash')
      const begins = elsewhere.startsWith(min)
      assert.equal(min <= elsewhere && elsewhere < max, begins)
    }),
  )
})

test('the key of no component lies before all others, which lie before FF', () => {
  assert.equal(effectivePartitionKey([], 'Hash'), '')
  assert.equal(effectivePartitionKey([], 'MultiHash'), '')
  fc.assert(
    fc.property(key, fc.constantFrom('Hash' as const, 'MultiHash' as const), (components, kind) => {
      const place = effectivePartitionKey(components, kind)
      assert.match(place, /^[0-3][0-9A-F]+$/)
      assert.equal(place.length, kind === 'Hash' ? 32 : 32 * components.length)
    }),
  )
})

test('a missing component is the same key however it is written, and 0 is the same as -0', () => {
  assert.equal(effectivePartitionKey([undefined], 'Hash'), effectivePartitionKey([{}], 'Hash'))
  assert.equal(effectivePartitionKey([-0], 'Hash'), effectivePartitionKey([0], 'Hash'))
})
