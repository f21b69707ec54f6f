import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { personalInMemory, recordAll } from '../packages/tidemark/test/support/sealing.ts'
import { order } from '../src/ordering/order.ts'
import { ordering } from '../src/ordering/service.ts'

/**
 * What it costs to encrypt and to open the personal texts of an event: an order has three. Both are compared
 * with recording the same order without encryption, in the same run. The key is at hand, as for all but the
 * first event of a person in five minutes.
 */

const short = process.argv.includes('--short')
const EVENTS = 200
const ROUNDS = short ? 5 : 40

const placed = {
  type: 'OrderPlaced',
  data: {
    ...{ orderId: '1', customerId: 'customer-1', channel: 'web', total: { currency: 'EUR', amount: 900 } },
    lines: [{ sku: 'tea', quantity: 2, unitPrice: 450 }],
    shippingAddress: {
      ...{ name: 'Ada Lovelace', streetName: 'Quay', houseNumber: '1a' },
      ...{ postalCode: '9000', city: 'Ghent', country: 'BE' },
    },
    payment: { method: 'card', withinSeconds: 900 },
  },
}
const decided = Array.from({ length: EVENTS }, () => placed)

/** The duration of the fastest round for one event, in microseconds. */
async function fastest(run: () => unknown): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let round = 0; round < ROUNDS; round += 1) {
    const started = performance.now()
    await run()
    least = Math.min(least, performance.now() - started)
  }
  return (1000 * least) / EVENTS
}

const personal = personalInMemory(ordering, () => randomBytes(32))
const key = await personal.newestKey('customer-1')
const sealed = recordAll(ordering, order, decided, key)
const plain = recordAll(ordering, order, decided)
const opened = await personal.openEvents(sealed)
assert.deepEqual(
  opened.map(({ data }) => data),
  plain.map(({ data }) => data),
)
assert.ok(!JSON.stringify(sealed).includes('Lovelace'))

const plainUs = await fastest(() => recordAll(ordering, order, decided))
const sealedUs = await fastest(() => recordAll(ordering, order, decided, key))
const openUs = await fastest(() => personal.openEvents(sealed))
const bytes = (events: readonly unknown[]): number => Math.round(JSON.stringify(events).length / EVENTS)
const result = {
  ...{ plainUs, sealedUs, openUs, sealedToPlain: sealedUs / plainUs, openToPlain: openUs / plainUs },
  ...{ plainBytes: bytes(plain), sealedBytes: bytes(sealed) },
}
const columns = ['record us', 'encrypted us', 'ratio', 'open us', 'bytes', 'encrypted bytes']
const figures = [plainUs, sealedUs, result.sealedToPlain, openUs, result.plainBytes, result.sealedBytes]
console.log(columns.join('   '))
console.log(
  figures
    .map((figure, at) => figure.toFixed(Number.isInteger(figure) ? 0 : 2).padStart(columns[at]?.length ?? 0))
    .join('   '),
)
mkdirSync('bench/results', { recursive: true })
writeFileSync('bench/results/encryption.json', `${JSON.stringify(result, null, 2)}\n`)
console.log('\nbench/results/encryption.json')
