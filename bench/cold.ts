import assert from 'node:assert/strict'
import { channel } from 'node:diagnostics_channel'
import { mkdirSync, writeFileSync } from 'node:fs'
import type { ClientRequest, IncomingMessage } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import type { RecordedEvent } from 'tidemark'
import { compose } from 'tidemark/azure-functions'
import { Latency } from '../packages/cli/demo/latency.ts'
import { commit, readHead, recordedAfter } from '../packages/tidemark/test/support/commits.ts'
import { request } from '../packages/tidemark/test/support/fakes.ts'
import { cosmosLog } from '../packages/tidemark/test/support/handling.ts'
import { inventory } from '../src/inventory/service.ts'
import { stock } from '../src/inventory/stock.ts'
import { System } from '../test/support/system.ts'

/**
 * The cost of a command on a stream that the instance has not cached. It measures a short stream, and a long
 * one without and with a snapshot. Every round composes the service anew. It first sends a command to another
 * stream, to have its connections and its clock.
 */

const short = process.argv.includes('--short')
const EVENTS = short ? 10_000 : 100_000
const ROUNDS = short ? 3 : 5
const SHORT = 'stock-short'
const LONG = 'stock-long'

/** Appends `count` events, each in a commit of its own, with as many commits in a write as it can hold. */
async function fill(log: ReturnType<typeof cosmosLog>, stream: string, count: number): Promise<void> {
  const data = { sku: stream, quantity: 1 }
  const recorder = { service: inventory, decider: stock, stream }
  let last: readonly RecordedEvent[] = []
  for (let written = 0; written < count; ) {
    const before = readHead(last)
    const entries = Array.from({ length: Math.min(log.limits.entries, count - written) }, () => {
      last = recordedAfter(recorder, last, { type: 'StockReceived', data })
      written += 1
      return commit(`of version ${written}`, last)
    })
    assert.deepEqual(await log.append(before, entries), { outcome: 'appended' })
  }
}

/** The requests to Cosmos DB since the last call, from `http.client.response.finish`, which reports them all. */
class Requests {
  #taken: number[] = []

  constructor() {
    channel('http.client.response.finish').subscribe((message) => {
      const { response } = message as { request: ClientRequest; response: IncomingMessage }
      const charge = response.headers['x-ms-request-charge']
      if (charge !== undefined) this.#taken.push(Number(charge))
    })
  }

  take(): { readonly requests: number; readonly units: number } {
    const taken = this.#taken
    this.#taken = []
    return { requests: taken.length, units: taken.reduce((sum, charge) => sum + charge, 0) }
  }
}

const requests = new Requests()
const system = await System.cloudAlone({ services: ['inventory'] })
const snapshots = system.openContainer('inventory', 'snapshots')
let keys = 0

/** Sends one command to a stream, which must take effect there. */
async function send({ command }: ReturnType<typeof compose>, stream: string, creates = false): Promise<number> {
  keys += 1
  const sent = creates
    ? { type: 'reserve', data: { orderId: String(keys), quantity: 1 } }
    : { type: 'adjust', data: { change: 1, reason: 'bench' } }
  const outcome = await command(stock, request(`bench ${keys}`, sent, { stream }))
  assert.ok(outcome.outcome === 'done' && outcome.events === 1, JSON.stringify(outcome))
  return outcome.version
}

async function snapshotsThere(): Promise<string[]> {
  const { resources } = await snapshots.items.readAll<{ id: string }>({ partitionKey: LONG }).fetchAll()
  return resources.map(({ id }) => id)
}

interface Measured {
  readonly what: string
  readonly latency: Latency
  readonly requests: number
  readonly units: number
}

async function measure(
  what: string,
  stream: string,
  {
    knows = false,
    creates = false,
    after = async () => {},
  }: { knows?: boolean; creates?: boolean; after?: () => Promise<void> },
): Promise<Measured> {
  const latency = new Latency()
  let taken = { requests: 0, units: 0 }
  for (let round = 0; round < ROUNDS; round += 1) {
    const service = compose(inventory, system.settings)
    await send(service, 'stock-other')
    if (knows) await send(service, stream)
    // The clock sends a few requests at first.
    await delay(200)
    requests.take()
    const began = performance.now()
    await send(service, stream, creates)
    latency.add(performance.now() - began)
    taken = requests.take()
    await after()
  }
  process.stderr.write(`${what}: ${latency}\n`)
  return { what, latency, ...taken }
}

/** Removes the snapshot for the next round. */
async function removeSnapshot(): Promise<void> {
  let there = await snapshotsThere()
  for (let attempts = 0; there.length === 0; attempts += 1) {
    assert.ok(attempts < 200, 'no snapshot was written')
    await delay(50)
    there = await snapshotsThere()
  }
  for (const id of there) await snapshots.item(id, LONG).delete()
}

let results: readonly Measured[]
try {
  const log = cosmosLog(system.openLog('inventory'))
  process.stderr.write(`${EVENTS} events …\n`)
  await Promise.all([fill(log, LONG, EVENTS), fill(log, SHORT, 10), fill(log, 'stock-other', 1)])
  results = [
    await measure('stream known', SHORT, { knows: true }),
    await measure('10 events', SHORT, {}),
    await measure(`${EVENTS} events, no snapshot`, LONG, { after: removeSnapshot }),
    // The command before the first round writes one.
    await send(compose(inventory, system.settings), LONG).then(async () => {
      while ((await snapshotsThere()).length === 0) await delay(50)
      return measure(`${EVENTS} events, a snapshot`, LONG, {})
    }),
    await measure(`${EVENTS} events, a snapshot, a command that may create`, LONG, { creates: true }),
  ]
  const { resources } = await system
    .openLog('inventory')
    .items.query<number>({ query: 'SELECT VALUE MAX(c["to"]) FROM c' }, { partitionKey: LONG })
    .fetchAll()
  const expected = EVENTS + 3 * ROUNDS + 1
  assert.deepEqual(resources, [expected])
  console.log(`checked: ${keys} commands took effect, the long stream ends at version ${expected}\n`)
} finally {
  await system.remove()
}

console.log(`${'a command on'.padEnd(60)} p50 ms   most ms   requests   request units`)
for (const { what, latency, ...each } of results)
  console.log(
    `${what.padEnd(60)} ${latency.percentile(0.5).toFixed(1).padStart(6)} ` +
      `${latency.percentile(1).toFixed(1).padStart(9)} ${String(each.requests).padStart(10)} ` +
      `${each.units.toFixed(1).padStart(15)}`,
  )
mkdirSync('bench/results', { recursive: true })
const rows = results.map(({ latency, ...each }) => ({
  ...each,
  p50: latency.percentile(0.5),
  most: latency.percentile(1),
}))
writeFileSync('bench/results/cold.json', `${JSON.stringify(rows, null, 2)}\n`)
console.log('\nbench/results/cold.json')
