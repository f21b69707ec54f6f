import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { toCloudEvent } from '../../core/cloud-event.ts'
import { type CommandReceipt, type Commit, hashKey, parseCommits, toLogItem } from '../../core/commit.ts'
import { TidemarkError } from '../../core/errors.ts'
import type { RecordedEvent } from '../../core/event.ts'
import { GENESIS, hashEvent } from '../../core/hash-chain.ts'
import type { HubMessage, ItemFeed, ItemPage, ItemWriter } from '../../core/ports.ts'
import { MemoryArchive } from '../../memory/archive.ts'
import { MemoryItemIndex } from '../../memory/item-index.ts'
import { ArchiveWriter, readArchive } from '../../runtime/archive.ts'
import { planRestore, type RestoreDependencies, type RestoreWatch, restore } from '../../runtime/restore.ts'
import { placedV1 } from '../domain/orders.ts'
import { commit, receipt } from '../support/commits.ts'
import { recordedTogether } from '../support/recorded.ts'

const SERVICE = 'ordering'
const TIME = '2026-01-01T00:00:00.000Z'
const QUIET: RestoreWatch = { progress: () => {} }

type Item = Record<string, unknown>

/** A log's container: its items by identity, and its change feed, whose continuations only it accepts. */
class Container implements ItemFeed, ItemWriter {
  readonly rid: string
  readonly feed: Item[] = []
  /** Items that a query finds and the change feed does not return. */
  outsideFeed = 0
  /** Called before each item is created. */
  beforeCreate = (): void => {}

  constructor(rid: string, items: readonly Item[] = []) {
    this.rid = rid
    this.feed.push(...items)
  }

  open(continuation = `${this.rid} 0`) {
    const [rid, place] = continuation.split(' ')
    let next = Number(place)
    const read = async (): Promise<ItemPage> => {
      if (rid !== this.rid) throw new TidemarkError('archive-broken', 'it continues another log')
      const items = this.feed.slice(next, next + 2)
      next += items.length
      return {
        items: items.map((item) => ({ ...item, _ts: 1_800_000_000 })),
        continuation: `${rid} ${next}`,
        atEnd: items.length === 0,
        ...(items.length === 0 ? {} : { written: { oldest: TIME, newest: TIME } }),
      }
    }
    return { next: read }
  }

  async create(items: readonly object[]): Promise<readonly object[]> {
    const others: object[] = []
    for (const item of items as readonly Item[]) {
      this.beforeCreate()
      const found = this.feed.find(({ stream, id }) => stream === item.stream && id === item.id)
      if (found === undefined) this.feed.push(item)
      else if (JSON.stringify(found) !== JSON.stringify(item)) others.push(item)
      await Promise.resolve()
    }
    return others
  }

  async count(): Promise<number> {
    return this.feed.length + this.outsideFeed
  }

  /** The items of each stream, in the order in which the feed has them. */
  streams(): Record<string, readonly string[]> {
    const sorted = this.feed.toSorted((a, b) => (String(a.stream) < String(b.stream) ? -1 : 1))
    return Object.fromEntries(
      Object.entries(Object.groupBy(sorted, ({ stream }) => String(stream))).map(([stream, items = []]) => [
        stream,
        items.map((item) => JSON.stringify(item)),
      ]),
    )
  }
}

const asItem = (entry: Commit | CommandReceipt): Item => ({ ...toLogItem(entry) })

/** What led to the events of an order: from the fourth on, a client's command with two of them, and a reaction's. */
const CAUSATIONS = ['command:1', 'command:2', 'command:3', 'command:both', 'command:both', 'payment-1@2']

/** The first events of an order, as `makeItems` has three of them. */
function listOrder(stream: string, count: number): readonly RecordedEvent[] {
  const more = { type: 'OrderConfirmed', data: { orderId: '1' } }
  let previousHash = GENESIS
  return recordedTogether(stream, placedV1, ...Array(count - 1).fill(more)).map((event, index) => {
    const changed = { ...event, causation: CAUSATIONS[index] ?? '', previousHash }
    previousHash = hashEvent(changed)
    return { ...changed, hash: previousHash }
  })
}

/** Streams of three commits, a receipt each, and an item that something else wrote. */
function makeItems(streams = 3, from = 1): Item[] {
  const items: Item[] = []
  for (let number = from; number < from + streams; number += 1) {
    const stream = `order-${number}`
    for (const event of listOrder(stream, 3)) items.push(asItem(commit(`${stream}@${event.version}`, [event])))
    items.push(asItem(receipt(stream, `${stream} idle`, 3)))
  }
  return [...items, { id: `foreign ${from}`, anything: from }]
}

/** An archived log, and what a restore works on. */
class Ground {
  readonly archive = new MemoryArchive()
  readonly all: readonly Item[]
  log: Container
  leases = 2
  messages: HubMessage[] = []
  isHubLost = false
  age = 1_000

  private constructor(all: readonly Item[]) {
    this.all = all
    this.log = new Container('old', all)
  }

  static async create(): Promise<Ground> {
    const ground = new Ground(makeItems())
    await ground.archived()
    assert.equal(ground.archive.segments.size, 4)
    return ground
  }

  async archived(): Promise<void> {
    const deps = { service: SERVICE, archive: this.archive, feed: this.log, clock: { elapsed: () => 0 } }
    await new ArchiveWriter({ ...deps, full: { items: 4, bytes: 1_000_000 } }).write(1)
  }

  get deps(): RestoreDependencies {
    return {
      service: SERVICE,
      archive: this.archive,
      feed: this.log,
      items: this.log,
      leases: {
        count: async () => this.leases,
        clear: async () => {
          this.leases = 0
        },
      },
      progress: () => [
        {
          read: async () => [
            { ...{ instance: 'i-1', build: 'b', handlers: [], paused: [] }, partitions: new Map(), age: this.age },
          ],
        },
      ],
      hub: () => ({
        partitions: async () => ['0'],
        bounds: async () => {
          if (this.isHubLost) throw new Error('it is gone')
          return { first: 0, last: this.messages.length - 1 }
        },
        read: (_partition, first, last) => this.#read(first, last),
      }),
    }
  }

  async *#read(first: number, last: number): AsyncIterable<readonly HubMessage[]> {
    yield this.messages.slice(first, last + 1)
  }

  async plan(stopped = false) {
    return planRestore(this.deps, new MemoryItemIndex(), { stopped }, QUIET)
  }

  async restore(fromHub = false) {
    const index = new MemoryItemIndex()
    return restore(this.deps, index, await planRestore(this.deps, index, { stopped: false, fromHub }, QUIET), QUIET)
  }

  publish(...bodies: readonly unknown[]): void {
    this.messages = bodies.map((body, sequence) => ({ body, sequence, time: TIME }))
  }

  async lines(): Promise<readonly string[]> {
    const lines: string[] = []
    for await (const segment of readArchive(SERVICE, this.archive)) lines.push(...segment.lines.map(String))
    return lines
  }
}

const original = (ground: Ground) => new Container('any', ground.all).streams()

describe('a restore refuses', () => {
  const refused = async (ground: Ground, code: string, message: RegExp): Promise<void> => {
    const before = ground.log.streams()
    await assert.rejects(ground.restore(), { code, message })
    assert.equal((await ground.plan()).refusal?.code, code)
    assert.deepEqual([ground.log.streams(), ground.leases, ground.archive.segments.size], [before, 2, 4])
  }

  it('a log that has an item otherwise, and names it', async () => {
    const ground = await Ground.create()
    const [first, ...rest] = ground.all
    ground.log = new Container('new', [{ ...first, fingerprint: 'another' }, ...rest.slice(0, 2)])
    await refused(ground, 'restore-conflict', /^the log of ordering has other content than its archive at order-1@1: /)
  })

  it('a log whose change feed lacks items', async () => {
    const ground = await Ground.create()
    ground.log = new Container('new', ground.all.slice(0, 5))
    ground.log.outsideFeed = 2
    await refused(ground, 'restore-unsafe', /^2 items of the log of ordering are not in its change feed/)
  })

  it('while an instance runs, unless it is told that none does', async () => {
    const ground = await Ground.create()
    ground.log = new Container('new')
    ground.age = 30
    await refused(ground, 'restore-unsafe', /^an instance of ordering ran in the last 150 seconds: i-1\. Stop the app/)
    assert.equal((await ground.plan(true)).refusal, undefined)
  })

  it('to go on if a command writes the same version meanwhile', async () => {
    const ground = await Ground.create()
    ground.log = new Container('new')
    let created = 0
    ground.log.beforeCreate = () => {
      created += 1
      const last = ground.all.find(({ id, stream }) => id === '0000000000000003' && stream === 'order-3')
      if (created === 2) ground.log.feed.push({ ...last, fingerprint: 'another' })
    }
    await assert.rejects(ground.restore(), { code: 'restore-conflict', message: /order-3@3/ })
    assert.equal(ground.archive.segments.size, 4)
  })

  it('to go on if the log grows meanwhile', async () => {
    const ground = await Ground.create()
    ground.log = new Container('new')
    ground.log.beforeCreate = () => {
      ground.log.beforeCreate = () => {}
      ground.log.feed.push(...makeItems(1, 9))
    }
    await assert.rejects(ground.restore(), { code: 'restore-unsafe', message: /grew while it was restored/ })
    assert.equal(ground.archive.segments.size, 4)
  })

  for (const [code, change] of [
    ['archive-gap', (archive: MemoryArchive) => archive.segments.delete(2)],
    ['archive-unreadable', (archive: MemoryArchive) => archive.segments.set(3, new Uint8Array(3))],
  ] as const)
    it(`an archive that is not whole: ${code}`, async () => {
      const ground = await Ground.create()
      ground.log = new Container('new')
      change(ground.archive)
      await assert.rejects(ground.restore(), { code })
      assert.equal(ground.log.feed.length, 0)
    })
})

describe('a restore', () => {
  it('plans, and writes nothing', async () => {
    const ground = await Ground.create()
    ground.log = new Container('new', [...ground.all.slice(0, 5), ...makeItems(1, 9)])
    const { archive, log, leases, running } = await ground.plan()
    assert.deepEqual(archive, { segments: 4, items: 13, newest: TIME, goesOn: false })
    const none = { conflicts: 0, conflicting: [], outsideFeed: 0 }
    assert.deepEqual(log, { equal: 5, missing: 8, beyond: 5, ...none })
    assert.deepEqual([leases, running, ground.log.feed.length, ground.archive.segments.size], [2, [], 10, 4])
  })

  it('creates every item as it was, in order, and a second one has nothing to do', async () => {
    const ground = await Ground.create()
    ground.log = new Container('new')
    assert.deepEqual(await ground.restore(), { written: 13, fromHub: 0, segments: 1, leases: 2 })
    assert.deepEqual(ground.log.streams(), original(ground))
    assert.deepEqual(await ground.restore(), { written: 0, fromHub: 0, segments: 0, leases: 0 })
    assert.equal(ground.archive.segments.size, 5)
  })

  it('keeps what only the log has, and the archive goes on after it with each item once', async () => {
    const ground = await Ground.create()
    const newer = makeItems(1, 9)
    ground.log = new Container('new', [...ground.all.slice(0, 6), ...newer])
    assert.deepEqual(await ground.restore(), { written: 7, fromHub: 0, segments: 1, leases: 2 })
    const newest = makeItems(1, 10)
    ground.log.feed.push(...newest)
    await ground.archived()
    const expected = [...ground.all, ...newer, ...newest].map((item) => JSON.stringify({ ...item, _ts: 1_800_000_000 }))
    assert.deepEqual(await ground.lines(), expected)
  })

  it('lets the archive of a log go on that keeps its resource id although its feed begins again', async () => {
    const ground = await Ground.create()
    // As Cosmos DB restores a container: the old continuation is accepted, and is further than the new feed.
    ground.log = new Container('old', ground.all.slice(3))
    await ground.restore()
    ground.log.feed.push(...makeItems(1, 9))
    await ground.archived()
    const lines = new Set((await ground.lines()).map((line) => String(JSON.parse(line).stream)))
    assert.ok(lines.has('order-9'))
  })

  it('does not believe the record of an earlier restore if archived items come after it', async () => {
    const ground = await Ground.create()
    ground.log = new Container('new')
    await ground.restore()
    // Lost again, and restored by a run that ended before its record.
    ground.log = new Container('new', [...makeItems(1, 9), ...ground.all])
    assert.deepEqual(await ground.restore(), { written: 0, fromHub: 0, segments: 1, leases: 0 })
    await ground.archived()
    const archived = await ground.lines()
    // The first record repeats an item, and the second has what only the log had.
    assert.equal(archived.length, ground.all.length + 1 + makeItems(1, 9).length)
  })

  it('names what followers saw and neither the log nor the archive has', async () => {
    const ground = await Ground.create()
    ground.log = new Container('new')
    const bodies = [{ subject: 'order-1', streamversion: 3 }, { subject: 'order-1', streamversion: 4 }, 'stranger']
    ground.publish(...bodies)
    assert.deepEqual((await ground.plan()).hub, { messages: 3, lost: 1, first: ['order-1@4'], whole: 0 })
  })

  it('creates events that only the hub has, if it is told to, and the archive goes on with them', async () => {
    const ground = await Ground.create()
    const events = [...listOrder('order-1', 6), ...listOrder('order-8', 2)]
    // Published again, and not in order.
    ground.publish(...[...events, ...events.slice(2)].toReversed().map(toCloudEvent))
    ground.log = new Container('new', ground.all.slice(0, 6))
    const lost = ['order-1@4', 'order-1@5', 'order-1@6', 'order-8@1', 'order-8@2']
    const { hub, fromHub } = await ground.plan()
    assert.deepEqual([hub.lost, hub.first.toSorted(), hub.whole, fromHub], [5, lost, 5, []])
    assert.deepEqual(await ground.restore(true), { written: 7, fromHub: 4, segments: 1, leases: 2 })
    const restored = parseCommits(ground.log.feed.filter((item) => item.to !== undefined))
    for (const stream of ['order-1', 'order-8'])
      assert.deepEqual(
        restored.filter((commit) => commit.stream === stream).flatMap((commit) => commit.events),
        events.filter((event) => event.stream === stream),
      )
    const created = ground.log.feed
      .slice(-4)
      .toSorted((a, b) => (`${a.stream} ${a.id}` < `${b.stream} ${b.id}` ? -1 : 1))
    const keys = ['both', `restored ${events[5]?.hash}`, '1', '2'].map(hashKey)
    assert.deepEqual(
      created.map(({ from, to, key }) => [from, to, key]),
      [
        [4, 5, keys[0]],
        [6, 6, keys[1]],
        [1, 1, keys[2]],
        [2, 2, keys[3]],
      ],
    )
    assert.deepEqual(await ground.restore(true), { written: 0, fromHub: 0, segments: 0, leases: 0 })
    const newest = makeItems(1, 20)
    ground.log.feed.push(...newest)
    await ground.archived()
    assert.equal((await ground.lines()).length, ground.all.length + created.length + newest.length)
  })

  it('leaves events of the hub that do not continue their stream as whole events, and all after them', async () => {
    const [, , , fourth, fifth, sixth] = listOrder('order-1', 6)
    assert.ok(fourth && fifth && sixth)
    const change = (changed: Partial<RecordedEvent>): RecordedEvent => {
      const event = { ...fifth, ...changed, hash: '' }
      return { ...event, hash: hashEvent(event) }
    }
    const forked = change({ data: { orderId: 'another' } })
    const cases: Readonly<Record<string, readonly object[]>> = {
      'one is missing': [fourth, sixth].map(toCloudEvent),
      'one was changed': [toCloudEvent(fourth), { ...toCloudEvent(fifth), actor: 'another' }, toCloudEvent(sixth)],
      'there are two of one': [fourth, fifth, forked, fifth, sixth].map(toCloudEvent),
      'one follows another': [fourth, forked, sixth].map(toCloudEvent),
      'one is of another service': [fourth, change({ source: '/payments/order' }), sixth].map(toCloudEvent),
      'one has the key of another command': [fourth, change({ actor: 'another' }), sixth].map(toCloudEvent),
    }
    for (const [what, messages] of Object.entries(cases)) {
      const ground = await Ground.create()
      ground.publish(...messages)
      const wholes = what === 'one follows another' ? 2 : 1
      assert.equal((await ground.plan()).hub.whole, wholes, what)
      await ground.restore(true)
      assert.deepEqual((await ground.plan()).hub.first.includes('order-1@6'), true, what)
    }
  })

  it('reads every message of the hub for them, and refuses if it cannot', async () => {
    const ground = await Ground.create()
    const [, , , fourth] = listOrder('order-1', 4)
    assert.ok(fourth)
    ground.publish(toCloudEvent(fourth), ...Array(5_000).fill('newer'))
    assert.equal((await ground.plan()).hub.lost, 0)
    ground.isHubLost = true
    assert.equal((await ground.plan()).refusal, undefined)
    await assert.rejects(ground.restore(true), { code: 'restore-unsafe', message: /cannot be read, .*: it is gone$/ })
    ground.isHubLost = false
    assert.equal((await ground.restore(true)).fromHub, 1)
  })

  it('is exact wherever it ends and begins again, also two at once', async () => {
    let ends = 0
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(12), { maxLength: 4 }), fc.nat(12), async (crashes, kept) => {
        const ground = await Ground.create()
        ground.log = new Container('new', ground.all.slice(0, kept))
        ground.publish(...listOrder('order-2', 5).map(toCloudEvent))
        for (const crash of crashes) {
          let left = crash
          ground.log.beforeCreate = () => {
            if (left === 0) throw new TidemarkError('outcome-unknown', 'no answer')
            left -= 1
          }
          ends += await ground.restore(true).then(
            () => 0,
            () => 1,
          )
        }
        ground.log.beforeCreate = () => {}
        await Promise.all([ground.restore(true), ground.restore(true)])
        const { 'order-2': ending = [], ...streams } = ground.log.streams()
        const { 'order-2': archived = [], ...others } = original(ground)
        assert.deepEqual(streams, others)
        assert.deepEqual(ending.slice(0, archived.length), archived)
        assert.deepEqual(
          ending.slice(archived.length).map((item) => [JSON.parse(item).from, JSON.parse(item).to]),
          [[4, 5]],
        )
        assert.deepEqual(await ground.restore(), { written: 0, fromHub: 0, segments: 0, leases: 0 })
      }),
      { numRuns: 40 },
    )
    console.log(`# ${ends} restores were ended in the middle`)
    assert.ok(ends > 0)
  })
})
