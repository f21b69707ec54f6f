import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { RecordedEvent } from '../../src/core/event.ts'
import type { EventFeed, EventFeedReader, EventStore } from '../../src/core/ports.ts'
import { placedV1 } from '../support/orders.ts'
import { recorded } from '../support/recorded.ts'

const confirmed = { type: 'OrderConfirmed', data: { orderId: '1' } }

const positionsOf = (events: readonly RecordedEvent[]) =>
  events.map(({ stream, version }) => `${stream}@${version}`).toSorted()

/** What is left of a round. */
export async function roundOf(reader: EventFeedReader): Promise<RecordedEvent[]> {
  const events: RecordedEvent[] = []
  for (let page = await reader.next(); page; page = await reader.next()) {
    assert.ok(page.length > 0)
    events.push(...page)
  }
  return events
}

export async function append(log: EventStore, events: readonly RecordedEvent[]): Promise<void> {
  const [first, last] = [events[0], events.at(-1)]
  assert.ok(first && last)
  const mark = { key: `${first.stream}@${first.version}`, fingerprint: '', from: first.version, to: last.version }
  assert.equal(await log.append(events, mark), 'appended')
}

/** What every feed of a log must do. @param create an empty log, and its feed. */
export function eventFeedSuite(name: string, create: () => Promise<{ log: EventStore; feed: EventFeed }>): void {
  describe(`event feed: ${name}`, () => {
    it('of an empty log has no event, in every round', async () => {
      const { feed } = await create()
      const reader = feed.open()
      assert.deepEqual([await reader.next(), await reader.next(), await feed.count()], [undefined, undefined, 0])
    })

    it('returns every event as it was appended, once, each stream in order, and never a mark', async () => {
      const { log, feed } = await create()
      const streams = Array.from({ length: 20 }, (_, index) =>
        recorded(`order-${index}`, placedV1, ...Array.from({ length: index }, () => confirmed)),
      )
      // Half of each stream at once, then the rest of each: streams come mixed, and transactions of many events.
      for (const events of streams) await append(log, events.slice(0, Math.ceil(events.length / 2)))
      for (const events of streams.filter(({ length }) => length > 1))
        await append(log, events.slice(Math.ceil(events.length / 2)))
      const read = await roundOf(feed.open())
      assert.equal(read.length, streams.flat().length)
      assert.equal(await feed.count(), read.length)
      const byStream = Map.groupBy(read, ({ stream }) => stream)
      for (const events of streams) assert.deepEqual(byStream.get(events[0]?.stream ?? ''), events)
    })

    it('goes on with what came since, and each reader begins anew', async () => {
      const { log, feed } = await create()
      const [first, ...more] = recorded('order-1', placedV1, confirmed, confirmed)
      assert.ok(first)
      await append(log, [first])
      const reader = feed.open()
      assert.deepEqual(positionsOf(await roundOf(reader)), ['order-1@1'])
      assert.equal(await reader.next(), undefined)
      await append(log, more)
      assert.deepEqual(positionsOf(await roundOf(reader)), ['order-1@2', 'order-1@3'])
      assert.equal((await roundOf(feed.open())).length, 3)
    })

    it('ends a round although somebody appends all the time, with all that was there when it began', async () => {
      const { log, feed } = await create()
      let appended = 0
      let over = false
      const one = async (): Promise<void> => {
        appended += 1
        await append(log, recorded(`order-${appended}`, placedV1))
      }
      for (let count = 0; count < 10; count += 1) await one()
      const writer = (async () => {
        while (!over) {
          await one()
          await new Promise((resolve) => setImmediate(resolve))
        }
      })()
      const reader = feed.open()
      const read = new Set<string>()
      for (let round = 0; round < 5; round += 1) {
        const before = appended - 1
        for (const position of positionsOf(await roundOf(reader))) read.add(position)
        for (let index = 1; index <= before; index += 1)
          assert.ok(read.has(`order-${index}@1`), `${index} of ${before}`)
      }
      over = true
      await writer
    })
  })
}
