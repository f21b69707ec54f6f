import { randomUUID } from 'node:crypto'
import { type Container, CosmosClient } from '@azure/cosmos'
import { SingleBar } from 'cli-progress'
import { findAddress } from './api/service-address.ts'
import { readArguments, runCommand, UsageError } from './command-line/arguments.ts'
import { checkViews } from './demo/check.ts'
import { checkServices } from './demo/check-services.ts'
import { Client } from './demo/client.ts'
import { Latency } from './demo/latency.ts'
import { RECOVERY_MS } from './demo/recovery.ts'
import { runWorkload } from './demo/workload.ts'
import { services } from './project/config.ts'
import { localConnections, localHeaders } from './project/local-settings.ts'

const SHOWN_DIFFERENCES = 20
const SHOP = ['ordering', 'inventory', 'payments', 'shipping']
const CUSTOMERS = 'customers'

/**
 * `npm run demo -- --orders N --seed S`: drives the running system through its HTTP commands, then checks
 * every view against the log.
 */
async function demo(): Promise<void> {
  const { orders, seed, concurrency } = readArguments({ orders: 100, seed: 1, concurrency: 16 }, [])
  if (orders < 1 || concurrency < 1) throw new UsageError('--orders and --concurrency are at least 1')
  const missing = SHOP.filter((name) => !services.some((service) => service.name === name))
  if (missing.length > 0) throw new UsageError(`the demo needs the shop: this project has no ${missing.join(', ')}`)
  const headers = await localHeaders()
  const at = async (service: string): Promise<Client> =>
    new Client(`${await findAddress(service)}/api/${service}`, RECOVERY_MS, headers)
  const clients = {
    ordering: await at('ordering'),
    inventory: await at('inventory'),
    payments: await at('payments'),
    shipping: await at('shipping'),
  }
  // It places no orders, so the demo needs it only for the check.
  const customers = services.some(({ name }) => name === CUSTOMERS) ? { customers: await at(CUSTOMERS) } : {}
  const cosmos = new CosmosClient((await localConnections()).CosmosConnection)
  const log = (service: string): Container => cosmos.database(service).container('events')
  const logs = {
    ordering: log('ordering'),
    inventory: log('inventory'),
    payments: log('payments'),
    shipping: log('shipping'),
  }

  const bar = new SingleBar({
    format: 'orders {bar} {value}/{total} {eta}s',
    clearOnComplete: false,
    noTTYOutput: false,
  })
  bar.start(orders, 0)
  const started = performance.now()
  const run = randomUUID()
  const { ordering, inventory, ...fulfilment } = clients
  const options = { orders, seed, concurrency, run, inventory, fulfilment }
  const seen = await runWorkload(ordering, options, () => bar.increment())
  const seconds = (performance.now() - started) / 1000
  bar.stop()

  const statuses = [...seen.byStatus].sort(([a], [b]) => a - b).map(([status, count]) => `${status}: ${count}`)
  console.log(
    `commands         ${seen.commands} in ${seconds.toFixed(1)} s = ${(seen.commands / seconds).toFixed(0)}/s ` +
      `(${statuses.join(', ')})`,
  )
  console.log(`command          ${seen.command}`)
  console.log(`command to view  ${seen.commandToView}`)
  const toDecision = new Latency()
  for (const milliseconds of seen.decided.values()) toDecision.add(milliseconds)
  console.log(`view to decision ${toDecision}`)
  const retries = Object.values(clients).reduce((sum, client) => sum + client.retries, 0)
  if (retries > 0) console.log(`sent again       ${retries} requests`)

  // First check that the services agree, after waiting until all is settled; then every view against its log.
  const check = await checkServices({ ...clients, ...customers }, logs, seen.positions)
  const result = await checkViews(ordering, logs.ordering, seen.positions)
  console.log(
    `checked          ${result.orders} orders (${result.listed} listed), ${result.products} products, ` +
      `${check.products} stock levels, ${check.payments} payments, ${check.shipments} shipments and ` +
      `${check.trails} trails of orders, ` +
      `against ${check.events} events of the four logs`,
  )
  const decided = [...check.decided].sort().map(([status, count]) => `${count} ${status}`)
  const paid = Object.entries(check.paid).map(([currency, amount]) => `${(amount / 100).toFixed(2)} ${currency}`)
  console.log(
    `orders           ${decided.join(', ')}; ${check.reserved} units wait for shipment; ${paid.join(' and ')} captured`,
  )
  const wrong = [...seen.surprises, ...check.differences, ...result.differences]
  for (const line of wrong.slice(0, SHOWN_DIFFERENCES)) console.error(`difference: ${line}`)
  if (wrong.length > SHOWN_DIFFERENCES) console.error(`difference: and ${wrong.length - SHOWN_DIFFERENCES} more`)
  if (wrong.length > 0 || [result.orders, check.products, check.payments, check.shipments].includes(0)) {
    console.error(`failed: ${wrong.length} differences`)
    process.exitCode = 1
  } else
    console.log(
      'every view equals its log, every order is decided, no stock is oversold or lost, ' +
        'and customers paid for exactly what they have',
    )
}

await runCommand(demo)
