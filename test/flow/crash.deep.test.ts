import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { Client } from '../../packages/cli/demo/client.ts'
import { random } from '../../packages/cli/demo/random.ts'
import { foldRawLog } from '../../packages/cli/demo/raw-fold.ts'
import { readRawLog } from '../../packages/cli/demo/reading.ts'
import type { Child } from '../../packages/kit/child.ts'
import { freePort } from '../../packages/test-support/ports.ts'
import { until, WAIT_MS, within } from '../../packages/test-support/wait.ts'
import type { CrashPoint } from '../support/crash.ts'
import { assertEqualToLogs, eventCount, underLoad } from '../support/load.ts'
import { placeBody } from '../support/orders.ts'
import { type HostOptions, System } from '../support/system.ts'

const SEED = 7

/** Each group of services has a host of its own. */
const GROUPS = [['ordering'], ['inventory'], ['payments', 'shipping']] as const
type Group = 'ordering' | 'inventory' | 'payments'

/**
 * The group whose host dies, and where. The code at each point is the same in every service. So an append is
 * tested twice, and everything else once.
 */
const crashes: readonly (readonly [group: Group, point: CrashPoint])[] = [
  ['inventory', 'after append'],
  ['ordering', 'after send, before the lease'],
  ['inventory', 'after the progress'],
  ['inventory', 'after the cursor, before the checkpoint'],
  ['ordering', 'after a multi-stream document, before the cursor'],
  ['payments', 'after a command is scheduled'],
  ['payments', 'after due commands were read'],
  ['ordering', 'after append'],
]
describe('services whose hosts crash', () => {
  let system: System
  const ports = new Map<string, number>()
  const startHost = (group: string, preload?: HostOptions['preload']): Promise<Child> =>
    system.startHost({
      services: GROUPS.find(([first]) => first === group) ?? [],
      ...(group === 'ordering' ? {} : { port: ports.get(group) ?? 0 }),
      ...(preload ? { preload } : {}),
    })
  const createClient = (group: string, service: string): Client =>
    new Client(`http://127.0.0.1:${ports.get(group)}/api/${service}`, WAIT_MS)
  const shops = () => ({
    ordering: system.client,
    inventory: createClient('inventory', 'inventory'),
    payments: createClient('payments', 'payments'),
    shipping: createClient('payments', 'shipping'),
  })
  const logs = () => ({
    ordering: system.openLog('ordering'),
    inventory: system.openLog('inventory'),
    payments: system.openLog('payments'),
    shipping: system.openLog('shipping'),
  })
  before(async () => {
    system = await System.cloudAlone({ soon: true })
    for (const [group] of GROUPS.slice(1)) ports.set(group, await freePort())
  })
  after(() => system.remove())

  it('keep views equal to the logs, and stock and money conserved, at every crash point', async () => {
    const dice = random(SEED)
    const planned = crashes.map(([group, point]) => ({ group, point, crash: `${point}:${dice.between(2, 12)}` }))
    console.log(`# to be killed: ${planned.map(({ group, crash }) => `${group} ${crash}`).join(', ')}`)
    /**
     * Starts hosts of a group one after another, each of which dies at its point. The next one takes over.
     * The last one lives.
     */
    const dieEverywhere = async (group: string): Promise<void> => {
      const its = planned.filter((each) => each.group === group)
      const log = join(system.dataDir, `crashes-${group}`)
      for (const { crash } of its) {
        const env = { TIDEMARK_TEST_CRASH: crash, TIDEMARK_TEST_CRASH_LOG: log }
        const doomed = await startHost(group, { module: 'test/support/crash.ts', env })
        assert.match(await within(doomed.exited, `${group} to die ${crash}`), /SIGKILL/)
      }
      assert.deepEqual(
        (await readFile(log, 'utf8')).trim().split('\n'),
        its.map(({ point }) => point),
      )
      await startHost(group)
    }
    const promised = await underLoad(shops(), 'host', async () => {
      await Promise.all(GROUPS.map(([group]) => dieEverywhere(group)))
      // Orders are slow while hosts die, and the check needs some of every outcome.
      await until(
        'orders of every outcome',
        () => eventCount(system.log),
        (count) => count > 400,
      )
    })
    const decided = await assertEqualToLogs(shops(), logs(), promised)
    for (const outcome of ['confirmed', 'rejected', 'cancelled', 'completed'])
      assert.ok((decided.get(outcome) ?? 0) > 0, outcome)
  })

  it('continue while inventory is down, and inventory catches up without a loss', async () => {
    const away = system.hosts.find(({ address }) => address.endsWith(`:${ports.get('inventory')}`))
    assert.ok(away)
    await away.stop()
    const lines = [{ sku: 'SKU-1000', quantity: 1, unitPrice: 100 }]
    const orders = await Promise.all(
      Array.from({ length: 30 }, (_, index) =>
        system.client.post('/orders', { ...placeBody, lines }, { 'idempotency-key': `away:${index}` }),
      ),
    )
    const cancelled = await Promise.all(
      orders.slice(0, 5).map(({ body }) => system.client.post(`/orders/${body.id}/cancel`, { reason: 'late' }, {})),
    )
    const answers = [...orders, ...cancelled]
    assert.deepEqual([...new Set(answers.map(({ status }) => status))].sort(), [200, 201])
    assert.equal(await undecided(system), 25)
    await startHost('inventory')
    const positions = new Set(answers.map(({ body }) => String(body.position)))
    await assertEqualToLogs(shops(), logs(), { positions, surprises: [] })
  })

  for (const name of ['cosmos db', 'event hubs', 'blobs'])
    it(`keep views equal to the logs when ${name} dies under load and everything is restarted`, async () => {
      const promised = await underLoad(shops(), name, async () => {
        const before = await eventCount(system.log)
        await until(
          '50 events',
          () => eventCount(system.log),
          (count) => count > before + 50,
        )
        system.part(name).kill('SIGKILL')
        await system.part(name).exited
        await system.stop()
        await system.startCloud()
        for (const [group] of GROUPS) await startHost(group)
      })
      await assertEqualToLogs(shops(), logs(), promised)
    })
})

async function undecided(system: System): Promise<number> {
  const orders = foldRawLog(await readRawLog(system.log)).orders
  return [...orders.values()].filter(({ status }) => status === 'placed').length
}
