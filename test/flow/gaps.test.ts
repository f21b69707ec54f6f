import assert from 'node:assert/strict'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { after, afterEach, before, describe, it } from 'node:test'
import type { CheckpointStore } from '@azure/event-hubs'
import { PROGRESS } from '../../src/core/service.ts'
import { Command } from '../support/command.ts'
import { OwnCheckpoints, TestHub } from '../support/hubs.ts'
import { assertEqualToLogs } from '../support/load.ts'
import { placeBody } from '../support/orders.ts'
import { System } from '../support/system.ts'
import { until } from '../support/wait.ts'

const SERVICES = ['ordering', 'inventory', 'payments', 'shipping'] as const
const READ_FROM_HUB = /^.*nobody is known to have handled \d+ to \d+, so they are read from the hub.*$/gm
const MISSING =
  /^.*events-missing: (.*) The last that was handled is \d+ of (\S+)\. Publish .*: npm run republish -- ordering --since (\S+)$/gm
const ALL = [0, 1, 2, 3, 4, 5, 6, 7]
/** The partitions of what is placed while all consumers are away. */
const UNREAD = [0, 1, 2]
/** So that a partition that stands still is seen within seconds. */
const SOON = { TIDEMARK_LAG_CHECK_S: '1' }

// The children of the cloud inherit it: events expire on request.
process.env.TIDEMARK_EVENTHUBS_CONTROL_PORT = '0'

describe('what no batch brings', () => {
  let system: System
  let hub: TestHub
  /** What the hosts of a test printed. */
  let output = ''
  let tests = 0
  const positions = new Set<string>()

  before(async () => {
    system = await System.cloudAlone()
    hub = new TestHub(system, 'ordering')
    await startAll()
    for (const { sku } of placeBody.lines)
      await system.clientOf('inventory').post(`/stock/${sku}/receive`, { quantity: 10_000 }, {})
    // From here on every consumer is known to have come somewhere in every partition.
    await place(ALL.flatMap((partition) => hub.idsIn(partition, 1, 'first')))
    await assertAllEqual()
    await stopHosts()
  })
  afterEach(async () => {
    await stopHosts()
    output = ''
    tests += 1
  })
  after(() => system.remove())

  const start = (env: Record<string, string>, port?: number) =>
    system.startHost({
      preload: { env },
      onOutput: (text) => {
        output += text
        process.stdout.write(text)
      },
      ...(port === undefined ? {} : { port }),
    })
  const startAll = (env: Record<string, string> = {}) => start(env)
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

  /** Orders that are placed and published while all consumers are away. One of them is cancelled: nothing comes after that. */
  async function placeUnread(name: string): Promise<void> {
    await stopHosts()
    await start({ TIDEMARK_FUNCTIONS_MAIN: 'test/support/relay-functions.ts' })
    const sent = await hub.sent()
    await place([...hub.idsIn(0, 2, name), ...hub.idsIn(1, 1, name), ...hub.idsIn(2, 1, name)])
    await cancel(hub.idsIn(2, 1, name)[0] ?? '')
    await until('the hub to have them', async () => (await hub.sent()) >= sent + 5)
    await stopHosts()
  }

  async function assertAllEqual(): Promise<void> {
    const of = <Thing>(make: (service: (typeof SERVICES)[number]) => Thing) => ({
      ordering: make('ordering'),
      inventory: make('inventory'),
      payments: make('payments'),
      shipping: make('shipping'),
    })
    const clients = of((service) => system.clientOf(service))
    const logs = of((service) => system.logOf(service))
    await assertEqualToLogs(clients, logs, { positions, surprises: [] })
  }

  /** Waits until a consumer has printed a line about each of some partitions, or about any. @returns its lines. */
  async function saidOf(
    consumer: string,
    line: RegExp,
    partitions: readonly number[] = [],
  ): Promise<readonly string[]> {
    const its = (): readonly string[] =>
      [...output.matchAll(line)].map(([text]) => text).filter((text) => text.includes(`${consumer}: partition `))
    const isOf = (partition: number) => (text: string) => text.includes(`partition ${partition} of ordering`)
    return until(
      `${consumer} to say it`,
      its,
      (lines) => lines.length > 0 && partitions.every((partition) => lines.some(isOf(partition))),
    )
  }

  for (const [when, env] of [
    ['a batch comes after them', {}],
    ['no batch comes', SOON],
  ] as const)
    it(`a checkpoint is moved ahead: the events before it are handled all the same when ${when}`, async () => {
      await placeUnread(`moved-${tests}`)
      for (const group of hub.groups) await hub.moveCheckpoints(group)
      await startAll(env)
      if (env !== SOON) await place(UNREAD.flatMap((partition) => hub.idsIn(partition, 1, `after-${tests}`)))
      await saidOf('ordering-views', READ_FROM_HUB, UNREAD)
      await saidOf('inventory-reactions-ordering', READ_FROM_HUB, UNREAD)
      await assertAllEqual()
    })

  for (const [whose, storeOf] of [
    ['of its own', () => new OwnCheckpoints()],
    ['of the host itself', () => hub.checkpoints()],
  ] as const)
    it(`another program reads in the consumer groups for a while, with checkpoints ${whose}: nothing is lost`, async () => {
      await startAll(SOON)
      const stop = await Promise.all(
        ['ordering-views', 'inventory-reactions'].map((group) => readInGroup(group, storeOf())),
      )
      for (let n = 0; n < 4; n += 1) {
        await place(ALL.flatMap((partition) => hub.idsIn(partition, 1, `other-${tests}-${n}`)))
      }
      await Promise.all(stop.map((end) => end()))
      if (whose !== 'of its own')
        for (const consumer of ['ordering-views', 'inventory-reactions-ordering']) await saidOf(consumer, READ_FROM_HUB)
      await assertAllEqual()
    })

  /** @returns once it has begun to read: what ends it, once it has received something. */
  async function readInGroup(group: string, store: CheckpointStore): Promise<() => Promise<void>> {
    let received = 0
    let begun = false
    const client = hub.consumer(group, store)
    client.subscribe({
      async processInitialize() {
        begun = true
      },
      async processEvents(events, context) {
        const last = events.at(-1)
        if (!last) return
        received += events.length
        await context.updateCheckpoint(last)
      },
      async processError() {},
    })
    await until('it to read', () => begun)
    return async () => {
      await until('it to receive some', () => received > 0)
      await client.close()
    }
  }

  it('the progress container loses all its items: nothing is lost or doubled, and nothing is said to be', async () => {
    const lose = async (): Promise<void> => {
      for (const service of SERVICES) {
        const { items } = system.containerOf(service, PROGRESS)
        const { resources } = await items.readAll<{ id: string; pk: string }>().fetchAll()
        assert.ok(resources.length > 0, service)
        for (const { id, pk } of resources) await system.containerOf(service, PROGRESS).item(id, pk).delete()
      }
    }
    await lose()
    await startAll()
    await place(hub.idsIn(3, 2, 'lost'))
    await assertAllEqual()
    await until('the progress to be there again', async () =>
      lose()
        .then(() => true)
        .catch(() => false),
    )
    // They come somewhere in every partition, as what follows takes for granted.
    await place(ALL.flatMap((partition) => hub.idsIn(partition, 1, 'lost-again')))
    await assertAllEqual()
    assert.doesNotMatch(output, MISSING)
  })

  it('events expired unread: it says so with the time, and to publish again from then on mends it, without a restart', async () => {
    await placeUnread('expired')
    await hub.expire()
    await startAll(SOON)
    const lines = [
      ...(await saidOf('ordering-views', MISSING, UNREAD)),
      ...(await saidOf('inventory-reactions-ordering', MISSING, UNREAD)),
    ]
    assert.equal(lines.length, 6, 'one line for each partition')
    await republish('--since', lines.map((line) => /--since (\S+)$/.exec(line)?.[1] ?? '').toSorted()[0] ?? '')
    await assertAllEqual()
  })

  it('the hub is made anew: it says so, and to publish all again fulfils every order', async () => {
    await placeUnread('anew')
    await system.stop()
    await rm(join(system.dataDir, 'eventhubs/hubs/ordering'), { recursive: true })
    await system.startCloud()
    await startAll(SOON)
    await place(UNREAD.flatMap((partition) => hub.idsIn(partition, 1, 'after-anew')))
    await saidOf('ordering-views', MISSING, UNREAD)
    await saidOf('inventory-reactions-ordering', MISSING, UNREAD)
    assert.match(output, /events-missing: the hub was made anew/)
    await republish()
    await assertAllEqual()
  })

  async function republish(...args: readonly string[]): Promise<void> {
    const { cosmos, eventHubs } = system.ports
    const { code, output: said } = await new Command('cli/republish.ts', ['ordering', ...args], {
      TIDEMARK_COSMOS_PORT: String(cosmos),
      TIDEMARK_EVENTHUBS_PORT: String(eventHubs),
    }).ended
    assert.equal(code, 0, said)
    assert.match(said, /^published +[1-9]\d* events of ordering/m)
  }
})
