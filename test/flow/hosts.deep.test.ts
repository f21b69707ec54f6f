import assert from 'node:assert/strict'
import { after, afterEach, before, beforeEach, describe, it } from 'node:test'
import { EventHubProducerClient } from '@azure/event-hubs'
import type { Child } from '../../packages/kit/child.ts'
import { leaseClaims, partitionClaims } from '../../packages/test-support/claims.ts'
import { until, WAIT_MS } from '../../packages/test-support/wait.ts'
import { assertEqualToLogs, eventCount, type Shops, underLoad } from '../support/load.ts'
import { runningTopology, System } from '../support/system.ts'

const groups = runningTopology.eventHubs.flatMap(({ name, partitions, consumerGroups }) =>
  consumerGroups.map((group) => ({ name: `${name}/${group}`, partitions })),
)

describe('two hosts on one cloud', () => {
  let system: System
  let first: Child
  /** The owner ids in the claims and leases of the first host. */
  let firsts: Set<string>

  before(async () => {
    system = await System.start({ soon: true })
    await system.host.stop()
  })
  after(() => system.remove())

  // The first host has every partition and every lease before another starts.
  beforeEach(async () => {
    first = await system.startHost()
    await until('the first host to have everything', async () => (await isSharedBy(1)) && (await isLeased()))
    firsts = new Set([...(await owners()), ...(await lessees())])
  })
  afterEach(() => Promise.all(system.hosts.map((host) => host.stop())).then(() => undefined))

  it('keep views equal to the log when one is killed and the other takes over everything', async () => {
    const second = await startSecond()
    const shops = shopsAt(second)
    const promised = await underLoad(shops, 'killed', async () => {
      await someEvents()
      first.kill('SIGKILL')
      await first.exited
      await until(
        'the second host to have every partition',
        async () => (await isSharedBy(1)) && !(await firstHasAny()),
      )
      await until('the second host to have every lease', async () =>
        (await lessees()).every((owner) => !isFirst(owner)),
      )
      await someEvents()
    })
    assert.ok(await isLeased())
    await assertEqualToLogs(shops, logs(), promised)
  })

  it('keep views equal to the log when one stops and releases its partitions and leases at once', async () => {
    const second = await startSecond()
    const shops = shopsAt(second)
    const promised = await underLoad(shops, 'stopped', async () => {
      await someEvents()
      assert.ok((await lessees()).every(isFirst))
      await first.stop(WAIT_MS)
      assert.equal(await firstHasAny(), false)
      assert.ok(!(await lessees()).some(isFirst))
      await until('the second host to have everything', async () => (await isSharedBy(1)) && (await isLeased()))
      await someEvents()
    })
    await assertEqualToLogs(shops, logs(), promised)
  })

  it('share the partitions once the second joins under load, while one relay sends each event once', async () => {
    const [sent, events] = [await sentCount(), await eventCount(system.log)]
    const promised = await underLoad(shopsAt(first), 'joined', async () => {
      await someEvents()
      await startSecond()
      await someEvents()
      assert.ok((await lessees()).every(isFirst))
    })
    await assertEqualToLogs(shopsAt(first), logs(), promised)
    assert.ok((await lessees()).every(isFirst))
    assert.equal((await sentCount()) - sent, (await eventCount(system.log)) - events)
  })

  const shopsAt = (host: Child): Shops => ({
    ordering: system.createClient('ordering', host),
    inventory: system.createClient('inventory', host),
    payments: system.createClient('payments', host),
    shipping: system.createClient('shipping', host),
  })
  const logs = () => ({
    ordering: system.openLog('ordering'),
    inventory: system.openLog('inventory'),
    payments: system.openLog('payments'),
    shipping: system.openLog('shipping'),
  })

  async function startSecond(): Promise<Child> {
    const second = await system.startHost()
    await until('two hosts with half of the partitions each', () => isSharedBy(2))
    return second
  }

  async function someEvents(): Promise<void> {
    const before = await eventCount(system.log)
    await until(
      'forty more events',
      () => eventCount(system.log),
      (count) => count > before + 40,
    )
  }

  /** The number of messages that were ever sent to ordering's hub. */
  async function sentCount(): Promise<number> {
    const hub = new EventHubProducerClient(system.settings.EventHubConnection ?? '', 'ordering')
    try {
      const partitions = await hub.getPartitionIds()
      const properties = await Promise.all(partitions.map((partition) => hub.getPartitionProperties(partition)))
      return properties.reduce((sum, { lastEnqueuedSequenceNumber }) => sum + lastEnqueuedSequenceNumber + 1, 0)
    } finally {
      await hub.close()
    }
  }

  const claims = () => partitionClaims(system.claims)

  async function owners(): Promise<string[]> {
    return (await claims()).map(({ owner }) => owner)
  }

  /** Whether `count` owners have equally many partitions in every consumer group, and no partition is free. */
  async function isSharedBy(count: number): Promise<boolean> {
    const byGroup = Map.groupBy(await claims(), ({ group }) => group)
    return groups.every(({ name, partitions }) => {
      const byOwner = Map.groupBy(byGroup.get(name) ?? [], ({ owner }) => owner)
      return (
        !byOwner.has('') &&
        byOwner.size === count &&
        [...byOwner.values()].every(({ length }) => length === partitions / count)
      )
    })
  }

  /** The owner of each of the relays' leases; empty if it is free. */
  async function lessees(): Promise<string[]> {
    const containers = runningTopology.databases.map(({ name }) => system.openContainer(name, 'leases'))
    return (await Promise.all(containers.map(leaseClaims))).flat().map(({ owner }) => owner)
  }

  /** Whether every relay's lease exists and has an owner. */
  async function isLeased(): Promise<boolean> {
    const found = await lessees()
    return found.length === runningTopology.databases.length && found.every((owner) => owner !== '')
  }

  const isFirst = (owner: string): boolean => firsts.has(owner)

  async function firstHasAny(): Promise<boolean> {
    return (await owners()).some(isFirst)
  }
})
