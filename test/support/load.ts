import assert from 'node:assert/strict'
import type { Container } from '@azure/cosmos'
import { checkViews } from '../../cli/demo/check.ts'
import type { Client } from '../../cli/demo/client.ts'
import { runWorkload } from '../../cli/demo/workload.ts'

const SEED = 7

/** What customers were answered, and what they should not have been. */
export interface Promised {
  readonly positions: Set<string>
  readonly surprises: string[]
}

/** Customers come and go while the given thing happens; what they were promised is checked afterwards. */
export async function underLoad(client: Client, run: string, happen: () => Promise<void>): Promise<Promised> {
  const positions = new Set<string>()
  const surprises: string[] = []
  let over = false
  const customers = async (): Promise<void> => {
    for (let round = 0; !over; round += 1) {
      const options = { orders: 20, seed: SEED + round, concurrency: 8, run: `${run.replaceAll(' ', '-')}:${round}` }
      const seen = await runWorkload(client, options, () => {})
      for (const position of seen.positions) positions.add(position)
      surprises.push(...seen.surprises)
    }
  }
  const load = customers()
  try {
    await happen()
  } finally {
    over = true
    await load
  }
  return { positions, surprises }
}

/** Nothing lost, nothing doubled: every view equals the log, and the log has what was promised. */
export async function assertEqualToLog(client: Client, log: Container, promised: Promised): Promise<void> {
  assert.deepEqual(promised.surprises, [])
  const result = await checkViews(client, log, promised.positions)
  assert.deepEqual(result.differences, [])
  assert.ok(result.orders > 0 && result.products > 0 && promised.positions.size > 0)
  console.log(
    `# ${result.orders} orders and ${result.products} products equal ${result.events} events; ${promised.positions.size} promises kept`,
  )
}

export async function eventCount(log: Container): Promise<number> {
  const { resources } = await log.items.query('SELECT VALUE COUNT(1) FROM c').fetchAll()
  return Number(resources[0])
}

/** Settles once the condition holds, or fails with what it waited for. */
export async function until(what: string, condition: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + 60_000
  while (!(await condition())) {
    if (performance.now() > end) throw new Error(`waited a minute for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
