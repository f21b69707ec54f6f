import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { RecordedEvent } from '../../src/core/event.ts'
import type { CommandMark, EventHistory, EventStore, HistoryRange } from '../../src/core/ports.ts'
import { placedV1 } from '../support/orders.ts'
import { recorded } from '../support/recorded.ts'

const confirmed = { type: 'OrderConfirmed', data: { orderId: '1' } }

function markOf(key: string, events: readonly RecordedEvent[]): CommandMark {
  return { key, fingerprint: `of ${key}`, from: events[0]?.version ?? 0, to: events.at(-1)?.version ?? 0 }
}

/** What every log must do. @param create a store whose streams nobody else writes. */
export function eventStoreSuite(name: string, create: () => Promise<EventStore & EventHistory>): void {
  let streams = 0
  const fresh = async (...rest: Parameters<typeof recorded>[1][]) => {
    streams += 1
    const stream = `order-${name}${streams}-${Date.now()}`
    const store = await create()
    return { store, stream, events: recorded(stream, placedV1, confirmed, ...rest) }
  }
  const readAll = async (store: EventStore, stream: string, after = 0): Promise<RecordedEvent[]> => {
    const events: RecordedEvent[] = []
    for await (const page of store.read(stream, after)) events.push(...page)
    return events
  }

  describe(`event store: ${name}`, () => {
    it('a version that is there is a conflict, and nothing of the append is written', async () => {
      const { store, stream, events } = await fresh()
      const [first] = events
      assert.ok(first)
      assert.equal(await store.append([first], markOf('k1', [first])), 'appended')
      assert.equal(await store.append(events, markOf('k2', events)), 'conflict')
      assert.deepEqual(await readAll(store, stream), [first])
      assert.equal(await store.readMark(stream, 'k2'), undefined)
    })

    it('a mark that is there is a conflict, and nothing of the append is written', async () => {
      const { store, stream, events } = await fresh()
      const [first, second] = events
      assert.ok(first && second)
      assert.equal(await store.append([first], markOf('k1', [first])), 'appended')
      assert.equal(await store.append([second], markOf('k1', [second])), 'conflict')
      assert.deepEqual(await readAll(store, stream), [first])
      assert.equal((await store.readMark(stream, 'k1'))?.to, 1)
    })

    it('events that follow none are missing theirs, and nothing is written', async () => {
      const { store, stream, events } = await fresh()
      const second = events.slice(1)
      assert.equal(await store.append(second, markOf('k1', second)), 'missing')
      assert.deepEqual(await readAll(store, stream), [])
      assert.equal(await store.readMark(stream, 'k1'), undefined)
    })

    it('of two appends at once one is appended and one is a conflict', async () => {
      const { store, stream, events } = await fresh()
      const results = await Promise.all(['k1', 'k2'].map((key) => store.append(events, markOf(key, events))))
      assert.deepEqual(results.toSorted(), ['appended', 'conflict'])
      assert.equal((await readAll(store, stream)).length, events.length)
    })

    it('reads events as they were appended, after any version', async () => {
      const { store, stream, events } = await fresh()
      await store.append(events, markOf('k1', events))
      assert.deepEqual(await readAll(store, stream), events)
      assert.deepEqual(await readAll(store, stream, 1), events.slice(1))
      assert.deepEqual(await readAll(store, stream, 2), [])
      assert.deepEqual(await readAll(store, `${stream}x`), [])
    })

    it('reads no more of a stream than was asked for, either way, and never a mark', async () => {
      const { store, stream, events } = await fresh(confirmed, confirmed)
      await store.append(events, markOf('k1', events))
      const versions = async (range: HistoryRange, of = stream) =>
        (await store.readRange(of, range)).map((event) => event.version)
      assert.deepEqual(await versions({ direction: 'forward', limit: 10 }, `${stream}x`), [])
      assert.deepEqual(await versions({ direction: 'forward', after: 4, limit: 10 }), [])
      assert.deepEqual(await versions({ direction: 'backward', after: 1, limit: 10 }), [])
      assert.deepEqual(await versions({ direction: 'forward', limit: 3 }), [1, 2, 3])
      assert.deepEqual(await versions({ direction: 'forward', after: 1, limit: 2 }), [2, 3])
      assert.deepEqual(await versions({ direction: 'backward', limit: 3 }), [4, 3, 2])
      assert.deepEqual(await versions({ direction: 'backward', after: 3, limit: 10 }), [2, 1])
      assert.deepEqual(await store.readRange(stream, { direction: 'backward', limit: 10 }), events.toReversed())
    })

    it('reads a mark as it was made, by a key of any characters', async () => {
      const { store, stream, events } = await fresh()
      const mark = markOf('a/b?c#d\\e ü', events)
      await store.append(events, mark)
      assert.deepEqual(await store.readMark(stream, mark.key), mark)
      assert.equal(await store.readMark(`${stream}x`, mark.key), undefined)
    })

    it('takes the largest decision there may be, and reads a long stream whole and in order', async () => {
      const { store, stream } = await fresh()
      const events = recorded(stream, ...Array.from({ length: 98 * 12 }, () => confirmed))
      for (let from = 0; from < events.length; from += 98) {
        const part = events.slice(from, from + 98)
        assert.equal(await store.append(part, markOf(`k${from}`, part)), 'appended')
      }
      assert.deepEqual(await readAll(store, stream), events)
    })
  })
}
