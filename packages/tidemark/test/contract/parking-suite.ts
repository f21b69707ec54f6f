import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Discard, ParkedMessage, ParkedStream, ParkingStore } from '../../core/parking.ts'

function makeParked(stream: string, more: Partial<ParkedStream> = {}): ParkedStream {
  return {
    handler: 'sales@1',
    stream,
    version: 3,
    type: 'OrderPlaced',
    last: 3,
    code: 'handler-failed',
    reason: 'no such field',
    build: 'abc',
    place: { hub: 'ordering', partition: '2', sequence: 17 },
    since: '2026-01-01T00:00:00.000Z',
    attempts: 1,
    nextAttempt: '2026-01-01T00:01:00.000Z',
    events: 0,
    bytes: 0,
    ...more,
  }
}

const event = (version: number) => ({ version, text: JSON.stringify({ subject: 'order-1', n: version }) })
const discard: Discard = {
  handler: 'sales',
  stream: 'order-1',
  from: 3,
  to: 3,
  reason: 'sent by mistake',
  by: 'ann',
  at: '2026-01-01T00:00:05.000Z',
}
const message: ParkedMessage = {
  id: 'ordering|2|17',
  place: { hub: 'ordering', partition: '2', sequence: 17 },
  code: 'event-unreadable',
  reason: 'no CloudEvent',
  body: 'text',
  bytes: 4,
  since: '2026-01-01T00:00:00.000Z',
}

/**
 * The contract of every store of parked streams.
 * @param create a store for another consumer with each call, in the same container.
 */
export function parkingSuite(name: string, create: () => Promise<ParkingStore>): void {
  describe(`parking: ${name}`, () => {
    it('has nothing for a consumer with no parked streams', async () => {
      const store = await create()
      assert.deepEqual(await store.streams(), [])
      assert.deepEqual(await store.messages(), [])
      assert.deepEqual(await store.discards(), [])
      assert.equal(await store.stream(makeParked('order-1')), undefined)
      assert.deepEqual(await store.events(makeParked('order-1'), 10), [])
    })

    it("stores a stream's events per consumer, and reads them in order and in parts", async () => {
      const [store, other] = [await create(), await create()]
      const parked = makeParked('order-1', { events: 11 })
      const add = [...Array.from({ length: 10 }, (_, index) => event(12 - index)), event(100)]
      const written = await store.write(parked, undefined, { add })
      assert.ok(written.outcome === 'written')
      const stored = { ...parked, etag: written.etag }
      assert.deepEqual(await store.stream(parked), stored)
      assert.deepEqual(await store.streams(), [stored])
      const versions = async (limit: number) => (await store.events(parked, limit)).map(({ version }) => version)
      assert.deepEqual(await versions(100), [3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 100])
      assert.deepEqual(await versions(2), [3, 4])
      assert.deepEqual((await store.events(parked, 1))[0], event(3))
      assert.deepEqual(await other.streams(), [])
      assert.deepEqual(await other.events(parked, 10), [])
    })

    it('refuses a second creation and a write with an outdated ETag, and stores nothing of them', async () => {
      const store = await create()
      const parked = makeParked('order-1')
      const first = await store.write(parked, undefined, { add: [event(3)] })
      assert.ok(first.outcome === 'written')
      assert.deepEqual(await store.write(parked, undefined, { add: [event(4)] }), { outcome: 'conflict' })
      const second = await store.write({ ...parked, attempts: 2 }, first.etag, { add: [event(5)] })
      assert.ok(second.outcome === 'written' && second.etag !== first.etag)
      assert.deepEqual(await store.write(parked, first.etag, { add: [event(6)], discard }), { outcome: 'conflict' })
      assert.equal(await store.remove(parked, first.etag, { drop: [3], discard }), false)
      assert.deepEqual(
        (await store.events(parked, 10)).map(({ version }) => version),
        [3, 5],
      )
      assert.deepEqual(await store.discards(), [])
      assert.equal((await store.stream(parked))?.attempts, 2)
    })

    it('drops and adds events in one change, and accepts an event that it already has', async () => {
      const store = await create()
      const parked = makeParked('order-1')
      const first = await store.write(parked, undefined, { add: [event(3), event(4)] })
      assert.ok(first.outcome === 'written')
      const second = await store.write(parked, first.etag, { add: [event(4), event(5)], drop: [3] })
      assert.ok(second.outcome === 'written')
      assert.deepEqual(
        (await store.events(parked, 10)).map(({ version }) => version),
        [4, 5],
      )
    })

    it('removes a stream with its events, refuses later additions, and can park it again', async () => {
      const store = await create()
      const parked = makeParked('order-1')
      const first = await store.write(parked, undefined, { add: [event(3)] })
      assert.ok(first.outcome === 'written')
      assert.equal(await store.remove(parked, first.etag, { drop: [3], discard }), true)
      assert.equal(await store.stream(parked), undefined)
      assert.deepEqual(await store.events(parked, 10), [])
      assert.deepEqual(await store.discards(), [discard])
      assert.deepEqual(await store.write(parked, first.etag, { add: [event(4)] }), { outcome: 'conflict' })
      assert.equal(await store.remove(parked, first.etag, {}), false)
      assert.equal((await store.write(parked, undefined, {})).outcome, 'written')
    })

    it('keeps one stream of several handlers, and several streams of one handler, apart', async () => {
      const store = await create()
      const each = [makeParked('order-1'), makeParked('order-2'), makeParked('order-1', { handler: 'sales@2' })]
      for (const parked of each)
        await store.write(parked, undefined, { add: [event(parked.stream === 'order-1' ? 3 : 4)] })
      assert.equal((await store.streams()).length, 3)
      const [first] = each
      assert.ok(first)
      assert.equal(await store.remove(first, (await store.stream(first))?.etag ?? '', { drop: [3] }), true)
      assert.equal((await store.streams()).length, 2)
      assert.equal((await store.events(each[2] ?? first, 10)).length, 1)
    })

    it("stores a stream of another service, named with it, apart from the service's own", async () => {
      const store = await create()
      const [own, other] = [makeParked('order-1'), makeParked('ordering/order-1')]
      for (const [parked, version] of [
        [own, 3],
        [other, 4],
      ] as const)
        assert.equal((await store.write(parked, undefined, { add: [event(version)] })).outcome, 'written')
      assert.deepEqual((await store.streams()).map(({ stream }) => stream).toSorted(), ['order-1', 'ordering/order-1'])
      assert.deepEqual(
        (await store.events(other, 10)).map(({ version }) => version),
        [4],
      )
      const { etag = '' } = (await store.stream(other)) ?? {}
      assert.equal(await store.remove(other, etag, { drop: [4] }), true)
      assert.deepEqual(
        (await store.events(own, 10)).map(({ version }) => version),
        [3],
      )
    })

    it('stores a message once, and records who discarded it', async () => {
      const store = await create()
      assert.equal(await store.keepMessage(message), true)
      assert.equal(await store.keepMessage({ ...message, reason: 'another' }), false)
      assert.deepEqual(await store.messages(), [message])
      await store.dropMessage(message.id, { ...discard, stream: message.id })
      assert.deepEqual(await store.messages(), [])
      assert.equal((await store.discards()).length, 1)
    })

    it('accepts the largest change that a caller may make', async () => {
      const store = await create()
      const parked = makeParked('order-1')
      const add = Array.from({ length: store.maxEventsPerChange }, (_, index) => ({
        ...event(index + 3),
        text: 'x'.repeat(10_000),
      }))
      const written = await store.write(parked, undefined, { add })
      assert.ok(written.outcome === 'written')
      assert.equal((await store.events(parked, 200)).length, 97)
      const drop = add.map(({ version }) => version)
      assert.equal(await store.remove(parked, written.etag, { drop, discard }), true)
      assert.deepEqual(await store.events(parked, 10), [])
    })
  })
}
