import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, describe, it } from 'node:test'
import type { Container } from '@azure/cosmos'
import { cosmosEndpoint } from '../../../test-support/cosmos.ts'
import { CosmosItemFeed } from '../../cosmos/item-feed.ts'
import { CosmosItemWriter } from '../../cosmos/item-writer.ts'
import { CosmosRelayLeases } from '../../cosmos/relay-leases.ts'
import { MemoryArchive } from '../../memory/archive.ts'
import { MemoryItemIndex } from '../../memory/item-index.ts'
import { ArchiveWriter } from '../../runtime/archive.ts'
import { planRestore, type RestoreDependencies, restore } from '../../runtime/restore.ts'
import { verifyArchive } from '../../verify/archive.ts'
import { checkProof, createProof } from '../../verify/proof.ts'
import type { Fault } from '../../verify/stream-check.ts'
import { makeItems, makeReceipt } from '../support/log-items.ts'

const { database, stop } = await cosmosEndpoint()
after(stop)

const SERVICE = 'ordering'
/** More than one batch of the service takes. */
const COMMITS = 130

async function createLog(): Promise<Container> {
  const uniqueKeyPolicy = { uniqueKeys: [{ paths: ['/key'] }] }
  return (await database.containers.create({ id: randomUUID(), partitionKey: '/stream', uniqueKeyPolicy })).container
}

/** Creates streams of this many commits, and a receipt in each. */
async function append(container: Container, ...streams: readonly (readonly [stream: string, commits: number])[]) {
  const writer = new CosmosItemWriter(container)
  for (const [stream, commits] of streams)
    await writer.create([...makeItems(stream, 'as it was', commits), makeReceipt(stream, 1)])
}

/** A log with a long stream and two short ones, its archive, and leases. */
class Ground {
  readonly archive = new MemoryArchive()
  readonly log: Container
  readonly leases: Container

  private constructor(log: Container, leases: Container) {
    this.log = log
    this.leases = leases
  }

  static async create(): Promise<Ground> {
    const { container: leases } = await database.containers.create({ id: randomUUID(), partitionKey: '/id' })
    const ground = new Ground(await createLog(), leases)
    await append(ground.log, ['order-1', COMMITS], ['order-2', 2], ['order-3', 1])
    for (const id of ['0', '1']) await leases.items.create({ id, continuation: 'of the log as it was' })
    await ground.archived(ground.log)
    return ground
  }

  async archived(container: Container): Promise<void> {
    const deps = { service: SERVICE, archive: this.archive, feed: new CosmosItemFeed(container, 10) }
    const full = { items: 50, bytes: 2 ** 20 }
    await new ArchiveWriter({ ...deps, clock: { elapsed: () => 0 }, full }).write(1)
  }

  async restore(container: Container) {
    const deps: RestoreDependencies = {
      ...{ service: SERVICE, archive: this.archive, feed: new CosmosItemFeed(container) },
      ...{ items: new CosmosItemWriter(container), leases: new CosmosRelayLeases(this.leases) },
      progress: () => [],
      hub: () => ({
        partitions: async () => [],
        bounds: () => Promise.reject(new Error('there is no partition')),
        read: () => assert.fail('there is no partition'),
      }),
    }
    const index = new MemoryItemIndex()
    const watch = { progress: () => {} }
    return restore(deps, index, await planRestore(deps, index, { stopped: true }, watch), watch)
  }

  async *segments() {
    for (const [number, bytes] of [...this.archive.segments].sort(([a], [b]) => a - b)) yield { number, bytes }
  }

  async verify(log: Container) {
    const faults: Fault[] = []
    const watch = { progress: () => {}, fault: (fault: Fault) => void faults.push(fault) }
    const counted = await verifyArchive({ service: SERVICE, segments: this.segments(), log }, watch)
    assert.deepEqual(faults, [])
    return counted
  }
}

async function readItems(log: Container): Promise<readonly object[]> {
  const { resources } = await log.items.query('SELECT * FROM c ORDER BY c.stream').fetchAll()
  return resources
    .map(({ _rid, _self, _etag, _attachments, _ts, ...item }) => item)
    .toSorted((a, b) => (`${a.stream} ${a.id}` < `${b.stream} ${b.id}` ? -1 : 1))
}

describe('a restore, on the emulator of Cosmos DB,', () => {
  it('refuses a command that another item has taken, and changes nothing', async () => {
    const ground = await Ground.create()
    const fresh = await createLog()
    const [first] = makeItems('order-3', 'as it was', 1)
    assert.ok(first)
    await fresh.items.create({ ...makeReceipt('order-3', 7), id: '~another', key: first.key })
    await assert.rejects(ground.restore(fresh), { code: 'restore-conflict', message: /order-3@1/ })
    const { resources } = await fresh.items.readAll({ partitionKey: 'order-3' }).fetchAll()
    assert.ok(resources.some(({ version }) => version === 7))
    assert.ok(!resources.some(({ to }) => to === 1))
  })

  it('makes a new container equal, with two at once; verify finds nothing, and the archive goes on', async () => {
    const ground = await Ground.create()
    const before = await readItems(ground.log)
    const fresh = await createLog()
    await Promise.all([ground.restore(fresh), ground.restore(fresh)])
    assert.deepEqual(await readItems(fresh), before)
    assert.deepEqual(await ground.restore(fresh), { written: 0, fromHub: 0, segments: 0, leases: 0 })
    assert.deepEqual((await ground.leases.items.readAll().fetchAll()).resources, [])

    await append(fresh, ['order-4', 3])
    await ground.archived(fresh)
    const { archive, log } = await ground.verify(fresh)
    assert.deepEqual([log?.unanchored, log?.events], [0, COMMITS + 6 + 3])
    // The restore record repeats one item.
    assert.equal(archive.items, before.length + 1 + 4)
    const proof = await createProof(ground.segments(), { stream: 'order-2', version: 2 })
    assert.equal(checkProof(JSON.parse(JSON.stringify(proof))).roots.at(-1), archive.root)
  })

  it('completes a log that lacks its newest items, and keeps what the archive lacks', async () => {
    const ground = await Ground.create()
    const { log } = ground
    await append(log, ['order-5', 2])
    const before = await readItems(log)
    for (const { id, stream } of makeItems('order-1', 'as it was', COMMITS).slice(-2))
      await log.item(id, stream).delete()
    assert.deepEqual(await ground.restore(log), { written: 2, fromHub: 0, segments: 1, leases: 2 })
    assert.deepEqual(await readItems(log), before)
    await append(log, ['order-6', 1])
    await ground.archived(log)
    assert.equal((await ground.verify(log)).log?.unanchored, 0)
  })
})
