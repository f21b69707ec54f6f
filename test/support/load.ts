import assert from 'node:assert/strict'
import type { Container } from '@azure/cosmos'
import { checkViews } from '../../packages/cli/demo/check.ts'
import { checkServices, type PerService } from '../../packages/cli/demo/check-services.ts'
import type { Client } from '../../packages/cli/demo/client.ts'
import { runWorkload } from '../../packages/cli/demo/workload.ts'
import { WAIT_MS } from '../../packages/test-support/wait.ts'

const SEED = 7

/** The positions that customers were given, and their unexpected answers. */
export interface Promised {
  readonly positions: Set<string>
  readonly surprises: string[]
}

/** Clients of the services. With payments and shipping, banks and a warehouse take part. */
export type Shops = PerService<Client>

/** Runs customers while `happen` runs. What they were promised is checked afterwards. */
export async function underLoad(
  { ordering, inventory, payments, shipping }: Shops,
  run: string,
  happen: () => Promise<void>,
): Promise<Promised> {
  const positions = new Set<string>()
  const surprises: string[] = []
  let over = false
  const customers = async (): Promise<void> => {
    for (let round = 0; !over; round += 1) {
      const name = `${run.replaceAll(' ', '-')}:${round}`
      const fulfilment = payments && shipping ? { fulfilment: { payments, shipping } } : {}
      const options = { orders: 20, seed: SEED + round, concurrency: 6, run: name, inventory, ...fulfilment }
      const seen = await runWorkload(ordering, options, () => {})
      for (const position of seen.positions) positions.add(position)
      surprises.push(...seen.surprises)
    }
  }
  const load = customers()
  // The first of the two failures is reported. A customer also fails if a host did not start.
  const gaveUp = load.then(
    () => {},
    (cause) => {
      throw new Error('customers failed before the disturbance was over', { cause })
    },
  )
  try {
    await Promise.race([happen(), gaveUp])
  } finally {
    over = true
  }
  await load
  return { positions, surprises }
}

/**
 * Nothing is lost or doubled: every view equals its log, the services agree, and the logs have what was
 * promised.
 * @returns the number of orders by outcome.
 */
export async function assertEqualToLogs(
  shops: Shops,
  logs: PerService<Container>,
  { positions, surprises }: Promised,
): Promise<ReadonlyMap<string, number>> {
  assert.deepEqual(surprises, [])
  // First the check that waits until everything is settled.
  const check = await checkServices(shops, logs, positions, WAIT_MS)
  const result = await checkViews(shops.ordering, logs.ordering, positions)
  assert.deepEqual([...check.differences, ...result.differences], [])
  assert.ok(result.orders > 0 && result.products > 0 && check.products > 0 && positions.size > 0)
  if (logs.payments) assert.ok(check.payments > 0 && check.shipments > 0)
  console.log(
    `# ${result.orders} orders, ${result.products} products, ${check.products} stock levels, ` +
      `${check.payments} payments and ${check.shipments} shipments equal ${check.events} events; ` +
      `${positions.size} promises kept`,
  )
  return check.decided
}

export async function eventCount(log: Container): Promise<number> {
  const query = 'SELECT VALUE SUM(c["to"] - c["from"] + 1) FROM c WHERE IS_DEFINED(c["to"])'
  const { resources } = await log.items.query<number>(query).fetchAll()
  return resources[0] ?? 0
}
