import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { RecordedCommit } from '../../../src/core/commit.ts'
import type { RecordedEvent } from '../../../src/core/event.ts'
import type { EventPublisher } from '../../../src/core/ports.ts'
import { relay } from '../../../src/flow/relay.ts'
import { placedV1 } from '../../support/orders.ts'
import { recordedAtOnce } from '../../support/recorded.ts'

const confirmed = { type: 'OrderConfirmed', data: { orderId: '1' } }
const streams = Array.from({ length: 100 }, (_, index) =>
  recordedAtOnce(`order-${index}`, placedV1, confirmed, confirmed),
)

/** The first two events of a stream are one commit, the third is another. */
function commitsOfStream(events: readonly RecordedEvent[]): RecordedCommit[] {
  const { stream } = events[0] ?? assert.fail('a stream has an event')
  return [
    { stream, from: 1, to: 2, events: events.slice(0, 2) },
    { stream, from: 3, to: 3, events: events.slice(2) },
  ]
}

/** All commits, in the order of their versions, streams mixed. */
const commits = streams.flatMap(commitsOfStream).sort((a, b) => a.from - b.from)

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
  it('publishes each stream in the order of its versions', async () => {
    const recorder = new Recorder()
    await relay(recorder, commits)
    assert.equal(recorder.published.length, 300)
    for (const [index, events] of streams.entries())
      assert.deepEqual(
        recorder.published.filter((event) => event.stream === `order-${index}`),
        events,
      )
  })

  it('publishes streams side by side, but not without bound', async () => {
    const recorder = new Recorder()
    await relay(recorder, commits)
    assert.ok(recorder.most > 1 && recorder.most <= 32, String(recorder.most))
  })

  it('fails as a whole where one stream fails, with nothing left running, so that the batch comes again', async () => {
    const recorder = new Recorder()
    recorder.failOn = 'order-3'
    await assert.rejects(relay(recorder, commits), /the hub is away/)
    assert.equal(recorder.atOnce, 0)
  })

  for (const [what, change] of [
    ['data', { data: { orderId: '2' } }],
    ['actor', { actor: 'another' }],
    ['hash', { hash: '1'.repeat(64) }],
  ] as const)
    it(`publishes nothing of a batch in which the ${what} of an event was changed: a fault of its own`, async () => {
      const recorder = new Recorder()
      const [first, second] = commitsOfStream(recordedAtOnce('order-x', placedV1, confirmed, confirmed))
      assert.ok(first && second)
      const changed = { ...second, events: second.events.map((event) => ({ ...event, ...change })) }
      await assert.rejects(relay(recorder, [...commits, first, changed]), {
        code: 'hash-mismatch',
        message: /^order-x@3 is not what its hash says, in the log too/,
      })
      assert.deepEqual(recorder.published, [])
    })
})
