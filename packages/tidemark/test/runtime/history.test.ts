import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { RecordedCommit } from '../../core/commit.ts'
import type { HistoryPage } from '../../core/data-path.ts'
import { type DomainEvent, eventId, type RecordedEvent } from '../../core/event.ts'
import { hashEvent } from '../../core/hash-chain.ts'
import { MemoryEventStore } from '../../memory/event-store.ts'
import { emptyState, fold } from '../../runtime/fold.ts'
import { readHistory, stateAt } from '../../runtime/history.ts'
import { parseTime } from '../../runtime/time.ts'
import { address, cancelled, order, placedV1 } from '../domain/orders.ts'
import { appendStream, commit, readHead } from '../support/commits.ts'
import { recorded } from '../support/recorded.ts'

const stream = 'order-1'
const moved = (city: string): DomainEvent => ({
  type: 'ShippingAddressChanged',
  data: { orderId: '1', shippingAddress: { ...address, city } },
})

/** A log that returns pages of a few commits, as a remote store does. */
class PagedStore extends MemoryEventStore {
  pages = 0
  override async *read(of: string, after: number): AsyncIterable<readonly RecordedCommit[]> {
    for await (const commits of super.read(of, after))
      for (let from = 0; from < commits.length; from += 3) {
        this.pages += 1
        yield commits.slice(from, from + 3)
      }
  }
}

async function createLog(events: readonly RecordedEvent[]): Promise<PagedStore> {
  const store = new PagedStore()
  await appendStream(store, events)
  return store
}

/** The same events at other times, with a new hash chain. */
function timed(events: readonly RecordedEvent[], milliseconds: readonly number[]): RecordedEvent[] {
  let previousHash = events[0]?.previousHash ?? ''
  return events.map(({ hash: _, ...event }, index) => {
    const unhashed = { ...event, previousHash, time: new Date(milliseconds[index] ?? 0).toISOString() }
    previousHash = hashEvent(unhashed)
    return { ...unhashed, hash: previousHash }
  })
}

/** An order's history: relocations, and possibly a cancellation. The events of one command share their time. */
const history = fc
  .record({
    cities: fc.array(fc.constantFrom('Ghent', 'Bruges', 'Ostend'), { maxLength: 12 }),
    ended: fc.boolean(),
    pauses: fc.array(fc.nat(3), { minLength: 14, maxLength: 14 }),
  })
  .map(({ cities, ended, pauses }) => {
    const events = recorded(stream, placedV1, ...cities.map(moved), ...(ended ? [cancelled] : []))
    let time = Date.UTC(2026, 0, 1)
    const times = events.map((_, index) => {
      time += pauses[index] ?? 0
      return time
    })
    return timed(events, times)
  })

describe('state at a point in time', () => {
  const events = recorded(stream, placedV1, moved('Bruges'), moved('Ostend'), cancelled)
  const at = async (point: object, of = stream) => stateAt(await createLog(events), [order], of, point)

  it('refuses a version above the newest and a time before the first event, and names the limit', async () => {
    await assert.rejects(at({ version: 5 }), { code: 'version-not-found', message: 'order-1 is at version 4' })
    await assert.rejects(at({ at: '2025-12-31T23:59:59.999Z' }), {
      code: 'version-not-found',
      message: 'order-1 began at 2026-01-01T00:00:00.000Z',
    })
  })

  it('refuses a missing stream, a stream of no decider, and an invalid stream name', async () => {
    await assert.rejects(at({}, 'order-2'), { code: 'stream-not-found' })
    await assert.rejects(at({ version: 1 }, 'order-2'), { code: 'stream-not-found' })
    await assert.rejects(at({}, 'basket-1'), { code: 'stream-not-found' })
    for (const text of ['order', 'Order-1', 'order-1@2', 'order-a b'])
      await assert.rejects(at({}, text), { code: 'invalid-id' })
  })

  it('is never folded over a broken hash chain', async () => {
    const [first, , third] = events
    assert.ok(first && third)
    const store = new MemoryEventStore()
    await appendStream(store, [first])
    await store.append(readHead([first]), [commit('k', [{ ...third, id: eventId(2), version: 2 }])])
    await assert.rejects(stateAt(store, [order], stream, {}), { code: 'chain-broken' })
  })

  it('at version N is the fold of the first N events, with its position', async () => {
    let compared = 0
    await fc.assert(
      fc.asyncProperty(history, async (past) => {
        const log = await createLog(past)
        for (const event of past) {
          const found = await stateAt(log, [order], stream, { version: event.version })
          assert.deepEqual(found.state, fold(order, emptyState(order), past.slice(0, event.version)).state)
          const commit = past.find(({ time }) => time === event.time)?.version
          assert.deepEqual(found.head, { version: event.version, hash: event.hash, commit })
          assert.equal(found.time, event.time)
          compared += 1
        }
        const newest = await stateAt(log, [order], stream, {})
        assert.deepEqual(newest.state, fold(order, emptyState(order), past).state)
      }),
    )
    assert.ok(compared > 100)
  })

  it('at the time of event N includes all events of that time, and a millisecond before none of them', async () => {
    let compared = 0
    await fc.assert(
      fc.asyncProperty(history, async (past) => {
        const log = await createLog(past)
        for (const { time } of past) {
          const version = past.findLast((event) => event.time === time)?.version ?? 0
          const then = await stateAt(log, [order], stream, { at: time })
          assert.deepEqual(then, await stateAt(log, [order], stream, { version }))
          const before = past.findLast((event) => event.time < time)
          const justBefore = { at: new Date(Date.parse(time) - 1).toISOString() }
          if (before)
            assert.deepEqual(
              await stateAt(log, [order], stream, justBefore),
              await stateAt(log, [order], stream, { version: before.version }),
            )
          else await assert.rejects(stateAt(log, [order], stream, justBefore), { code: 'version-not-found' })
          compared += 1
        }
      }),
    )
    assert.ok(compared > 100)
  })

  it('is read only as far as needed', async () => {
    const log = await createLog(recorded(stream, placedV1, ...Array.from({ length: 11 }, () => moved('Bruges'))))
    await stateAt(log, [order], stream, { version: 3 })
    assert.equal(log.pages, 1)
    await stateAt(log, [order], stream, { at: '2026-01-01T00:00:03.999Z' })
    assert.equal(log.pages, 3)
  })
})

describe('a stream page by page', () => {
  it('is refused if the stream is missing, and empty beyond either end', async () => {
    const log = await createLog(recorded(stream, placedV1))
    await assert.rejects(readHistory(log, 'order-2', { direction: 'forward', limit: 1 }), { code: 'stream-not-found' })
    await assert.rejects(readHistory(log, 'order', { direction: 'forward', limit: 1 }), { code: 'invalid-id' })
    assert.deepEqual(await readHistory(log, stream, { direction: 'forward', after: 1, limit: 1 }), { events: [] })
    assert.deepEqual(await readHistory(log, stream, { direction: 'backward', after: 1, limit: 1 }), { events: [] })
  })

  it('forward holds every event once in order, and backward is its reverse, at any page size', async () => {
    const everyPage = async (log: MemoryEventStore, direction: 'forward' | 'backward', limit: number) => {
      const pages: HistoryPage[] = []
      for (let after: number | undefined; ; ) {
        const page = await readHistory(log, stream, { direction, limit, ...(after === undefined ? {} : { after }) })
        assert.ok(page.events.length <= limit)
        pages.push(page)
        after = page.continuation
        if (after === undefined) return { events: pages.flatMap(({ events }) => events), pages: pages.length }
      }
    }
    await fc.assert(
      fc.asyncProperty(history, fc.integer({ min: 1, max: 16 }), async (past, limit) => {
        const log = await createLog(past)
        const forward = await everyPage(log, 'forward', limit)
        assert.deepEqual(forward.events, past)
        assert.equal(forward.pages, Math.ceil(past.length / limit), 'there is no empty page at the end')
        assert.deepEqual((await everyPage(log, 'backward', limit)).events, past.toReversed())
      }),
    )
  })
})

describe('a point in time', () => {
  it('is refused unless it is a valid RFC 3339 time', () => {
    for (const text of [
      '',
      'now',
      '2026-01-31',
      '2026-01-31T12:00:00',
      '2026-01-31 12:00:00Z',
      '2026-01-31T12:00:00 01:00',
      '2026-01-31T12:00Z',
      '2026-02-30T12:00:00Z',
      '2025-02-29T12:00:00Z',
      '2026-13-01T12:00:00Z',
      '2026-01-31T24:00:00Z',
      '2026-01-31T12:60:00Z',
      '2026-12-31T23:59:60Z',
      '2026-01-31T12:00:00+24:00',
      '2026-01-31T12:00:00.Z',
      '1769860800000',
    ])
      assert.throws(() => parseTime(text), { code: 'invalid-time' }, text)
  })

  it('means the same in every notation', () => {
    const noon = Date.UTC(2026, 0, 31, 12)
    for (const text of [
      '2026-01-31T12:00:00Z',
      '2026-01-31t12:00:00z',
      '2026-01-31T13:30:00+01:30',
      '2026-01-30T23:00:00-13:00',
      '2026-01-31T12:00:00.0Z',
    ])
      assert.equal(parseTime(text), noon, text)
    assert.equal(parseTime('2026-01-31T12:00:00.1239999Z'), noon + 123)
    assert.equal(parseTime('2024-02-29T00:00:00Z'), Date.UTC(2024, 1, 29))
  })
})
