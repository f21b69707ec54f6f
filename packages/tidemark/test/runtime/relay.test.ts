import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { RecordedCommit } from '../../core/commit.ts'
import { toLogItem } from '../../core/commit.ts'
import type { RecordedEvent } from '../../core/event.ts'
import type { EventPublisher } from '../../core/ports.ts'
import { MemoryEventStore } from '../../memory/event-store.ts'
import { MemoryParking } from '../../memory/parking.ts'
import { ConsumerParking } from '../../runtime/parking.ts'
import { Redrive } from '../../runtime/redrive.ts'
import { RELAY, Relay, relayHandler } from '../../runtime/relay.ts'
import { placedV1 } from '../domain/orders.ts'
import { ManualClock } from '../support/fakes.ts'
import { recordedTogether } from '../support/recorded.ts'

const confirmed = { type: 'OrderConfirmed', data: { orderId: '1' } }
const streams = Array.from({ length: 100 }, (_, index) =>
  recordedTogether(`order-${index}`, placedV1, confirmed, confirmed),
)

/** The first two events of a stream are one commit, the third is another. */
function commitsOfStream(events: readonly RecordedEvent[]): RecordedCommit[] {
  const { stream } = events[0] ?? assert.fail('a stream has an event')
  return [
    { stream, from: 1, to: 2, events: events.slice(0, 2) },
    { stream, from: 3, to: 3, events: events.slice(2) },
  ]
}

/** The log's item of a commit. */
function toItem({ stream, from, events }: RecordedCommit): Readonly<Record<string, unknown>> {
  return { ...toLogItem({ stream, key: `${stream}@${from}`, fingerprint: 'f', events }) }
}

/** All commits in the order of their versions, with the streams interleaved. */
const items = streams
  .flatMap(commitsOfStream)
  .sort((a, b) => a.from - b.from)
  .map(toItem)

/** The relay of a service, in any of its instances. */
function relays(publisher: EventPublisher, store = new MemoryParking(), clock = new ManualClock()) {
  const lines: string[] = []
  const deps = { store, consumer: 'ordering-relay', service: 'ordering', build: 'b', clock }
  const instance = () => {
    const relay = new Relay({ service: 'ordering', publisher, parking: new ConsumerParking(deps), clock })
    return (some: readonly unknown[]) => relay.relay(some, (line) => lines.push(line))
  }
  const redrive = (log: MemoryEventStore) =>
    new Redrive({
      consumer: deps.consumer,
      store,
      parking: new ConsumerParking(deps),
      handlers: [relayHandler(publisher, log)],
      clock,
    })
  return { instance, redrive, store, lines }
}

const positions = (events: readonly RecordedEvent[]) => events.map(({ stream, version }) => `${stream}@${version}`)

/** Records what it published. Each call takes a turn of the event loop. */
class Recorder implements EventPublisher {
  readonly published: RecordedEvent[] = []
  atOnce = 0
  most = 0
  failOn: string | undefined

  async publish(stream: string, events: readonly RecordedEvent[]): Promise<void> {
    this.atOnce += 1
    this.most = Math.max(this.most, this.atOnce)
    await new Promise((resolve) => setImmediate(resolve))
    this.atOnce -= 1
    if (stream === this.failOn) throw new Error('the hub is away')
    this.published.push(...events)
  }
}

describe('the relay', () => {
  it('publishes each stream in the order of its versions', async () => {
    const recorder = new Recorder()
    await relays(recorder).instance()(items)
    assert.equal(recorder.published.length, 300)
    for (const [index, events] of streams.entries())
      assert.deepEqual(
        recorder.published.filter((event) => event.stream === `order-${index}`),
        events,
      )
  })

  it('publishes streams concurrently, up to a limit', async () => {
    const recorder = new Recorder()
    await relays(recorder).instance()(items)
    assert.ok(recorder.most > 1 && recorder.most <= 32, String(recorder.most))
  })

  it('fails as a whole without the hub, leaves nothing running, and receives the batch again', async () => {
    const recorder = new Recorder()
    recorder.failOn = 'order-3'
    await assert.rejects(relays(recorder).instance()(items), /the hub is away/)
    assert.equal(recorder.atOnce, 0)
  })

  const [first, second] = commitsOfStream(recordedTogether('order-x', placedV1, confirmed, confirmed))
  assert.ok(first && second)
  for (const [what, damaged, from] of [
    ['actor', { text: String(toItem(second).text).replace('tester', 'another') }, 3],
    ['text', { text: '{' }, 3],
    ['hash', { hash: '1'.repeat(64) }, 3],
  ] as const)
    it(`parks a stream with a changed ${what} of a commit, and publishes the others`, async () => {
      const recorder = new Recorder()
      const { instance, store, lines } = relays(recorder)
      const changed = { ...toItem(second), ...damaged }
      await instance()([...items, toItem(first), changed])
      assert.equal(recorder.published.length, 302)
      const [parked] = await store.streams()
      assert.deepEqual([parked?.handler, parked?.stream, parked?.version], [RELAY, 'order-x', from])
      assert.match(lines.join(), /order-x@3 .*(hash-mismatch|event-unreadable).*npm run parked -- ordering/)

      // In any instance, also in a new one.
      await instance()([toItem(second)])
      assert.equal(recorder.published.length, 302)
      assert.equal((await store.stream({ handler: RELAY, stream: 'order-x' }))?.last, 3)
    })

  it('publishes nothing after a stream was parked, also in an instance that read the streams before', async () => {
    const recorder = new Recorder()
    const { instance, store } = relays(recorder)
    const [one, other] = [instance(), instance()]
    await other([toItem(first)])
    await one([{ ...toItem(second), hash: '1'.repeat(64) }])
    await other([toItem(second)])
    assert.deepEqual(positions(recorder.published), ['order-x@1', 'order-x@2'])
    assert.equal((await store.streams()).length, 1)
  })

  it('publishes a redriven stream in order, from where it was parked to the end of the log', async () => {
    const recorder = new Recorder()
    const { instance, redrive, store, lines } = relays(recorder)
    await instance()([toItem(first), { ...toItem(second), hash: '1'.repeat(64) }])
    const log = new MemoryEventStore()
    for (const { stream, events } of [first, second])
      await log.append(
        {
          version: (events[0]?.version ?? 1) - 1,
          hash: events[0]?.previousHash ?? '',
          commit: events[0]?.version === 3 ? 1 : 0,
        },
        [{ stream, key: `k${events[0]?.version}`, fingerprint: 'f', events }],
      )
    const done = await redrive(log).redrive({ handler: RELAY, stream: 'order-x' }, (line) => lines.push(line))
    assert.equal(done.outcome, 'done')
    assert.deepEqual(positions(recorder.published), ['order-x@1', 'order-x@2', 'order-x@3'])
    assert.deepEqual(await store.streams(), [])
    await instance()([toItem(second)])
    assert.equal(recorder.published.length, 4)
  })

  for (const [what, foreign] of [
    ['text', { id: 'a', stream: 'order-9', note: 'hello' }],
    ['no stream', { id: 'b' }],
    ['nothing', {}],
    ['a list', []],
  ] as const)
    it(`parks a foreign item in the log (${what}) alone, once, with a log line`, async () => {
      const recorder = new Recorder()
      const { instance, store, lines } = relays(recorder)
      await instance()([foreign, ...items])
      await instance()([foreign])
      assert.equal(recorder.published.length, 300)
      assert.equal((await store.messages()).length, 1)
      assert.deepEqual(await store.streams(), [])
      assert.equal(lines.length, 1)
    })
})
