import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { Client } from '../../cli/demo/client.ts'
import { random } from '../../cli/demo/random.ts'
import { foldRawLog } from '../../cli/demo/raw-fold.ts'
import { readRawLog } from '../../cli/demo/reading.ts'
import type { Child } from '../../local/kit/child.ts'
import type { CrashPoint } from '../support/crash.ts'
import { assertEqualToLogs, eventCount, underLoad, until } from '../support/load.ts'
import { placeBody } from '../support/orders.ts'
import { freePort } from '../support/ports.ts'
import { type HostOptions, System } from '../support/system.ts'

const SEED = 7

/** Whose host dies where. An append of inventory is a line of an order reserved, released or declined, or an outcome. */
const crashes: readonly (readonly [service: string, point: CrashPoint])[] = [
  ['ordering', 'after append'],
  ['inventory', 'after append'],
  ['ordering', 'after send, before the lease'],
  ['inventory', 'after send, before the lease'],
  ['inventory', 'before the position of a reaction'],
  ['ordering', 'after a one-stream document'],
  ['inventory', 'after append'],
  ['ordering', 'after the view write, before the position'],
  ['inventory', 'after the position of a reaction'],
  ['ordering', 'after the position, before the checkpoint'],
  ['inventory', 'after a one-stream document'],
  ['inventory', 'after append'],
]
const SERVICES = ['ordering', 'inventory']
// What a killed host held is taken up sooner than by default.
const SOONER = { TIDEMARK_LOADBALANCE_INTERVAL_MS: '1000', TIDEMARK_LOADBALANCE_EXPIRATION_MS: '4000' }

describe('crashes', () => {
  let system: System
  let inventory: Client
  let inventoryPort: number
  const startHost = (service: string, preload?: HostOptions['preload']): Promise<Child> =>
    system.startHost({
      services: [service],
      ...(service === 'inventory' ? { port: inventoryPort } : {}),
      preload: { env: SOONER, ...preload },
    })
  const shops = () => ({ ordering: system.client, inventory })
  const logs = () => ({ ordering: system.logOf('ordering'), inventory: system.logOf('inventory') })
  before(async () => {
    system = await System.start({ services: ['ordering'] })
    inventoryPort = await freePort()
    inventory = new Client(`http://127.0.0.1:${inventoryPort}/api/inventory`)
  })
  after(() => system.remove())

  it('either host dies at every point between two writes: views equal the logs, no order undecided, stock conserved', async () => {
    const log = join(system.dataDir, 'crashes')
    const dice = random(SEED)
    const planned = crashes.map(([service, point]) => ({ service, point, crash: `${point}:${dice.between(2, 20)}` }))
    await system.host.stop()
    const hosts = new Map<string, Child>()
    for (const service of SERVICES) hosts.set(service, await startHost(service))
    const promised = await underLoad(shops(), 'host', async () => {
      for (const { service, crash } of planned) {
        await hosts.get(service)?.stop()
        const env = { TIDEMARK_TEST_CRASH: crash, TIDEMARK_TEST_CRASH_LOG: log, ...SOONER }
        const doomed = await startHost(service, { module: 'test/support/crash.ts', env })
        assert.match(await doomed.exited, /SIGKILL/)
        hosts.set(service, await startHost(service))
      }
    })
    const hit = (await readFile(log, 'utf8')).trim().split('\n')
    console.log(`# killed: ${planned.map(({ service, crash }) => `${service} ${crash}`).join(', ')}`)
    assert.deepEqual(
      hit,
      planned.map(({ point }) => point),
    )
    const decided = await assertEqualToLogs(shops(), logs(), promised)
    for (const outcome of ['confirmed', 'rejected', 'cancelled']) assert.ok((decided.get(outcome) ?? 0) > 0, outcome)
  })

  it('inventory is away for a while: ordering goes on, nothing is lost, and inventory catches up', async () => {
    const away = system.hosts.find(({ address }) => address.endsWith(`:${inventoryPort}`))
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
    it(`the process of ${name} dies under load and everything is started again: views equal the logs`, async () => {
      const promised = await underLoad(shops(), name, async () => {
        const before = await eventCount(system.log)
        await until('50 events', async () => (await eventCount(system.log)) > before + 50)
        system.part(name).kill('SIGKILL')
        await system.part(name).exited
        await system.stop()
        await system.startCloud()
        for (const service of SERVICES) await startHost(service)
      })
      await assertEqualToLogs(shops(), logs(), promised)
    })
})

async function undecided(system: System): Promise<number> {
  const orders = foldRawLog(await readRawLog(system.log)).orders
  return [...orders.values()].filter(({ status }) => status === 'placed').length
}
