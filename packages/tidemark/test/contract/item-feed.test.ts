import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Container } from '@azure/cosmos'
import { startControlled } from '../../../cosmos/test/controlled-emulator.ts'
import { newContainer } from '../../../cosmos/test/support.ts'
import { EMPTY_STREAM } from '../../core/hash-chain.ts'
import type { ItemReader } from '../../core/ports.ts'
import { CosmosEventFeed } from '../../cosmos/event-feed.ts'
import { CosmosEventStore } from '../../cosmos/event-store.ts'
import { CosmosItemFeed } from '../../cosmos/item-feed.ts'
import { MemoryArchive } from '../../memory/archive.ts'
import { ArchiveWriter, readArchive } from '../../runtime/archive.ts'
import { placedV1 } from '../domain/orders.ts'
import { commit, receipt } from '../support/commits.ts'
import { ManualClock } from '../support/fakes.ts'
import { makeItems } from '../support/log-items.ts'
import { recordedTogether } from '../support/recorded.ts'
import { readRound } from './event-feed-suite.ts'

const confirmed = { type: 'OrderConfirmed', data: { orderId: '1' } }
const LONG = 1_000_000

interface Item {
  readonly id: string
  readonly stream: string
  readonly from?: number
  readonly [name: string]: unknown
}

async function readToEnd(reader: ItemReader): Promise<Item[]> {
  const read: Item[] = []
  for (;;) {
    const { items, atEnd } = await reader.next()
    read.push(...(items as Item[]))
    if (atEnd) return read
  }
}

async function archived(archive: MemoryArchive): Promise<Item[]> {
  const items: Item[] = []
  for await (const { lines } of readArchive('ordering', archive))
    items.push(...lines.map((line) => JSON.parse(line.toString()) as Item))
  return items
}

test('the feed of a log has its items as they are stored, a batch in order, and refuses another log', async (t) => {
  const { target } = await startControlled(t)
  const container = await newContainer(t, target, { partitionKey: '/stream' })
  const log = new CosmosEventStore(container)
  const events = recordedTogether('order-1', placedV1, ...Array.from({ length: 20 }, () => confirmed))
  const commits = events.map((event) => commit(`k${event.version}`, [event]))
  await log.append(EMPTY_STREAM, [receipt('order-1', 'before', 0), ...commits])
  const foreign = { id: 'x', stream: 'order-1', nested: { _etag: 'mine' }, ttl: 5_000 }
  await container.items.create(foreign)

  const feed = new CosmosItemFeed(container)
  const { items, continuation, written } = await feed.open().next()
  assert.ok(written && Date.parse(written.newest) >= Date.parse(written.oldest))
  const byFrom = (items as Item[]).flatMap(({ from }) => from ?? [])
  assert.deepEqual(
    byFrom,
    events.map(({ version }) => version),
  )
  const { _ts, ...stored } = (items as Item[]).find(({ id }) => id === 'x') ?? assert.fail()
  assert.deepEqual([stored, typeof _ts], [foreign, 'number'])
  assert.equal(items.length, 1 + 21 + 1)

  const { id, database } = container
  await container.delete()
  await database.containers.create({ id, partitionKey: '/stream' })
  await assert.rejects(feed.open(continuation).next(), { code: 'archive-broken', message: /deleted and created again/ })
})

test('an archive has every item once and in order while partitions split between and inside segments', async (t) => {
  const { target, call } = await startControlled(t)
  const container = await newContainer(t, target, { partitionKey: '/stream' })
  const split = async (range: string): Promise<void> => {
    const path = `/databases/${container.database.id}/containers/${container.id}/ranges/${range}/split`
    const { status } = await call('POST', path)
    assert.equal(status, 200)
    splits += 1
  }
  let splits = 0
  const log = new CosmosEventStore(container)
  const archive = new MemoryArchive()
  const versions = new Map<string, number>()
  /** Appends one more event to each of 30 streams. */
  const appendAll = async (): Promise<void> => {
    for (let index = 1; index <= 30; index += 1) {
      const stream = `order-${index}`
      const version = (versions.get(stream) ?? 0) + 1
      const events = recordedTogether(stream, placedV1, ...Array.from({ length: version - 1 }, () => confirmed))
      const [before, event] = [events.at(-2), events.at(-1) ?? assert.fail()]
      const head = before ? { version: before.version, hash: before.hash, commit: before.version } : EMPTY_STREAM
      assert.deepEqual(await log.append(head, [commit(`${stream}@${version}`, [event])]), { outcome: 'appended' })
      versions.set(stream, version)
    }
  }
  // Pages of 4 items: several make a segment. A split happens before one of them is read.
  const splitAt = new Map<number, string>()
  let pages = 0
  const cosmos = new CosmosItemFeed(container, 4)
  const feed = {
    open(continuation?: string): ItemReader {
      const reader = cosmos.open(continuation)
      return {
        async next() {
          pages += 1
          const range = splitAt.get(pages)
          if (range !== undefined) await split(range)
          return reader.next()
        },
      }
    },
  }
  const writer = () => {
    const deps = { service: 'ordering', archive, feed, clock: new ManualClock() }
    return new ArchiveWriter({ ...deps, full: { items: 10, bytes: 1_000_000 } })
  }
  const first = writer()
  await appendAll()
  splitAt.set(3, '0') // inside the first segment
  await first.write(LONG)
  await appendAll()
  await split('1') // between two segments; the writer knows the older ranges
  await first.write(LONG)
  await appendAll()
  splitAt.set(pages + 2, '2')
  await writer().write(LONG) // in a new process, which has only the continuation
  await split('3')
  await appendAll()
  await writer().write(LONG)

  const items = await archived(archive)
  const found = items.map(({ stream, from }) => `${stream}@${from}`)
  const expected = [...versions].flatMap(([stream, version]) =>
    Array.from({ length: version }, (_, index) => `${stream}@${index + 1}`),
  )
  assert.deepEqual(found.toSorted(), expected.toSorted())
  for (const [stream, its] of Map.groupBy(items, ({ stream }) => stream))
    assert.deepEqual(
      its.map(({ from }) => from),
      [1, 2, 3, 4],
      stream,
    )
  assert.equal(splits, 4)
  console.log(`# ${items.length} items in ${archive.segments.size} segments over ${splits} splits`)
  assert.deepEqual(await readToEnd(cosmos.open()).then((all) => all.length), 120)
})

/** A container whose change feed answers with these pages, and then with short pages for ever. */
function answering(pages: readonly (readonly object[] | 'not modified')[], ranges: number): Container {
  let next = 0
  const Continuation = Array.from({ length: ranges }, (_, index) => ({ minInclusive: `${index}` }))
  const readNext = async () => {
    const result = pages[next] ?? [{ id: `~${next}`, _ts: next }]
    next += 1
    const continuationToken = JSON.stringify({ next, Continuation })
    return result === 'not modified'
      ? { statusCode: 304, result: [], continuationToken }
      : { statusCode: 200, result, continuationToken }
  }
  return { items: { getChangeFeedIterator: () => ({ readNext }) } } as unknown as Container
}

test('commits of one batch, which the service may return in any order, are put in order of version', async () => {
  const item = (stream: string, from: number) => ({ id: String(from).padStart(10, '0'), stream, from, _ts: 1 })
  const receipt = { id: '~a', stream: 'order-1', _ts: 1 }
  const page = [item('order-1', 3), item('order-2', 1), item('order-1', 1), receipt, item('order-1', 2)]
  const { items } = await new CosmosItemFeed(answering([page], 1)).open().next()
  assert.deepEqual(items, [item('order-1', 1), item('order-2', 1), item('order-1', 2), receipt, item('order-1', 3)])
})

test('a feed that always has something new ends once no partition had a full page', async () => {
  const full = Array.from({ length: 4 }, (_, index) => ({ id: `~${index}`, _ts: index }))
  const reader = new CosmosItemFeed(answering([[full[0] ?? {}], [full[1] ?? {}], full], 3), 4).open()
  const ends: boolean[] = []
  for (let page = 0; page < 8; page += 1) ends.push((await reader.next()).atEnd)
  assert.deepEqual(ends, [false, false, false, false, false, false, true, true])
})

test('a round of the feed of commits ends once no partition had a full page since it began', async () => {
  const [first, ...later] = makeItems('order-1', 'x', 4).map((item) => [item])
  const end = 'not modified'
  const reader = new CosmosEventFeed(answering([first ?? [], end, ...later, end], 2)).open()
  assert.equal((await readRound(reader)).length, 1)
  // One event, and then two in the second commit.
  assert.equal((await readRound(reader)).length, 4)
})
