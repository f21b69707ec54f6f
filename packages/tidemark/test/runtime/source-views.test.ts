import assert from 'node:assert/strict'
import { afterEach, describe, it } from 'node:test'
import { parsePosition } from '../../core/stream.ts'
import { readDocument } from '../../runtime/query.ts'
import { POISON, trail, trailFaults } from '../domain/trails.ts'
import { balanced, closed, noted, placed, TrailWorld } from '../support/trail-world.ts'

const whole = { order: '1', amount: 5, balance: 7, events: 3 }

afterEach(() => {
  trailFaults.isBroken = false
})

describe('a view over two services', () => {
  it('gets the public events of both, each once, also where their streams have one name', async () => {
    const world = new TrailWorld()
    const ordered = await world.shop.record('order-1', placed('1'), noted('1'), closed('1'))
    const balance = await world.books.record('order-1', balanced('1'))
    const [shop, books] = [world.consumer('shop'), world.consumer('books')]
    await Promise.all([shop(...ordered), books(...balance)])
    await Promise.all([shop(...ordered), books(...balance)])
    await world.deliver('shop', ...ordered)
    await world.deliver('books', ...balance)
    assert.deepEqual(await world.document('1'), whole)
    const { store } = (await world.views.state(trail.name)).live
    const cursors = await Promise.all(['shop/order-1', 'books/order-1'].map((stream) => store.readCursor(stream)))
    assert.deepEqual(
      cursors.map((each) => each?.cursor.version),
      [3, 1],
    )
  })

  it('gets nothing of what the other service keeps private', async () => {
    const world = new TrailWorld()
    const seen: string[] = []
    const evolve = trail.evolve
    const handled = {
      ...trail,
      evolve: (...args: Parameters<typeof evolve>) => {
        seen.push(JSON.stringify(args[1]))
        return evolve(...args)
      },
    }
    const { sourceProjection } = await import('../../runtime/project.ts')
    const { handleMessages } = await import('../../runtime/consume.ts')
    const { toCloudEvent } = await import('../../core/cloud-event.ts')
    const its = sourceProjection({ history: world.history, views: world.views, clock: world.clock }, [handled])
    const ordered = await world.shop.record('order-1', placed('1'))
    const handler = { names: ['trail'], category: 'order', startsAt: 'first' as const, ...its }
    await handleMessages([handler], { hub: 'shop', partition: '0', bodies: ordered.map(toCloudEvent) }, () => {})
    assert.equal(seen.length, 1)
    assert.match(seen[0] ?? '', /"stream":"order-1".*"type":"Placed"|"type":"Placed".*"stream":"order-1"/)
    assert.doesNotMatch(seen[0] ?? '', /ada|PlacedBy|published/)
  })

  it('parks a message that another service has sent to the hub', async () => {
    const world = new TrailWorld()
    const balance = await world.books.record('order-1', balanced('1'))
    await world.deliver('shop', ...balance)
    assert.equal(await world.document('1'), undefined)
    assert.equal(world.shop.store.keptMessages.length, 1)
  })
})

describe('a gap that the hub has left', () => {
  it('is filled from the archive of that service', async () => {
    const world = new TrailWorld()
    const ordered = await world.shop.record('order-1', placed('1'), noted('1'), closed('1'))
    await world.shop.fillArchive()
    // The newest event is not archived yet.
    const [late] = await world.shop.record('order-1', noted('1'))
    assert.ok(late)
    await world.deliver('shop', late)
    assert.deepEqual(await world.document('1'), { order: '1', amount: 5, balance: 0, events: 2 })
    await world.deliver('shop', ...ordered, late)
    assert.equal((await world.document('1'))?.events, 2)
  })

  it('reads the archive once for all gaps of a batch, although it lacks the newest event', async () => {
    const world = new TrailWorld()
    const arrived = []
    for (const order of ['1', '2', '3']) {
      const its = [placed(order), noted(order), closed(order), noted(order), noted(order)]
      const [, second, , fourth] = await world.shop.record(`order-${order}`, ...its)
      assert.ok(second && fourth)
      arrived.push(second, fourth)
    }
    await world.shop.fillArchive()
    arrived.push(...(await world.shop.record('order-3', closed('3'))))
    const { archive } = world.shop
    let reads = 0
    const read = archive.read.bind(archive)
    archive.read = (number) => {
      reads += 1
      return read(number)
    }
    await world.deliver('shop', ...arrived)
    assert.equal((await world.document('3'))?.events, 3)
    // Each segment once, and the newest once more for its number.
    assert.equal(reads, archive.segments.size + 1)
  })

  it('parks its stream if neither has the event, and goes on once the archive does', async () => {
    const world = new TrailWorld()
    const [, last, later] = await world.shop.record('order-1', placed('1'), closed('1'), noted('1'))
    assert.ok(last && later)
    await world.deliver('shop', last)
    await world.deliver('shop', later)
    const [parked] = await world.shop.store.streams()
    assert.deepEqual(
      [parked?.stream, parked?.version, parked?.code, parked?.events],
      ['shop/order-1', 1, 'gap-unfilled', 2],
    )
    await world.shop.fillArchive()
    await world.clock.wait(60_000)
    const done = await world.redrive('shop').redriveDue(() => {})
    assert.deepEqual(
      done.map(({ outcome }) => outcome),
      ['done'],
    )
    assert.deepEqual(await world.document('1'), { order: '1', amount: 5, balance: 0, events: 2 })
    assert.deepEqual([...world.shop.store.waiting], [])
  })
})

describe('a stream that the view cannot process', () => {
  async function parked() {
    const world = new TrailWorld()
    const consumer = world.consumer('shop')
    trailFaults.isBroken = true
    const [first, ...rest] = await world.shop.record('order-1', placed('1', POISON), closed('1'), noted('1'))
    assert.ok(first)
    await consumer(first)
    await consumer(...rest)
    const others = await world.shop.record('order-2', placed('2'))
    await world.deliver('books', ...(await world.books.record('order-1', balanced('1'))))
    await consumer(...others)
    return { world, consumer }
  }
  const key = { handler: 'trail@1', stream: 'shop/order-1' }

  it('waits with its later events and stops no other, whichever service it is of', async () => {
    const { world } = await parked()
    assert.deepEqual(await world.document('1'), { order: '1', amount: 0, balance: 7, events: 1 })
    assert.equal((await world.document('2'))?.events, 1)
    const [entry] = await world.shop.store.streams()
    assert.deepEqual([entry?.type, entry?.version, entry?.events], ['Placed', 1, 3])
  })

  it('is redriven from what was parked with it: no log and no archive is read', async () => {
    const { world, consumer } = await parked()
    trailFaults.isBroken = false
    assert.equal((await world.redrive('shop').redrive(key, () => {})).outcome, 'done')
    assert.deepEqual(await world.document('1'), { order: '1', amount: POISON, balance: 7, events: 3 })
    await consumer(...(await world.shop.record('order-1', closed('1'))))
    assert.equal((await world.document('1'))?.events, 4)
  })

  it('passes what was discarded, and applies the rest', async () => {
    const { world, consumer } = await parked()
    const why = { reason: 'a typo', by: 'ada' }
    assert.equal((await world.redrive('shop').discard(key, 'first', why, () => {})).outcome, 'done')
    assert.deepEqual(await world.document('1'), { order: '1', amount: 0, balance: 7, events: 2 })
    assert.deepEqual([...world.shop.store.waiting], [])
    await consumer(...(await world.shop.record('order-1', closed('1'))))
    assert.equal((await world.document('1'))?.events, 3)
  })

  it('is passed whole if everything that is parked is discarded', async () => {
    const { world, consumer } = await parked()
    const why = { reason: 'a test', by: 'ada' }
    await world.redrive('shop').discard(key, 'all', why, () => {})
    await consumer(...(await world.shop.record('order-1', closed('1'))))
    assert.deepEqual(await world.document('1'), { order: '1', amount: 0, balance: 7, events: 2 })
  })
})

describe('a query of a view over two services', () => {
  const deps = ({ views, clock }: TrailWorld) => ({ views, clock, maxWait: 50 })

  const ask = (world: TrailWorld, ...positions: readonly string[]) =>
    readDocument(deps(world), trail, '1', positions.map(parsePosition))

  it('waits for the positions of the services that it names, for all of them', async () => {
    const world = new TrailWorld()
    await world.deliver('shop', ...(await world.shop.record('order-1', placed('1'))))
    assert.ok(await ask(world, 'shop/order-1@1'))
    await assert.rejects(ask(world, 'shop/order-1@1', 'books/order-1@1'), {
      code: 'view-behind',
      message: 'trail has not applied books/order-1@1 yet',
    })
    const balance = await world.books.record('order-1', balanced('1'))
    const waiting = readDocument({ ...deps(world), maxWait: 60_000 }, trail, '1', [
      { stream: 'shop/order-1', version: 2 },
      { stream: 'books/order-1', version: 1 },
    ])
    await world.deliver('books', ...balance)
    await world.deliver('shop', ...(await world.shop.record('order-1', closed('1'))))
    assert.deepEqual((await waiting)?.document, { ...whole, events: 3 })
  })

  it('refuses a position that two services could mean, or that it does not follow, and two of one stream', async () => {
    const world = new TrailWorld()
    for (const position of ['order-1@1', 'other/order-1@1', 'shop/wallet-1@1'])
      await assert.rejects(ask(world, position), { code: 'invalid-position' }, position)
    await assert.rejects(ask(world, 'shop/order-1@1', 'books/order-1@1', 'shop/order-1@2'), {
      code: 'invalid-position',
      message: 'send one position of shop/order-1, the newest',
    })
  })

  it('says at once that a stream is parked below its position', async () => {
    const world = new TrailWorld()
    trailFaults.isBroken = true
    await world.deliver('shop', ...(await world.shop.record('order-1', placed('1', POISON))))
    const began = world.clock.elapsed()
    const refused = ask(world, 'books/order-1@1', 'shop/order-1@1')
    await assert.rejects(refused, { code: 'stream-parked', message: /shop\/order-1@1/ })
    assert.equal(world.clock.elapsed(), began)
  })
})
