import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import type { RecordedEvent } from 'tidemark'
import { foldState } from '../packages/tidemark/test/support/handling.ts'
import { recorded } from '../packages/tidemark/test/support/recorded.ts'
import { stock } from '../src/inventory/stock.ts'
import { stockWithReservations } from './fold/stock-with-reservations.ts'

/**
 * The cost of folding the stream of a product in many open orders, in three ways in the same run. The first
 * is today's stock, which only has counts. The second is the baseline, whose state had every open
 * reservation. The third is a plain loop over the same events, the lower limit of any fold.
 */

const short = process.argv.includes('--short')
const OPEN = short ? [250, 1_000] : [4_000, 12_000]
const ROUNDS = 5

function streamWith(open: number): RecordedEvent[] {
  const reservations = Array.from({ length: open }, (_, index) => ({
    type: 'UnitsReserved',
    data: { sku: 'tea', orderId: `order-${index}`, quantity: 1 },
  }))
  return recorded('stock-tea', { type: 'StockReceived', data: { sku: 'tea', quantity: open } }, ...reservations)
}

/** The duration of the fastest round, in milliseconds. */
function fastest(rounds: number, run: () => unknown): number {
  let least = Number.POSITIVE_INFINITY
  for (let round = 0; round < rounds; round += 1) {
    const started = performance.now()
    run()
    least = Math.min(least, performance.now() - started)
  }
  return least
}

const reservedBy = (decider: Parameters<typeof foldState>[0], events: readonly RecordedEvent[]): number =>
  (foldState(decider, events) as { readonly reserved: number }).reserved

function plainLoop(events: readonly RecordedEvent[]): number {
  let reserved = 0
  for (const { type, data } of events) if (type === 'UnitsReserved') reserved += (data as { quantity: number }).quantity
  return reserved
}

const results = OPEN.map((open) => {
  const events = streamWith(open)
  assert.equal(reservedBy(stock, events), open)
  assert.equal(plainLoop(events), open)
  // The baseline takes up to a minute, so it runs once, and its result is compared too.
  const baselineMs = fastest(1, () => assert.equal(reservedBy(stockWithReservations, events), open))
  const foldMs = fastest(ROUNDS, () => reservedBy(stock, events))
  const loopMs = fastest(ROUNDS, () => plainLoop(events))
  return { open, foldMs, baselineMs, loopMs, baselineToFold: baselineMs / foldMs }
})

console.log('open reservations   fold ms   an event us   baseline ms   baseline : fold   plain loop ms')
for (const { open, foldMs, baselineMs, loopMs, baselineToFold } of results)
  console.log(
    `${String(open).padStart(17)} ${foldMs.toFixed(1).padStart(9)} ` +
      `${((1000 * foldMs) / open).toFixed(2).padStart(13)} ${baselineMs.toFixed(0).padStart(13)} ` +
      `${baselineToFold.toFixed(0).padStart(17)} ${loopMs.toFixed(2).padStart(15)}`,
  )
mkdirSync('bench/results', { recursive: true })
writeFileSync('bench/results/fold.json', `${JSON.stringify(results, null, 2)}\n`)
console.log('\nbench/results/fold.json')
