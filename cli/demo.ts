import { randomUUID } from 'node:crypto'
import { CosmosClient } from '@azure/cosmos'
import { SingleBar } from 'cli-progress'
import { readArguments, runCommand, UsageError } from './arguments.ts'
import { checkViews } from './demo/check.ts'
import { checkStock } from './demo/check-stock.ts'
import { Client } from './demo/client.ts'
import { Latency } from './demo/latency.ts'
import { runWorkload } from './demo/workload.ts'
import { cosmosConnection } from './local-settings.ts'
import { addressOf } from './service-address.ts'

const SHOWN_DIFFERENCES = 20

/** `npm run demo -- --orders N --seed S`: drives the running system through its HTTP commands, then checks every view against the log. */
async function demo(): Promise<void> {
  const { orders, seed, concurrency } = readArguments({ orders: 100, seed: 1, concurrency: 16 }, [])
  if (orders < 1 || concurrency < 1) throw new UsageError('--orders and --concurrency are at least 1')
  const client = new Client(`${await addressOf('ordering')}/api/ordering`)
  const inventory = new Client(`${await addressOf('inventory')}/api/inventory`)
  const cosmos = new CosmosClient(cosmosConnection())
  const logs = {
    ordering: cosmos.database('ordering').container('events'),
    inventory: cosmos.database('inventory').container('events'),
  }

  const bar = new SingleBar({
    format: 'orders {bar} {value}/{total} {eta}s',
    clearOnComplete: false,
    noTTYOutput: false,
  })
  bar.start(orders, 0)
  const started = performance.now()
  const run = randomUUID()
  const seen = await runWorkload(client, { orders, seed, concurrency, run, inventory }, () => bar.increment())
  const seconds = (performance.now() - started) / 1000
  bar.stop()

  const statuses = [...seen.byStatus].sort(([a], [b]) => a - b).map(([status, count]) => `${status}: ${count}`)
  console.log(
    `commands         ${seen.commands} in ${seconds.toFixed(1)} s = ${(seen.commands / seconds).toFixed(0)}/s (${statuses.join(', ')})`,
  )
  console.log(`command          ${seen.command}`)
  console.log(`command to view  ${seen.commandToView}`)
  const toDecision = new Latency()
  for (const milliseconds of seen.decided.values()) toDecision.add(milliseconds)
  console.log(`view to decision ${toDecision}`)
  const retries = client.retries + inventory.retries
  if (retries > 0) console.log(`sent again       ${retries} requests`)

  // First what the services agree on, for which it waits until all is decided; then every view against its log.
  const stock = await checkStock(inventory, logs, seen.positions)
  const result = await checkViews(client, logs.ordering, seen.positions)
  const events = result.events + stock.events
  console.log(
    `checked          ${result.orders} orders (${result.listed} listed) and ${result.products} products, ${stock.products} stock levels, against ${events} events of the two logs`,
  )
  const decided = [...stock.decided].sort().map(([status, count]) => `${count} ${status}`)
  console.log(`orders           ${decided.join(', ')}; ${stock.reserved} units reserved for those confirmed`)
  const wrong = [...seen.surprises, ...stock.differences, ...result.differences]
  for (const line of wrong.slice(0, SHOWN_DIFFERENCES)) console.error(`difference: ${line}`)
  if (wrong.length > SHOWN_DIFFERENCES) console.error(`difference: and ${wrong.length - SHOWN_DIFFERENCES} more`)
  if (wrong.length > 0 || result.orders === 0 || stock.products === 0 || events === 0) {
    console.error(`failed: ${wrong.length} differences`)
    process.exitCode = 1
  } else console.log('every view equals its log, every order is decided, no stock is oversold or lost')
}

await runCommand(demo)
