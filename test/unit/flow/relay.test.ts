import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
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

describe('relay', () => {
  it('publishes each stream in the order of its versions, whatever the order of the feed', async () => {
    const recorder = new Recorder()
    await relay(recorder, streams.flat().reverse())
    assert.equal(recorder.published.length, 300)
    for (const [index, events] of streams.entries())
      assert.deepEqual(
        recorder.published.filter((event) => event.stream === `order-${index}`),
        events,
      )
  })

  it('publishes streams side by side, but not without bound', async () => {
    const recorder = new Recorder()
    await relay(recorder, streams.flat())
    assert.ok(recorder.most > 1 && recorder.most <= 32, String(recorder.most))
  })

  it('fails as a whole where one stream fails, with nothing left running, so that the batch comes again', async () => {
    const recorder = new Recorder()
    recorder.failOn = 'order-3'
    await assert.rejects(relay(recorder, streams.flat()), /the hub is away/)
    assert.equal(recorder.atOnce, 0)
  })
})
