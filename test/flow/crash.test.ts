import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { checkViews } from '../../cli/demo/check.ts'
import { random } from '../../cli/demo/random.ts'
import { runWorkload } from '../../cli/demo/workload.ts'
import type { CrashPoint } from '../support/crash.ts'
import { System } from '../support/system.ts'

const SEED = 7
const points: readonly CrashPoint[] = [
  'after append',
  'after send, before the lease',
  'after a one-stream document',
  'after the view write, before the position',
  'after the position, before the checkpoint',
]

/** Customers come and go while the given thing happens; what they were promised is checked afterwards. */
async function underLoad(
  system: System,
  run: string,
  happen: () => Promise<void>,
): Promise<{ positions: Set<string>; surprises: string[] }> {
  const positions = new Set<string>()
  const surprises: string[] = []
  let over = false
  const customers = async (): Promise<void> => {
    for (let round = 0; !over; round += 1) {
      const options = { orders: 20, seed: SEED + round, concurrency: 8, run: `${run.replaceAll(' ', '-')}:${round}` }
      const seen = await runWorkload(system.client, options, () => {})
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

async function assertEqualToLog(
  system: System,
  promised: { positions: Set<string>; surprises: string[] },
): Promise<void> {
  assert.deepEqual(promised.surprises, [])
  const result = await checkViews(system.client, system.log, promised.positions)
  assert.deepEqual(result.differences, [])
  assert.ok(result.orders > 0 && result.products > 0 && promised.positions.size > 0)
  console.log(
    `# ${result.orders} orders and ${result.products} products equal ${result.events} events; ${promised.positions.size} promises kept`,
  )
}

describe('crashes', () => {
  let system: System
  before(async () => {
    system = await System.start()
  })
  after(() => system.remove())

  it('the host dies at every point between two writes: views equal the log, nothing lost, nothing doubled', async () => {
    const log = join(system.dataDir, 'crashes')
    const dice = random(SEED)
    const crashes = points.map((point) => `${point}:${dice.between(2, 20)}`)
    await system.host.stop()
    const promised = await underLoad(system, 'host', async () => {
      for (const crash of crashes) {
        const env = { TIDEMARK_TEST_CRASH: crash, TIDEMARK_TEST_CRASH_LOG: log }
        const host = await system.startHost({ preload: { module: 'test/support/crash.ts', env } })
        assert.match(await host.exited, /SIGKILL/)
      }
      await system.startHost()
    })
    const hit = (await readFile(log, 'utf8')).trim().split('\n')
    console.log(`# killed: ${crashes.join(', ')}`)
    assert.deepEqual(hit, points)
    await assertEqualToLog(system, promised)
  })

  for (const name of ['cosmos db', 'event hubs', 'blobs'])
    it(`the process of ${name} dies under load and everything is started again: views equal the log`, async () => {
      const promised = await underLoad(system, name, async () => {
        const before = await eventCount(system)
        await until(async () => (await eventCount(system)) > before + 50)
        system.part(name).kill('SIGKILL')
        await system.part(name).exited
        await system.stop()
        await system.startCloud()
        await system.startHost()
      })
      await assertEqualToLog(system, promised)
    })
})

async function eventCount(system: System): Promise<number> {
  const { resources } = await system.log.items.query('SELECT VALUE COUNT(1) FROM c').fetchAll()
  return Number(resources[0])
}

async function until(condition: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + 60_000
  while (!(await condition())) {
    if (performance.now() > end) throw new Error('it did not come about in a minute')
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
