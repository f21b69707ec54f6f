import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import fc from 'fast-check'
import { effectivePartitionKey } from '../items/effective-partition-key.ts'

// The SDK's own functions, which its package does not export.
const sdk = join(dirname(createRequire(import.meta.url).resolve('@azure/cosmos/package.json')), 'dist/esm')
const load = (path: string): Promise<Record<string, (argument: unknown) => unknown>> =>
  import(pathToFileURL(join(sdk, path)).href)
const { hashV2PartitionKey } = await load('utils/hashing/v2.js')
const { hashMultiHashPartitionKey } = await load('utils/hashing/multiHash.js')
assert.ok(hashV2PartitionKey && hashMultiHashPartitionKey)

// With lone surrogates, and keys longer than the 2 KB that the service accepts.
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

// From PartitionKeyInternal.GetEffectivePartitionKeyString of Microsoft.Azure.Cosmos 3.64.0 (Direct 3.44.4).
const FROM_DOTNET: readonly (readonly [components: readonly unknown[], place: string])[] = [
  [['a'], '3A5381E1114EB8D3FCC90795045B49B7'],
  [[''], '32E9366E637A71B4E710384B2F4970A0'],
  [['é😀'], '1793410ED65BBCC3C76369A6CB1B3043'],
  [['x'.repeat(150)], '165D5EACD9E5ED8FE2683C0B57ED57CC'],
  [[5], '19C08621B135968252FB34B4CF66F811'],
  [[-5.25], '00D18E9A45C40EAD8D804E15DB24C0EA'],
  [[1e300], '1234CB21048B20039B22F11DBB13CD7B'],
  [[true], '0E711127C5B5A8E4726AC6DD306A3E59'],
  [[false], '2FE1BE91E90A3439635E0E9E37361EF2'],
  [[null], '378867E4430E67857ACE5C908374FE16'],
  [[undefined], '11622DAA78F835834610ABE56EFF5CB5'],
  [['t', 1], '3B310042FC8EA24E4CB78FD8BFEDBAA720CD98B339BA78A5D0CF6953B87070B0'],
  [
    ['t', undefined, null],
    '3B310042FC8EA24E4CB78FD8BFEDBAA711622DAA78F835834610ABE56EFF5CB5378867E4430E67857ACE5C908374FE16',
  ],
]

test('keys hash to where the .NET SDK looks for them', () => {
  for (const [components, place] of FROM_DOTNET) assert.equal(effectivePartitionKey(components, 'MultiHash'), place)
  assert.equal(effectivePartitionKey(['t', 1], 'Hash'), '384B4D8C968F2CC5A5CC20D7C776FCB1')
})

test('the key without components lies before all others, which lie before FF', () => {
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

test('a missing component gives the same key however it is written, and 0 the same as -0', () => {
  assert.equal(effectivePartitionKey([undefined], 'Hash'), effectivePartitionKey([{}], 'Hash'))
  assert.equal(effectivePartitionKey([-0], 'Hash'), effectivePartitionKey([0], 'Hash'))
})
