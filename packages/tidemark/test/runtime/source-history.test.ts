import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { DocumentAt, LogPart } from '../../core/operations.ts'
import type { Clock } from '../../core/ports.ts'
import { formatPosition } from '../../core/stream.ts'
import { documentAt } from '../../runtime/document-at.ts'
import { readSources } from '../../runtime/read-log.ts'
import { viewAt } from '../../runtime/view-at.ts'
import { trail } from '../domain/trails.ts'
import { balanced, closed, noted, TrailWorld } from '../support/trail-world.ts'

const FUTURE = '2027-01-01T00:00:00.000Z'
const keys = ['1', '2', '3', '4']

/** Every part of an answer ends after its first page. */
function parting(): Pick<Clock, 'elapsed'> {
  let milliseconds = 0
  return {
    elapsed() {
      milliseconds += 60_000
      return milliseconds
    },
  }
}

async function whole(world: TrailWorld, key: string, at?: string) {
  const deps = world.historyDeps(parting())
  let part: DocumentAt | undefined
  for (let parts = 1; parts === 1 || part?.continuation !== undefined; parts += 1) {
    assert.ok(parts < 100)
    const { continuation } = part ?? {}
    part = await documentAt(deps, trail, { key, ...(at ? { at } : {}), ...(continuation ? { continuation } : {}) })
  }
  return { document: part?.items[0]?.document, events: part?.events }
}

describe('the past of a view over two services', () => {
  it('is complete up to now, each event once, in however many parts it is read', async () => {
    const world = await TrailWorld.lived()
    // The archive has again what the hub still has.
    await world.shop.fillArchive()
    const newest = await world.shop.record('order-2', noted('2'), closed('2'))
    world.shop.publish(...newest, ...newest)
    await world.deliver('shop', ...newest)
    let compared = 0
    for (const key of [...keys, 'nothing']) {
      const live = await world.document(key)
      assert.deepEqual(await whole(world, key), { document: live, events: live?.events ?? 0 })
      compared += live === undefined ? 0 : 1
    }
    assert.equal(compared, keys.length)
    const query = { at: FUTURE, limit: 100, maxEvents: 11 }
    const { items, events } = await viewAt(world.historyDeps(), trail, query)
    const lives = await Promise.all(keys.map(async (key) => ({ key, document: await world.document(key) })))
    assert.deepEqual([items, events], [lives, 7])
    await assert.rejects(viewAt(world.historyDeps(), trail, { ...query, maxEvents: 10 }), { code: 'log-too-long' })
    assert.ok(world.opened > 0)
    assert.equal(world.shop.hub.closed + world.books.hub.closed, world.opened)
  })

  it('is as of its moment, although a hub has later events', async () => {
    const world = await TrailWorld.lived()
    const at = world.clock.now()
    await world.clock.wait(1_000)
    const before = await world.document('3')
    const later = await world.shop.record('order-3', closed('3'))
    world.shop.publish(...later)
    await world.deliver('shop', ...later)
    assert.deepEqual((await whole(world, '3', at)).document, before)
    assert.notDeepEqual((await whole(world, '3')).document, before)
    const { items } = await viewAt(world.historyDeps(), trail, { at, limit: 100, maxEvents: 100 })
    assert.deepEqual(items.find(({ key }) => key === '3')?.document, before)
  })

  it('is not told without an event that is in neither a hub nor an archive', async () => {
    const world = await TrailWorld.lived()
    const [lost, next] = await world.shop.record('order-1', closed('1'), closed('1'))
    assert.ok(lost && next)
    world.shop.publish(next)
    const refused = {
      code: 'unavailable',
      message: /^shop\/order-1@4 came after version 2: .* not in the archive yet$/,
    }
    await assert.rejects(whole(world, '1'), refused)
    await assert.rejects(viewAt(world.historyDeps(), trail, { at: FUTURE, limit: 1, maxEvents: 100 }), refused)
    await world.shop.fillArchive()
    assert.equal((await whole(world, '1')).events, 4)
  })

  it('is read for a what-if with all places, and the content that the view may see', async () => {
    const world = await TrailWorld.lived()
    const read = async (continuation?: string): Promise<LogPart> => {
      const parts: LogPart[] = []
      for (let part: LogPart | undefined; part === undefined || part.more; parts.push(part)) {
        const from = part?.continuation ?? continuation
        part = await readSources(world.historyDeps(parting()), trail, {
          limit: 2,
          ...(from ? { continuation: from } : {}),
        })
        assert.ok(part.items.length <= 2 && part.progress.done <= part.progress.total)
      }
      const last = parts.at(-1)
      assert.ok(last)
      return { ...last, items: parts.flatMap(({ items }) => items) }
    }
    const { items, continuation, progress } = await read()
    const places = new Set(items.map(formatPosition))
    assert.deepEqual([places.size, progress], [9, { done: 6, total: 6 }])
    assert.deepEqual(new Set(items.map(({ type }) => type)), new Set(['', 'Placed', 'Closed']))
    assert.doesNotMatch(JSON.stringify(items), /"ada"|private|PlacedBy|published/)
    const more = await world.books.record('order-2', balanced('2'))
    world.books.publish(...more)
    assert.deepEqual((await read(continuation)).items.map(formatPosition), ['books/order-2@1'])
  })
})
