import assert from 'node:assert/strict'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, afterEach, before, describe, it } from 'node:test'
import type { CheckpointStore } from '@azure/event-hubs'
import { compose } from 'tidemark/azure-functions'
import { unrefRenewals } from '../../packages/event-hubs/test/sdk-timers.ts'
import type { Child } from '../../packages/kit/child.ts'
import { Command } from '../../packages/test-support/command.ts'
import { until } from '../../packages/test-support/wait.ts'
import { order } from '../../src/ordering/order.ts'
import { ordering } from '../../src/ordering/service.ts'
import { OwnCheckpoints, TestHub } from '../support/hubs.ts'
import { assertEqualToLogs, eventCount } from '../support/load.ts'
import { placeBody, place as placing } from '../support/orders.ts'
import { System } from '../support/system.ts'

/** Orders wait for their payment here. Two more services would double the time of these tests. */
const SERVICES = ['ordering', 'inventory'] as const
const READ_FROM_HUB = /^.*nobody is known to have handled \d+ to \d+, so they are read from the hub.*$/gm
const MISSING =
  /^.*events-missing: (.*) The last handled message is \d+ of (\S+)\. Publish .*: npm run republish -- ordering --since (\S+)$/gm
/** The partitions of the orders that are placed while all consumers are down. */
const UNREAD = [0, 1, 2]
/** Lets a stalled partition be noticed within seconds. */
const SOON = { TIDEMARK_LAG_CHECK_S: '1' }

// Inherited by the children of the cloud, so that events expire on request.
process.env.EVENT_HUBS_EMULATOR_CONTROL_PORT = '0'

describe('events that no batch delivers', () => {
  let system: System
  let hub: TestHub
  let all: readonly number[]
  /** The output of the hosts of a test. */
  let output = ''
  let tests = 0
  const positions = new Set<string>()

  before(async () => {
    unrefRenewals()
    system = await System.cloudAlone({ soon: true })
    hub = new TestHub(system, 'ordering')
    all = hub.partitions
    await start()
    for (const { sku } of placeBody.lines)
      await system.createClient('inventory').post(`/stock/${sku}/receive`, { quantity: 10_000 }, {})
    // From here on every consumer has progress in every partition.
    await place(all.flatMap((partition) => hub.idsIn(partition, 1, 'first')))
    await assertAllEqual()
    await stopHosts()
  })
  afterEach(async () => {
    await stopHosts()
    output = ''
    tests += 1
  })
  after(() => system.remove())

  const start = (env: Record<string, string> = {}, services: readonly string[] = SERVICES) =>
    system.startHost({
      services,
      preload: { env },
      onOutput: (text) => {
        output += text
      },
    })
  const stopHosts = async (): Promise<void> => {
    await Promise.all(system.hosts.map((host) => host.stop()))
  }

  async function place(ids: readonly string[]): Promise<void> {
    for (const id of ids) {
      const { status, body } = await system.client.post(`/orders/${id}/place`, placeBody, { 'idempotency-key': id })
      assert.equal(status, 200, JSON.stringify(body))
      positions.add(String(body.position))
    }
  }

  async function cancel(id: string): Promise<void> {
    const { status, body } = await system.client.post(`/orders/${id}/cancel`, { reason: 'late' }, {})
    assert.equal(status, 200, JSON.stringify(body))
    positions.add(String(body.position))
  }

  /**
   * Orders that are placed and published while all consumers are down. One of them is cancelled, and nothing
   * follows in its partition.
   */
  async function placeUnread(name: string): Promise<void> {
    await stopHosts()
    await start({ FUNCTIONS_HOST_MAIN: 'test/support/relay-functions.ts' })
    const sent = await hub.sent()
    await place([...hub.idsIn(0, 2, name), ...hub.idsIn(1, 1, name), ...hub.idsIn(2, 1, name)])
    await cancel(hub.idsIn(2, 1, name)[0] ?? '')
    await until('the hub to have them', async () => (await hub.sent()) >= sent + 5)
    await stopHosts()
  }

  /** @param host the host to ask; by default the first with the service. */
  async function assertAllEqual(host?: Child): Promise<void> {
    const of = <Thing>(make: (service: (typeof SERVICES)[number]) => Thing) => ({
      ordering: make('ordering'),
      inventory: make('inventory'),
    })
    const clients = of((service) => system.createClient(service, host))
    const logs = of((service) => system.openLog(service))
    await assertEqualToLogs(clients, logs, { positions, surprises: [] })
  }

  /**
   * Waits until a consumer has logged a line about each of the given partitions, or about any. @returns its lines.
   */
  async function waitForLines(
    consumer: string,
    line: RegExp,
    partitions: readonly number[] = [],
  ): Promise<readonly string[]> {
    const its = (): readonly string[] =>
      [...output.matchAll(line)].map(([text]) => text).filter((text) => text.includes(`${consumer}: partition `))
    const isAbout = (partition: number) => (text: string) => text.includes(`partition ${partition} of ordering`)
    return until(
      `${consumer} to say it`,
      its,
      (lines) => lines.length > 0 && partitions.every((partition) => lines.some(isAbout(partition))),
    )
  }

  it('are reported after a hub was recreated, and a republication fulfils every order', async () => {
    await placeUnread('anew')
    await system.stop()
    await rm(join(system.dataDir, 'eventhubs/hubs/ordering'), { recursive: true })
    await system.startCloud()
    await start(SOON)
    await place(UNREAD.flatMap((partition) => hub.idsIn(partition, 1, 'after-anew')))
    await waitForLines('ordering-views', MISSING, UNREAD)
    await waitForLines('inventory-reactions-ordering', MISSING, UNREAD)
    assert.match(output, /events-missing: the hub was recreated/)
    await republish()
    await assertAllEqual()
  })

  for (const [when, env] of [
    ['a batch follows', {}],
    ['no batch follows', SOON],
  ] as const)
    it(`are handled although a checkpoint was moved ahead, when ${when}`, async () => {
      await placeUnread(`moved-${tests}`)
      for (const group of hub.groups) await hub.moveCheckpoints(group)
      await start(env)
      if (env !== SOON) await place(UNREAD.flatMap((partition) => hub.idsIn(partition, 1, `after-${tests}`)))
      await waitForLines('ordering-views', READ_FROM_HUB, UNREAD)
      await waitForLines('inventory-reactions-ordering', READ_FROM_HUB, UNREAD)
      await assertAllEqual()
    })

  const seen = async (startsAt: string): Promise<unknown> =>
    (await system.createClient('inventory').get(`/stock/seen-${startsAt}`)).body.onHand

  it('reach the new reactions of a build that runs beside an old one, in the hub or from now on', async () => {
    const query = "SELECT VALUE COUNT(1) FROM c WHERE c['from'] = 1 AND STARTSWITH(c.stream, 'order-')"
    const orders = async (): Promise<number> =>
      (await system.log.items.query<number>(query).fetchAll()).resources[0] ?? 0
    const before = await orders()
    assert.ok(before > 0)
    await start({}, ['ordering'])
    await start({ ...SOON, FUNCTIONS_HOST_MAIN: 'test/support/added-reactions-functions.ts' }, ['inventory'])
    await place(UNREAD.flatMap((partition) => hub.idsIn(partition, 1, 'added')))
    await until(
      'the new build to have handled its events',
      async () => [await seen('first'), await seen('now')],
      ([first, now]) => first === before + UNREAD.length && now === UNREAD.length,
    )

    const old = await start({}, ['inventory'])
    await until('the old build to have partitions', () =>
      /inventory-reactions-ordering: another reader has taken partition/.test(output),
    )
    const rolling = all.flatMap((partition) => hub.idsIn(partition, 2, 'rolling'))
    await place(rolling)
    const confirmed = async (id: string): Promise<boolean> =>
      (await system.client.get(`/orders/${id}`)).body.status === 'confirmed'
    await until('both builds to have handled them', async () =>
      (await Promise.all(rolling.map(confirmed))).every(Boolean),
    )
    await old.stop()
    await until(
      'the new build to have handled all',
      async () => [await seen('first'), await seen('now')],
      ([first, now]) => first === before + UNREAD.length + 2 * all.length && now === UNREAD.length + 2 * all.length,
    )
    await waitForLines('inventory-reactions-ordering', READ_FROM_HUB)
    await assertAllEqual()
  })
  it('are handled by another owner and change nothing when the stalled one continues with them', async () => {
    const file = join(system.dataDir, 'hold')
    await writeFile(file, '')
    const known = await instances()
    const stalled = await start({ FUNCTIONS_HOST_HOLD: `ordering-views,inventory-reactions-ordering=${file}` })
    const held = UNREAD.flatMap((partition) => hub.idsIn(partition, 1, 'held'))
    await place(held)
    for (const consumer of ['ordering-views', 'inventory-reactions-ordering'])
      await until(
        `${consumer} to be held`,
        () => [...output.matchAll(new RegExp(`${consumer}: is held`, 'g'))].length >= UNREAD.length,
      )
    stalled.kill('SIGSTOP')
    try {
      const owner = await start()
      const { status, body } = await system
        .createClient('ordering', owner)
        .post(`/orders/${held[0]}/cancel`, { reason: 'late' }, {})
      assert.ok(status === 200 || body.code === 'order-confirmed', JSON.stringify(body))
      await assertAllEqual(owner)
      assert.equal((await instances()).difference(known).size, 1)
      await rm(file)
      stalled.kill('SIGCONT')
      await until('the stalled owner to continue', () => [...output.matchAll(/: goes on/g)].length >= 2 * UNREAD.length)
      await stalled.stop()
      assert.equal((await instances()).difference(known).size, 2, 'the stalled owner has handled its batches')
      await assertAllEqual(owner)
    } finally {
      stalled.kill('SIGCONT')
    }
  })

  for (const [whose, storeOf, ownerLevel] of [
    // At a higher owner level, since the host would otherwise attach last and have every partition.
    ['of its own', () => new OwnCheckpoints(), 1],
    ['of the host itself', () => hub.checkpoints(), 0],
  ] as const)
    it(`are not lost to another program in the consumer groups, with checkpoints ${whose}`, async () => {
      await start(SOON)
      const others = ['ordering-views', 'inventory-reactions'].map((group) => readInGroup(group, storeOf(), ownerLevel))
      try {
        await until('the other program to read', () => others.every(({ partitions }) => partitions.size > 0))
        // The host may receive some rounds alone.
        const isIdle = (): boolean => others.some(({ received }) => received === 0)
        for (let n = 0; n < 2 || (n < 50 && isIdle()); n += 1)
          await place(all.flatMap((partition) => hub.idsIn(partition, 1, `other-${tests}-${n}`)))
        assert.equal(isIdle(), false, 'the other program received nothing')
      } finally {
        await Promise.all(others.map(({ client }) => client.close()))
      }
      await assertAllEqual()
      if (whose === 'of its own') return
      for (const consumer of ['ordering-views', 'inventory-reactions-ordering'])
        await waitForLines(consumer, READ_FROM_HUB)
    })

  function readInGroup(group: string, store: CheckpointStore, ownerLevel: number) {
    const reading = { client: hub.consumer(group, store), partitions: new Set<string>(), received: 0 }
    reading.client.subscribe(
      {
        async processInitialize({ partitionId }) {
          reading.partitions.add(partitionId)
        },
        async processEvents(events, context) {
          const last = events.at(-1)
          if (!last) return
          reading.received += events.length
          await context.updateCheckpoint(last)
        },
        async processError() {},
      },
      { ownerLevel },
    )
    return reading
  }

  it('are neither lost nor doubled nor reported when the progress container loses its items', async () => {
    const lose = async (): Promise<void> => {
      for (const service of SERVICES) {
        const { items } = system.openContainer(service, 'progress')
        const { resources } = await items.readAll<{ id: string; pk: string }>().fetchAll()
        assert.ok(resources.length > 0, service)
        for (const { id, pk } of resources) await system.openContainer(service, 'progress').item(id, pk).delete()
      }
    }
    await lose()
    await start()
    await place(hub.idsIn(3, 2, 'lost'))
    await assertAllEqual()
    await until('the progress to be written again', async () =>
      lose()
        .then(() => true)
        .catch(() => false),
    )
    // The next tests need progress in every partition.
    await place(all.flatMap((partition) => hub.idsIn(partition, 1, 'lost-again')))
    await assertAllEqual()
    assert.doesNotMatch(output, MISSING)
  })

  it('are not lost when all checkpoints are deleted, with and without running hosts', async () => {
    await start()
    // Checkpoints of earlier shutdowns.
    assert.ok((await hub.deleteCheckpoints()) > 0)
    await place(all.flatMap((partition) => hub.idsIn(partition, 1, 'checkpoints')))
    await assertAllEqual()
    await placeUnread('no-checkpoints')
    assert.ok((await hub.deleteCheckpoints()) > 0)
    await start()
    await assertAllEqual()
    assert.doesNotMatch(output, MISSING)
  })

  it("are republished without a loss when the relays' leases are deleted, with and without running hosts", async () => {
    const deleteLeases = async (): Promise<void> => {
      for (const service of SERVICES) {
        const leases = system.openContainer(service, 'leases')
        const { resources } = await leases.items.readAll<{ id: string }>().fetchAll()
        assert.ok(resources.length > 0, service)
        for (const { id } of resources) await leases.item(id, id).delete()
      }
    }
    const publishedAgain = async (since: number): Promise<void> => {
      const events = await eventCount(system.log)
      await until(
        'the log to be published again',
        () => hub.sent(),
        (sent) => sent >= since + events,
      )
    }
    await start()
    await place(hub.idsIn(0, 1, 'leases'))
    await assertAllEqual()
    const before = await hub.sent()
    await deleteLeases()
    await publishedAgain(before)
    await place(hub.idsIn(1, 1, 'leases'))
    await assertAllEqual()

    await stopHosts()
    const stopped = await hub.sent()
    await deleteLeases()
    // Recorded while no relay runs.
    const [id = ''] = hub.idsIn(2, 1, 'leases')
    const metadata = { actor: 'tester', correlation: id, causation: `command:${id}` }
    const asked = { stream: `order-${id}`, key: id, receipts: 'unchanged', command: placing, metadata } as const
    const outcome = await compose(ordering, system.settings).command(order, asked)
    assert.ok(outcome.outcome === 'done')
    positions.add(`order-${id}@1`)
    await start()
    await publishedAgain(stopped)
    await assertAllEqual()
  })

  it('are reported with their time after they expired, and republished without a restart', async () => {
    await placeUnread('expired')
    await hub.expire()
    await start(SOON)
    const lines = [
      ...(await waitForLines('ordering-views', MISSING, UNREAD)),
      ...(await waitForLines('inventory-reactions-ordering', MISSING, UNREAD)),
    ]
    assert.equal(lines.length, 6, 'one line for each partition')
    await republish('--since', lines.map((line) => /--since (\S+)$/.exec(line)?.[1] ?? '').toSorted()[0] ?? '')
    await assertAllEqual()
  })

  async function republish(...args: readonly string[]): Promise<void> {
    const { cosmos, eventHubs } = system.ports
    const { code, output: said } = await new Command('packages/cli/republish.ts', ['ordering', ...args], {
      TIDEMARK_COSMOS_PORT: String(cosmos),
      TIDEMARK_EVENTHUBS_PORT: String(eventHubs),
    }).ended
    assert.equal(code, 0, said)
    assert.match(said, /^published +[1-9]\d* events of ordering/m)
  }

  /** The instances with progress for the views of ordering. */
  async function instances(): Promise<Set<string>> {
    const { items } = system.openContainer('ordering', 'progress')
    const { resources } = await items.readAll<{ id: string }>({ partitionKey: 'ordering-views' }).fetchAll()
    return new Set(resources.map(({ id }) => id))
  }
})
