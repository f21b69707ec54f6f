import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { buildTopology } from 'tidemark/tools'
import { services } from '../packages/cli/project/config.ts'
import { System } from '../test/support/system.ts'
import {
  type Appended,
  appended,
  appends,
  blobs,
  type HubTraffic,
  moving,
  type Sum,
  standing,
  sumAll,
  traffic,
} from './cost/figures.ts'
import type { Note } from './cost/note.ts'
import { Shop } from './cost/shop.ts'
import { Tallied } from './cost/tallied.ts'
import { cpuSeconds } from './support/cpu.ts'

/**
 * Measures what has to be paid for: the requests to Cosmos DB with their charges, and the events and bytes in
 * the hubs. It does so for an order from placement to completion, for single commands and queries, and at
 * rest. All four services run unmodified in one host on the local cloud. The charges are those of the
 * emulator's model (docs/compatibility.md). docs/cost.md is based on these figures.
 */

const short = process.argv.includes('--short')
const IDLE_S = short ? 5 : 30
const ORDERS: readonly (readonly [atOnce: number, orders: number])[] = short
  ? [
      [1, 4],
      [16, 32],
    ]
  : [
      [1, 50],
      [16, 400],
    ]
const ASKED = short ? 5 : 50

interface Phase {
  readonly notes: readonly Note[]
  readonly seconds: number
  /** The host's processor time in seconds. */
  readonly cpu: number
}

interface OrderFigures {
  readonly atOnce: number
  readonly orders: number
  readonly moving: Record<string, Sum>
  readonly standing: Record<string, Sum>
  readonly appends: Record<string, Sum>
  readonly appended: Appended
  readonly hubs: Record<string, HubTraffic>
  readonly blobs: Record<string, number>
  readonly stored: Record<string, { readonly items: number; readonly bytes: number }>
  readonly cpuSeconds: number
}

const system = await System.cloudAlone()
const file = join(system.dataDir, 'tally.ndjson')
writeFileSync(file, '')
const tallied = new Tallied(file)
const startHost = () =>
  system.startHost({ preload: { module: 'bench/cost/tally.ts', env: { TIDEMARK_TEST_TALLY: file } } })

/** What the functions did during a task, and until they came to rest. */
async function phase(name: string, task: () => Promise<unknown>): Promise<Phase> {
  process.stderr.write(`${name} …\n`)
  await tallied.quiet()
  const { pid } = system.host
  const [from, cpu] = [Date.now(), cpuSeconds(pid) ?? Number.NaN]
  await task()
  await tallied.quiet()
  const to = Date.now()
  return { notes: tallied.between(from, to), seconds: (to - from) / 1000, cpu: (cpuSeconds(pid) ?? Number.NaN) - cpu }
}

/** The items and bytes (as JSON) of all containers; those of logs by kind of item. */
async function stored(): Promise<Map<string, { items: number; bytes: number }>> {
  const sizes = new Map<string, { items: number; bytes: number }>()
  for (const { name, views } of services)
    for (const container of ['events', 'progress', ...views.map((view) => view.name)]) {
      const { resources } = await system.openContainer(name, container).items.readAll().fetchAll()
      const classifyItem = ({ id = '' }): string => (id.startsWith('~') ? 'events, receipts' : 'events, commits')
      for (const item of resources) {
        const key = `${name}/${container === 'events' ? classifyItem(item) : container}`
        const { items, bytes } = sizes.get(key) ?? { items: 0, bytes: 0 }
        sizes.set(key, { items: items + 1, bytes: bytes + Buffer.byteLength(JSON.stringify(item)) })
      }
    }
  return sizes
}

async function orders(shop: Shop, atOnce: number, count: number): Promise<OrderFigures> {
  const before = await stored()
  const { notes, cpu } = await phase(`${count} orders, ${atOnce} at once`, async () => {
    let left = count
    const customer = async (): Promise<void> => {
      while (left-- > 0) await shop.order()
    }
    await Promise.all(Array.from({ length: atOnce }, customer))
  })
  const grown = [...(await stored())].map(([name, { items, bytes }]) => {
    const was = before.get(name) ?? { items: 0, bytes: 0 }
    return [name, { items: (items - was.items) / count, bytes: (bytes - was.bytes) / count }] as const
  })
  const hubs = traffic(notes, count)
  // Every group receives every event of its hub. Fewer would mean that something was not counted.
  for (const { name, consumerGroups } of buildTopology(services).eventHubs) {
    const { sent = 0, received = 0 } = hubs[name] ?? {}
    if (Math.round(received * count) < Math.round(sent * count) * consumerGroups.length || sent === 0)
      throw new Error(`${name}: ${sent * count} events were sent, but ${received * count} received`)
  }
  return {
    atOnce,
    orders: count,
    moving: moving(notes, count),
    standing: standing(notes, count),
    appends: appends(notes, count),
    appended: appended(notes, count),
    hubs,
    blobs: blobs(notes, count),
    stored: Object.fromEntries(grown),
    cpuSeconds: cpu / count,
  }
}

/** The database requests of each of some HTTP requests. */
async function measureRequests(
  name: string,
  ask: (index: number) => Promise<unknown>,
  times = ASKED,
): Promise<Record<string, Sum>> {
  const { notes } = await phase(name, async () => {
    for (let index = 0; index < times; index += 1) await ask(index)
  })
  return moving(notes, times)
}

const shop = new Shop(system)
const report = await (async () => {
  await startHost()
  await shop.stockUp()
  for (let index = 0; index < 3; index += 1) await shop.order()

  const idle = await phase('idle', () => pause(IDLE_S * 1000))
  const measured: OrderFigures[] = []
  for (const [atOnce, count] of ORDERS) measured.push(await orders(shop, atOnce, count))

  const ids: string[] = []
  for (let index = 0; index < ASKED; index += 1) ids.push(await shop.place())
  for (const id of ids) await shop.shipment(id)
  const ordering = system.createClient('ordering')
  const ok = async (path: string): Promise<void> => {
    const { status } = await ordering.get(path)
    if (status !== 200) throw new Error(`${path} got the status ${status}`)
  }
  const at = (index: number): string => ids[index] ?? ''
  const queries = {
    'document by its id': await measureRequests('a document', (index) => ok(`/orders/${at(index)}`)),
    'document by its id, with a position': await measureRequests('a document with a position', (index) =>
      ok(`/orders/${at(index)}?position=order-${at(index)}@2`),
    ),
    'document of a many-stream view': await measureRequests('a product', (index) =>
      ok(`/sales-by-product/SKU-${index % 40}`),
    ),
    'list of 20, by status': await measureRequests('a list', () => ok('/orders?status=completed&limit=20')),
    'events of a stream': await measureRequests('history', (index) =>
      ok(`/streams/order-${at(index)}/events?limit=20`),
    ),
    'state at a version': await measureRequests('state', (index) => ok(`/streams/order-${at(index)}/state?version=2`)),
  }
  const dispatched = await measureRequests('dispatch, its stream remembered', (index) => shop.dispatch(at(index)))
  const commands = {
    'dispatch again under its key': await measureRequests('dispatch again', (index) => shop.dispatch(at(index))),
    'cancel that is refused': await measureRequests('cancel refused', async (index) => {
      const key = { 'idempotency-key': `cancel-${at(index)}` }
      const { status } = await ordering.post(`/orders/${at(index)}/cancel`, { reason: 'too late' }, key)
      if (status !== 409) throw new Error(`cancelling a completed order got the status ${status}`)
    }),
  }
  const more: string[] = []
  for (let index = 0; index < ASKED; index += 1) more.push(await shop.place())
  for (const id of more) await shop.shipment(id)
  await tallied.quiet()
  await system.host.stop()
  await startHost()
  const cold = await measureRequests('dispatch, its stream not remembered', (index) => shop.dispatch(more[index] ?? ''))
  const onLog = (sums: Record<string, Sum>): Record<string, Sum> =>
    Object.fromEntries(Object.entries(sums).filter(([key]) => /^shipping\/events (batch|read|query)$/.test(key)))
  return {
    idle: {
      seconds: idle.seconds,
      aSecond: standing(idle.notes, idle.seconds),
      blobsASecond: blobs(idle.notes, idle.seconds),
      cores: idle.cpu / idle.seconds,
    },
    orders: measured,
    queries,
    commands: {
      'dispatch, its stream remembered': onLog(dispatched),
      'dispatch, its stream not remembered': onLog(cold),
      ...commands,
    },
  }
})().finally(() => system.remove())

const figure = (value: number, width = 9): string => value.toFixed(2).padStart(width)
function print(title: string, sums: Record<string, Sum>): void {
  const { requests, charge } = sumAll(sums)
  if (requests === 0) throw new Error(`nothing was counted: ${title}`)
  console.log(`\n${title.padEnd(48)} requests       RU`)
  for (const [key, sum] of Object.entries(sums))
    console.log(`  ${key.padEnd(46)}${figure(sum.requests)}${figure(sum.charge)}`)
  console.log(`  ${'together'.padEnd(46)}${figure(requests)}${figure(charge)}`)
}

print('idle, a second', report.idle.aSecond)
for (const order of report.orders) {
  print(`an order, ${order.atOnce} at once`, order.moving)
  print(`  of these, appends by stream`, order.appends)
  const { batches, commits, events, receipts } = order.appended
  console.log(
    `  appended: ${batches.toFixed(2)} batches with ${commits.toFixed(2)} commits of ${events.toFixed(2)}` +
      ` events and ${receipts.toFixed(2)} receipts`,
  )
  print(`at rest, an order's share of the time`, order.standing)
  console.log('\n  hub          events    sends    bytes  received  batches received')
  for (const [hub, { sent, sends, bytes, received, batches }] of Object.entries(order.hubs))
    console.log(
      `  ${hub.padEnd(10)}${figure(sent)}${figure(sends)}${bytes.toFixed(0).padStart(9)}` +
        `${figure(received, 10)}${figure(batches)}`,
    )
  console.log(
    `  stored: ${Object.entries(order.stored)
      .map(([name, { items, bytes }]) => `${name} ${items.toFixed(1)} items ${bytes.toFixed(0)} B`)
      .join(', ')}`,
  )
  console.log(
    `  blobs: ${Object.entries(order.blobs)
      .map(([name, count]) => `${name} ${count.toFixed(2)}`)
      .join(', ')}`,
  )
  console.log(`  processor: ${(order.cpuSeconds * 1000).toFixed(0)} ms`)
}
for (const [name, sums] of Object.entries(report.queries)) print(`query: ${name}`, sums)
for (const [name, sums] of Object.entries(report.commands)) print(`command: ${name}`, sums)

mkdirSync('bench/results', { recursive: true })
writeFileSync('bench/results/cost.json', `${JSON.stringify(report, null, 2)}\n`)
console.log('\nbench/results/cost.json')
