import assert from 'node:assert/strict'
import { afterEach, describe, it } from 'node:test'
import type { RecordedEvent } from '../../core/event.ts'
import type { HubReader } from '../../core/ports.ts'
import { compare } from '../../runtime/compare.ts'
import { followHistory } from '../../runtime/follow-history.ts'
import {
  buildGeneration,
  promoteIfEqual,
  type RebuildDependencies,
  type RebuildWatch,
  rebuildView,
  rollBack,
} from '../../runtime/rebuild.ts'
import { SourceReader } from '../../runtime/source-reader.ts'
import { POISON, trail, trailFaults } from '../domain/trails.ts'
import { unwatched } from '../support/rebuild-harness.ts'
import { balanced, closed, noted, placed, TrailWorld } from '../support/trail-world.ts'

afterEach(() => {
  trailFaults.isBroken = false
})

async function assertEqualToFirst(world: TrailWorld, generation: number): Promise<void> {
  const stores = { built: world.views.store(trail.name, generation), live: world.views.store(trail.name, 1) }
  const found = await compare(stores, world.clock, () => {})
  assert.deepEqual(found, { compared: 4, changed: 0, added: 0, removed: 0, examples: [] })
}

/** Acts once, when a hub is read for the first time. */
function onFirstRead(world: TrailWorld, act: () => Promise<void>): (service: string) => HubReader {
  let isDue = true
  return (service) => {
    const { hub } = world.source(service)
    return {
      partitions: () => hub.partitions(),
      close: () => hub.close(),
      madeAt: () => hub.madeAt(),
      bounds: (partition) => hub.bounds(partition),
      async *read(partition, from, to) {
        if (isDue) {
          isDue = false
          await act()
        }
        yield* hub.read(partition, from, to)
      },
    }
  }
}

describe('a rebuild of a view over two services', () => {
  it('reads their archives and then their hubs, and never a log', async () => {
    const world = await TrailWorld.lived()
    const seen: { commits: number; total: number } = { commits: 0, total: 0 }
    const watch: RebuildWatch = {
      ...unwatched,
      begin: (_, __, total) => {
        seen.total = total
      },
      read: (commits) => {
        seen.commits = commits
      },
    }
    assert.equal((await rebuildView(world.rebuildDeps(), trail, watch)).live, 2)
    assert.deepEqual(seen, { commits: 6, total: 6 })
    await assertEqualToFirst(world, 2)
    // The cursors are carried over: a repeat has no effect, and the next event follows.
    const [next] = await world.shop.record('order-1', closed('1'))
    assert.ok(next)
    await world.deliver('shop', ...(await everything(world)), next)
    assert.equal((await world.document('1'))?.events, 3)
  })

  it('misses nothing that comes between the archive and the hub, or while it runs', async () => {
    const world = await TrailWorld.lived()
    const live = world.consumer('shop')
    const act = async (): Promise<void> => {
      await world.shop.fillArchive()
      const more = await world.shop.record('order-1', closed('1'))
      world.shop.publish(...more)
      // An instance that knows the old pointer alone writes the live generation.
      await live(...more)
    }
    await rebuildView(world.rebuildDeps(onFirstRead(world, act)), trail, unwatched)
    await assertEqualToFirst(world, 2)
    assert.equal((await world.document('1'))?.events, 3)
  })

  it('goes on where a killed one was', async () => {
    const world = await TrailWorld.lived()
    let offset: string | undefined
    const killed = (): never => {
      throw new Error('killed')
    }
    const watch: RebuildWatch = {
      ...unwatched,
      read: (commits, place) => {
        offset = place
        if (commits === 4) killed()
      },
    }
    await assert.rejects(rebuildView(world.rebuildDeps(), trail, watch), /killed/)
    assert.ok(offset)
    const read: number[] = []
    const { archive } = world.shop
    const readSegment = archive.read.bind(archive)
    archive.read = (number) => {
      read.push(number)
      return readSegment(number)
    }
    const deps = world.rebuildDeps()
    await rebuildView(deps, trail, unwatched, { target: 2, commits: 4, offset })
    await assertEqualToFirst(world, 2)
    // Each once for the count, and then only those after the second.
    assert.deepEqual(read.toSorted(), [1, 2, 3, 3])
  })

  it('is compared, promoted if equal, and rolled back', async () => {
    const world = await TrailWorld.lived()
    const deps = world.rebuildDeps()
    const { comparison, built } = await buildGeneration(deps, trail, unwatched)
    assert.deepEqual([built, comparison.compared, comparison.changed], [2, 4, 0])
    const more = await world.books.record('order-2', balanced('2'))
    world.books.publish(...more)
    await world.deliver('books', ...more)
    assert.equal((await promoteIfEqual(deps, trail, unwatched)).live, 2)
    const last = await world.books.record('order-3', balanced('3'))
    world.books.publish(...last)
    await world.deliver('books', ...last)
    assert.equal((await rollBack(deps, trail, unwatched)).live, 1)
    assert.equal((await world.document('3'))?.balance, 7)
    await assertEqualToFirst(world, 2)
  })

  it('fails with the event that the view cannot apply', async () => {
    const world = await TrailWorld.lived()
    const more = await world.shop.record('order-5', placed('5', POISON))
    world.shop.publish(...more)
    trailFaults.isBroken = true
    await assert.rejects(rebuildView(world.rebuildDeps(), trail, unwatched), {
      code: 'handler-failed',
      message: /trail cannot apply shop\/order-5@1/,
    })
    assert.equal((await world.views.readPointer(trail.name)).pointer.live, 1)
    // Nothing goes on reading the hubs.
    assert.equal(world.shop.hub.closed, 1)
  })

  it('refuses while an instance lives that does not know the view', async () => {
    const world = await TrailWorld.lived()
    const other = { build: 'b', handlers: ['other'], paused: [], partitions: new Map() }
    await world.progress.write({ instance: 'old', ...other })
    await assert.rejects(rebuildView(world.rebuildDeps(), trail, unwatched), { code: 'instance-outdated' })
  })

  it('says which events neither an archive nor a hub has', async () => {
    const world = new TrailWorld()
    const [, last] = await world.shop.record('order-1', placed('1'), closed('1'))
    assert.ok(last)
    world.shop.publish(last)
    await assert.rejects(rebuildView(world.rebuildDeps(), trail, unwatched), {
      code: 'gap-unfilled',
      message: /shop\/order-1: events between 0 and 2/,
    })
  })
})

describe('a reader of services', () => {
  it('returns what was there when its round began, and continues at an offset', async () => {
    const world = await TrailWorld.lived()
    const list = (deps: RebuildDependencies) => deps.sources?.list(trail) ?? []
    const sources = list(world.rebuildDeps())
    const whole = new SourceReader(sources)
    const all = await readRound(whole)
    assert.deepEqual(
      all.slice(0, 6),
      [1, 2, 1, 2, 1, 2].map((version, index) => `shop/order-${1 + (index >> 1)}@${version}`),
    )
    assert.deepEqual(await readRound(whole), [])
    const parts: string[] = []
    for (let offset: string | undefined; ; ) {
      const reader = new SourceReader(sources, offset)
      const page = await reader.next()
      if (page === undefined) break
      await reader.close()
      parts.push(...page.events.map(({ stream, version }) => `${stream}@${version}`))
      offset = reader.offset
    }
    assert.deepEqual(parts, all)
    const more = await world.shop.record('order-1', closed('1'))
    world.shop.publish(...more)
    assert.deepEqual(await readRound(whole), ['shop/order-1@3'])
  })
})

describe('a program that follows the history of a service', () => {
  async function follow(world: TrailWorld) {
    const versions = new Map<string, number>()
    const source = { service: 'shop', archive: world.shop.archive, openHub: () => world.shop.hub }
    const reader = followHistory(source, (stream) => versions.get(stream) ?? 0)
    const read = async (): Promise<string[]> => {
      const found: string[] = []
      for (let page = await reader.next(); page; page = await reader.next())
        for (const { stream, version, previousHash, hash } of page) {
          assert.equal(version, (versions.get(stream) ?? 0) + 1)
          versions.set(stream, version)
          found.push(`${stream}@${version}`)
          assert.notEqual(previousHash, hash)
        }
      return found
    }
    return { read, reader }
  }

  it('gets each event once, from the archive and the exact next one from the hub', async () => {
    const world = await TrailWorld.lived()
    const { read, reader } = await follow(world)
    const expected = ['1@1', '1@2', '2@1', '2@2', '3@1', '3@2', '3@3', '4@1'].map((each) => `order-${each}`)
    assert.deepEqual(await read(), expected)
    assert.deepEqual(await read(), [])
    const [more, again] = await world.shop.record('order-1', closed('1'), noted('1'))
    assert.ok(more && again)
    world.shop.publish(more, more, again)
    assert.deepEqual(await read(), ['order-1@3', 'order-1@4'])
    await reader.close()
  })

  it('waits for the archive if the hub has lost an event', async () => {
    const world = await TrailWorld.lived()
    const { read } = await follow(world)
    await read()
    const [lost, next] = await world.shop.record('order-1', closed('1'), noted('1'))
    assert.ok(lost && next)
    world.shop.publish(next)
    await assert.rejects(read(), { code: 'gap-unfilled' })
    await world.shop.fillArchive()
    assert.deepEqual(await read(), ['order-1@3', 'order-1@4'])
  })
})

async function readRound(reader: SourceReader): Promise<string[]> {
  const found: string[] = []
  for (let page = await reader.next(); page; page = await reader.next())
    found.push(...page.events.map(({ stream, version }) => `${stream}@${version}`))
  return found
}

async function everything({ shop }: TrailWorld): Promise<readonly RecordedEvent[]> {
  const reader = shop.log.open()
  const events: RecordedEvent[] = []
  for (let page = await reader.next(); page; page = await reader.next())
    events.push(...page.flatMap((commit) => commit.events))
  return events
}
