import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MemoryEventStore } from '../../../src/adapters/memory/event-store.ts'
import type { RecordedEvent } from '../../../src/core/event.ts'
import type { EventPublisher } from '../../../src/core/ports.ts'
import { relay } from '../../../src/flow/relay.ts'
import { placedV1 } from '../../support/orders.ts'
import { recorded } from '../../support/recorded.ts'

const confirmed = { type: 'OrderConfirmed', data: { orderId: '1' } }
const streams = Array.from({ length: 100 }, (_, index) => recorded(`order-${index}`, placedV1, confirmed, confirmed))

/** Keeps what it published; each publication takes a turn of the event loop. */
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

/** A log that nobody should need to read. */
const none = {
  readEvent: () => assert.fail('the log was read'),
}

describe('relay', () => {
  it('publishes each stream in the order of its versions, whatever the order of the feed', async () => {
    const recorder = new Recorder()
    await relay({ publisher: recorder, log: none }, streams.flat().reverse())
    assert.equal(recorder.published.length, 300)
    for (const [index, events] of streams.entries())
      assert.deepEqual(
        recorder.published.filter((event) => event.stream === `order-${index}`),
        events,
      )
  })

  it('publishes streams side by side, but not without bound', async () => {
    const recorder = new Recorder()
    await relay({ publisher: recorder, log: none }, streams.flat())
    assert.ok(recorder.most > 1 && recorder.most <= 32, String(recorder.most))
  })

  it('fails as a whole where one stream fails, with nothing left running, so that the batch comes again', async () => {
    const recorder = new Recorder()
    recorder.failOn = 'order-3'
    await assert.rejects(relay({ publisher: recorder, log: none }, streams.flat()), /the hub is away/)
    assert.equal(recorder.atOnce, 0)
  })

  const dated = { type: 'OrderConfirmed', data: { orderId: '1', at: '2026-11-28T20:00:00.500+02:00' } }
  const rewritten = (event: RecordedEvent): RecordedEvent => ({
    ...event,
    data: { ...(event.data as object), at: '2026-11-28T18:00:00.5Z' },
  })

  it('reads again by its key what the trigger rewrote, that alone, and publishes it as the log keeps it', async () => {
    const events = recorded('order-1', placedV1, dated, confirmed, dated)
    const log = new MemoryEventStore()
    await log.append(events, { key: 'k', fingerprint: 'f', from: 1, to: 4 })
    const reads: number[] = []
    const counting = {
      readEvent: (stream: string, version: number) => {
        reads.push(version)
        return log.readEvent(stream, version)
      },
    }
    const recorder = new Recorder()
    const shown = events.map((event) => (event.version % 2 === 0 ? rewritten(event) : event))
    await relay({ publisher: recorder, log: counting }, shown)
    assert.deepEqual(recorder.published, events)
    assert.deepEqual(reads, [2, 4])
  })

  for (const [what, kept] of [
    ['is changed in the log too', (events: readonly RecordedEvent[]) => events.map(rewritten)],
    ['is not in the log', () => []],
  ] as const)
    it(`publishes nothing of a batch in which an event ${what}: a fault of its own`, async () => {
      const events = recorded('order-1', dated)
      const log = { readEvent: async () => kept(events)[0] }
      const recorder = new Recorder()
      await assert.rejects(relay({ publisher: recorder, log }, [...streams.flat(), ...events.map(rewritten)]), {
        code: 'hash-mismatch',
        message: /^order-1@1 is not what its hash says, in the log too/,
      })
      assert.deepEqual(recorder.published, [])
    })
})
