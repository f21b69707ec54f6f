import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { RecordedEvent } from '../../core/event.ts'
import { EMPTY_STREAM } from '../../core/hash-chain.ts'
import type { EventFeed, EventFeedReader, EventStore } from '../../core/ports.ts'
import { placedV1 } from '../domain/orders.ts'
import { commit, readHead, receipt } from '../support/commits.ts'
import { recordedTogether } from '../support/recorded.ts'

const confirmed = { type: 'OrderConfirmed', data: { orderId: '1' } }

const formatPositions = (events: readonly RecordedEvent[]) =>
  events.map(({ stream, version }) => `${stream}@${version}`).toSorted()

/** The remaining events of a round. */
export async function readRound(reader: EventFeedReader): Promise<RecordedEvent[]> {
  const events: RecordedEvent[] = []
  for (let page = await reader.next(); page; page = await reader.next()) {
    assert.ok(page.length > 0)
    events.push(...page.flatMap((commit) => commit.events))
  }
  return events
}

/** Appends events with one timestamp as one commit, after a commit of `before`. */
export async function append(
  log: EventStore,
  events: readonly RecordedEvent[],
  before: readonly RecordedEvent[] = [],
): Promise<void> {
  const key = `${events[0]?.stream}@${events[0]?.version}`
  assert.deepEqual(await log.append(readHead(before), [commit(key, events)]), { outcome: 'appended' })
}

/** The contract of every event feed. @param create an empty log, and its feed. */
export function eventFeedSuite(name: string, create: () => Promise<{ log: EventStore; feed: EventFeed }>): void {
  describe(`event feed: ${name}`, () => {
    it('returns nothing for an empty log, in every round', async () => {
      const { feed } = await create()
      const reader = feed.open()
      assert.deepEqual([await reader.next(), await reader.next(), await feed.count()], [undefined, undefined, 0])
    })

    it('returns every event unchanged and once, each stream in order, and no receipts', async () => {
      const { log, feed } = await create()
      const streams = Array.from({ length: 20 }, (_, index) =>
        recordedTogether(`order-${index}`, placedV1, ...Array.from({ length: index }, () => confirmed)),
      )
      const halves = streams.map((events) => {
        const middle = Math.ceil(events.length / 2)
        return { first: events.slice(0, middle), second: events.slice(middle) }
      })
      // Appends half of each stream, then the rest: streams are interleaved, and commits hold many events.
      for (const { first } of halves) await append(log, first)
      const stream = 'order-0'
      assert.deepEqual(await log.append(EMPTY_STREAM, [receipt(stream, 'k', 1)]), { outcome: 'appended' })
      for (const { first, second } of halves) if (second.length > 0) await append(log, second, first)
      const read = await readRound(feed.open())
      assert.equal(read.length, streams.flat().length)
      assert.equal(await feed.count(), 20 + 19)
      const byStream = Map.groupBy(read, ({ stream }) => stream)
      for (const events of streams) assert.deepEqual(byStream.get(events[0]?.stream ?? ''), events)
    })

    it('continues with new events, and starts from the beginning for a new reader', async () => {
      const { log, feed } = await create()
      const [first, ...more] = recordedTogether('order-1', placedV1, confirmed, confirmed)
      assert.ok(first)
      await append(log, [first])
      const reader = feed.open()
      assert.deepEqual(formatPositions(await readRound(reader)), ['order-1@1'])
      assert.equal(await reader.next(), undefined)
      await append(log, more, [first])
      assert.deepEqual(formatPositions(await readRound(reader)), ['order-1@2', 'order-1@3'])
      assert.equal((await readRound(feed.open())).length, 3)
    })

    it('starts with events written at or after a given time', async () => {
      const { log, feed } = await create()
      await append(log, recordedTogether('order-1', placedV1, confirmed))
      const before = feed.open({ since: '2020-01-01T00:00:00.000Z' })
      assert.equal((await readRound(before)).length, 2)
      const after = feed.open({ since: '2099-01-01T00:00:00.000Z' })
      assert.equal((await readRound(after)).length, 0)
    })

    it('continues in another reader, from the middle or the end of a round', async () => {
      const { log, feed } = await create()
      // 1,520 commits, 95 at a time: more than a page holds.
      for (let count = 1; count <= 16; count += 1) {
        const events = recordedTogether(`order-${count}`, placedV1, ...Array.from({ length: 94 }, () => confirmed))
        const commits = events.map((event) => commit(`${event.stream}@${event.version}`, [event]))
        assert.deepEqual(await log.append(EMPTY_STREAM, commits), { outcome: 'appended' })
      }
      const reader = feed.open()
      const first = await reader.next()
      assert.ok(first && first.length < 1_520, 'the first page is a part')
      const { offset } = reader
      assert.ok(offset !== undefined)
      // Events appended after the offset was taken do not belong to it.
      await readRound(reader)
      const rest = formatPositions(await readRound(feed.open({ offset })))
      const seen = first.flatMap(({ events }) => formatPositions(events))
      assert.deepEqual([...seen, ...rest].toSorted(), formatPositions(await readRound(feed.open())))
      assert.equal(rest.length, 1_520 - seen.length)

      await append(log, recordedTogether('order-late', placedV1))
      assert.ok(reader.offset !== undefined)
      assert.deepEqual(formatPositions(await readRound(feed.open({ offset: reader.offset }))), ['order-late@1'])
    })

    it('ends a round while appends continue, with all events that existed when it began', async () => {
      const { log, feed } = await create()
      let appended = 0
      let over = false
      const one = async (): Promise<void> => {
        appended += 1
        await append(log, recordedTogether(`order-${appended}`, placedV1))
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
        for (const position of formatPositions(await readRound(reader))) read.add(position)
        for (let index = 1; index <= before; index += 1)
          assert.ok(read.has(`order-${index}@1`), `${index} of ${before}`)
      }
      over = true
      await writer
    })
  })
}
