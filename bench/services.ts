import { mkdirSync, writeFileSync } from 'node:fs'
import { checkServices } from '../packages/cli/demo/check-services.ts'
import { Latency } from '../packages/cli/demo/latency.ts'
import { random } from '../packages/cli/demo/random.ts'
import { runWorkload } from '../packages/cli/demo/workload.ts'
import { placeBody } from '../test/support/orders.ts'
import { System } from '../test/support/system.ts'
import { cpuShares } from './support/cpu.ts'
import { toFigures } from './support/figures.ts'

/**
 * Two services, with a host each, that communicate only by events. It runs the demo's workload and measures
 * how long an order waits for its decision. Then inventory is stopped while orders continue, and it measures
 * how fast inventory catches up. Everything runs on this machine, including this client.
 */

const short = process.argv.includes('--short')
const CLIENTS = [1, 16]
const ORDERS = { 1: short ? 20 : 150, 16: short ? 100 : 800 } as Readonly<Record<number, number>>
const AWAY = short ? 100 : 1000
const GIVE_UP_AFTER_MS = 300_000

interface WorkloadResult {
  readonly clients: number
  readonly orders: number
  readonly ordersPerSecond: number
  readonly commandsPerSecond: number
  readonly command: Latency
  readonly toDecision: Latency
  /**
   * From first sight to decision, the median of each tenth of the orders as decided, which shows a growing lag.
   */
  readonly tenths: readonly Latency[]
  readonly surprises: number
  readonly cores: Readonly<Record<string, number>>
}

async function workload(system: System, clients: number): Promise<WorkloadResult> {
  const orders = ORDERS[clients] ?? 0
  const options = {
    orders,
    seed: 1,
    concurrency: clients,
    run: `bench-${clients}`,
    inventory: system.createClient('inventory'),
  }
  const pids = Object.fromEntries([
    ...system.hosts.map((host, index) => [['ordering', 'inventory'][index], host.pid]),
    ...['cosmos db', 'event hubs', 'blobs'].map((name) => [name, system.part(name).pid]),
    ['client', process.pid],
  ])
  const started = performance.now()
  let seen: Awaited<ReturnType<typeof runWorkload>> | undefined
  const cores = await cpuShares(pids, async () => {
    seen = await runWorkload(system.createClient('ordering'), options, () => {})
  })
  const seconds = (performance.now() - started) / 1000
  if (!seen) throw new Error('nothing was measured')
  const waits = [...seen.decided.values()]
  const toDecision = new Latency()
  const tenths = Array.from({ length: 10 }, () => new Latency())
  for (const [index, wait] of waits.entries()) {
    toDecision.add(wait)
    tenths[Math.floor((index * 10) / waits.length)]?.add(wait)
  }
  return {
    clients,
    orders,
    ordersPerSecond: orders / seconds,
    commandsPerSecond: seen.commands / seconds,
    command: seen.command,
    toDecision,
    tenths,
    surprises: seen.surprises.length,
    cores,
  }
}

/** Stops inventory, places orders, starts inventory, and measures the time until every order is decided. */
async function recovery(
  system: System,
): Promise<{ orders: number; placing: number; started: number; recovered: number }> {
  const inventory = system.hosts[1]
  if (!inventory) throw new Error('inventory does not run')
  await inventory.stop()
  const dice = random(3)
  const lines = (): { sku: string; quantity: number; unitPrice: number }[] => {
    const skus = new Set(Array.from({ length: 3 }, () => `SKU-${dice.between(1000, 1039)}`))
    return [...skus].map((sku) => ({ sku, quantity: 1, unitPrice: 100 }))
  }
  const client = system.createClient('ordering')
  const begin = performance.now()
  let next = 0
  const place = async (): Promise<void> => {
    while (next < AWAY) {
      next += 1
      await client.post('/orders', { ...placeBody, lines: lines() }, { 'idempotency-key': `away:${next}` })
    }
  }
  await Promise.all(Array.from({ length: 16 }, place))
  const placed = performance.now()
  await system.startHost({ services: ['inventory'] })
  const ready = performance.now()
  while ((await undecided(system)) > 0) {
    if (performance.now() - ready > GIVE_UP_AFTER_MS) throw new Error('inventory does not catch up')
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  const end = performance.now()
  return { orders: AWAY, placing: placed - begin, started: ready - placed, recovered: end - ready }
}

/** Read from ordering's view, which answers with one page. The raw logs are compared afterwards. */
async function undecided(system: System): Promise<number> {
  const { body } = await system.createClient('ordering').get('/orders?status=placed&limit=1')
  return body.items.length
}

const ms = (value: number): string => value.toFixed(0).padStart(7)

const system = await System.start({ services: ['ordering'] })
try {
  await system.startHost({ services: ['inventory'] })
  process.stderr.write('warm-up …\n')
  const inventory = system.createClient('inventory')
  await runWorkload(
    system.createClient('ordering'),
    { orders: 50, seed: 9, concurrency: 16, run: 'warm-up', inventory },
    () => {},
  )
  const results: WorkloadResult[] = []
  for (const clients of CLIENTS) {
    process.stderr.write(`${ORDERS[clients]} orders, ${clients} at once …\n`)
    results.push(await workload(system, clients))
  }
  process.stderr.write(`${AWAY} orders while inventory is away …\n`)
  const away = await recovery(system)

  const logs = { ordering: system.openLog('ordering'), inventory: system.openLog('inventory') }
  const clients = { ordering: system.createClient('ordering'), inventory: system.createClient('inventory') }
  const check = await checkServices(clients, logs, [])
  const orders = [...check.decided.values()].reduce((sum, count) => sum + count, 0)
  if (check.differences.length > 0 || orders === 0) throw new Error(check.differences.slice(0, 5).join('\n'))

  console.log('at once  orders/s  commands/s  command p50    p99   to decision p50    p95    p99   surprises')
  for (const result of results)
    console.log(
      `${String(result.clients).padStart(7)} ${result.ordersPerSecond.toFixed(1).padStart(9)} ` +
        `${result.commandsPerSecond.toFixed(0).padStart(11)}      ${ms(result.command.percentile(0.5))}` +
        `${ms(result.command.percentile(0.99))}           ${ms(result.toDecision.percentile(0.5))}` +
        `${ms(result.toDecision.percentile(0.95))}${ms(result.toDecision.percentile(0.99))}   ` +
        `${String(result.surprises).padStart(9)}`,
    )
  console.log('\nto decision, p50 in each tenth of the run (ms)')
  for (const { clients, tenths } of results)
    console.log(`${String(clients).padStart(7)} ${tenths.map((tenth) => ms(tenth.percentile(0.5))).join('')}`)
  console.log('\ncores')
  for (const { clients, cores } of results)
    console.log(
      `${String(clients).padStart(7)} ${Object.entries(cores)
        .map(([name, share]) => `${name} ${share.toFixed(2)}`)
        .join('   ')}`,
    )
  console.log(
    `\nwithout inventory: ${away.orders} orders placed in ${(away.placing / 1000).toFixed(1)} s; its ` +
      `host was ready ${(away.started / 1000).toFixed(1)} s after its start, every order decided ` +
      `${(away.recovered / 1000).toFixed(1)} s later = ` +
      `${((away.orders * 1000) / away.recovered).toFixed(0)} orders/s`,
  )
  console.log(`checked: ${orders} orders decided, ${check.products} products, nothing oversold or lost`)

  mkdirSync('bench/results', { recursive: true })
  const report = {
    workload: results.map((result) => ({
      ...result,
      command: toFigures(result.command),
      toDecision: toFigures(result.toDecision),
      tenths: result.tenths.map((tenth) => tenth.percentile(0.5)),
    })),
    away,
  }
  writeFileSync('bench/results/services.json', `${JSON.stringify(report, null, 2)}\n`)
  console.log('bench/results/services.json')
} finally {
  await system.remove()
}
