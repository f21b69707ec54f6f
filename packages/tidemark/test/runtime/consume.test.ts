import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { toCloudEvent } from '../../core/cloud-event.ts'
import { TidemarkError } from '../../core/errors.ts'
import type { RecordedEvent } from '../../core/event.ts'
import { MemoryParking } from '../../memory/parking.ts'
import { type Handler, HandlersFailed, handleMessages } from '../../runtime/consume.ts'
import { ConsumerParking } from '../../runtime/parking.ts'
import { placedV1 } from '../domain/orders.ts'
import { ManualClock } from '../support/fakes.ts'
import { recorded } from '../support/recorded.ts'

const orders = recorded('order-1', placedV1, placedV1)
const baskets = recorded('basket-1', placedV1)
const everything = [...orders, ...baskets].map(toCloudEvent)
const noTrace = (): void => {}

/** A handler, and the events it received. */
function handler(
  name: string,
  category: string,
  fails?: unknown,
): Handler & { readonly seen: (readonly RecordedEvent[])[] } {
  const seen: (readonly RecordedEvent[])[] = []
  return {
    names: [name],
    category,
    startsAt: 'first',
    seen,
    async handle(events) {
      seen.push(events)
      if (fails !== undefined) throw fails
    },
  }
}

const of = (bodies: readonly unknown[]) => ({ hub: 'shop', partition: '0', bodies })

describe('a consumer of a hub', () => {
  it('gives every handler the events of its category in order, and nothing else', async () => {
    const [list, sums, carts] = [handler('list', 'order'), handler('sums', 'order'), handler('carts', 'basket')]
    await handleMessages([list, sums, carts], of(everything), noTrace)
    assert.deepEqual([list.seen, sums.seen, carts.seen], [[orders], [orders], [baskets]])
  })

  it('parses each message once for all handlers', async () => {
    const [list, sums] = [handler('list', 'order'), handler('sums', 'order')]
    await handleMessages([list, sums], of(everything), noTrace)
    assert.equal(list.seen[0]?.[0], sums.seen[0]?.[0])
  })

  it('skips a handler without events of its category, and parses nothing that nobody handles', async () => {
    const list = handler('list', 'order')
    await handleMessages([list], of([{ ...toCloudEvent(baskets[0] ?? assert.fail()), hash: 'another' }]), noTrace)
    assert.deepEqual(list.seen, [])
  })

  it('gives nobody an event of a batch with an unreadable message', async () => {
    const list = handler('list', 'order')
    for (const [message, code] of [
      ['text', 'event-unreadable'],
      [{ ...everything[0], actor: 'another' }, 'hash-mismatch'],
    ] as const)
      await assert.rejects(handleMessages([list], of([...everything, message]), noTrace), { code })
    assert.deepEqual(list.seen, [])
  })

  it('lets the other handlers finish when one fails, then fails with its code and name', async () => {
    const behind = handler('behind', 'order', new TidemarkError('event-unknown', 'this code does not know it'))
    const broken = handler('broken', 'order', new TypeError('no such field'))
    const list = handler('list', 'order')
    await assert.rejects(handleMessages([behind, list, broken], of(everything), noTrace), {
      code: 'event-unknown',
      retriable: true,
      message: 'behind: this code does not know it; broken: no such field',
    })
    assert.deepEqual(list.seen, [orders])
    await assert.rejects(handleMessages([broken, list], of(everything), noTrace), {
      code: 'internal',
      retriable: false,
    })
  })

  describe('whose handler fails with a transient error', () => {
    const away = new TidemarkError('unavailable', 'the store is away')

    /**
     * Fails once with each of these errors, then handles. @returns the number of calls, and the time they took.
     */
    async function attempts(...fails: readonly unknown[]) {
      const clock = new ManualClock()
      const began = clock.elapsed()
      const left = [...fails]
      let calls = 0
      const failing: Handler = {
        ...handler('list', 'order'),
        async handle() {
          calls += 1
          if (left.length > 0) throw left.shift()
        },
      }
      const error = await handleMessages([failing], of(everything), noTrace, {
        retries: { clock, random: () => 0.5 },
      }).then(
        () => undefined,
        (thrown: { code?: string }) => thrown.code,
      )
      return { calls, error, milliseconds: clock.elapsed() - began }
    }

    it('retries it after longer and longer waits, and continues once it succeeds', async () => {
      assert.deepEqual(await attempts(away, away), { calls: 3, error: undefined, milliseconds: 300 })
    })

    it('stops retrying within seconds, since the trigger redelivers the batch', async () => {
      const { calls, error, milliseconds } = await attempts(...Array.from({ length: 100 }, () => away))
      assert.deepEqual([calls, error], [6, 'unavailable'])
      assert.ok(milliseconds <= 5_000)
    })

    it('does not retry permanent errors, errors that only time mends, or both kinds together', async () => {
      const unread = new TidemarkError('event-unknown', 'no')
      for (const [error, code] of [
        [unread, 'event-unknown'],
        [new TypeError('no'), 'internal'],
        [new TidemarkError('handler-paused', 'no'), 'handler-paused'],
        [new TidemarkError('parking-full', 'no'), 'parking-full'],
        [
          new HandlersFailed([
            { name: 'a', cause: away },
            { name: 'b', cause: unread },
          ]),
          'unavailable',
        ],
      ] as const)
        assert.deepEqual(await attempts(error), { calls: 1, error: code, milliseconds: 0 })
    })
  })

  it('gives a paused handler one event to test it, and the others once that succeeds', async () => {
    const clock = new ManualClock()
    const parking = new ConsumerParking({
      store: new MemoryParking(),
      consumer: 'shop-views',
      service: 'shop',
      build: 'b',
      clock,
    })
    const cause = new TidemarkError('handler-failed', 'no')
    const failure = (n: number) => ({ handler: 'list@1', stream: `order-${n}`, version: 1, type: 'T', cause })
    for (let n = 0; n < 20; n += 1) assert.ok(parking.shouldPark(failure(n)))
    assert.throws(() => parking.shouldPark(failure(20)), { code: 'handler-paused' })
    const still = handler('list', 'order', new TidemarkError('handler-paused', 'no'))
    await assert.rejects(handleMessages([still], of(everything), noTrace, { parking }), { code: 'handler-paused' })
    assert.deepEqual(still.seen, [orders.slice(0, 1)])
    const mended = handler('list', 'order')
    await handleMessages([mended], of(everything), noTrace, { parking })
    assert.deepEqual(mended.seen, [orders.slice(0, 1), orders])
    const another = handler('another', 'order')
    await handleMessages([another], of(everything), noTrace, { parking })
    assert.deepEqual(another.seen, [orders])
  })
})
