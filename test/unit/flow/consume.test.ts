import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { toCloudEvent } from '../../../src/core/cloud-event.ts'
import { TidemarkError } from '../../../src/core/errors.ts'
import type { RecordedEvent } from '../../../src/core/event.ts'
import { type Handler, handleMessages } from '../../../src/flow/consume.ts'
import { placedV1 } from '../../support/orders.ts'
import { recorded } from '../../support/recorded.ts'

const orders = recorded('order-1', placedV1, placedV1)
const baskets = recorded('basket-1', placedV1)
const everything = [...orders, ...baskets].map(toCloudEvent)
const untold = (): void => {}

/** A handler, and what it was brought. */
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
  it('brings every handler the events of its category, in their order, and nothing else', async () => {
    const [list, sums, carts] = [handler('list', 'order'), handler('sums', 'order'), handler('carts', 'basket')]
    await handleMessages([list, sums, carts], of(everything), untold)
    assert.deepEqual([list.seen, sums.seen, carts.seen], [[orders], [orders], [baskets]])
  })

  it('reads each message once for all handlers: what they are brought is the same', async () => {
    const [list, sums] = [handler('list', 'order'), handler('sums', 'order')]
    await handleMessages([list, sums], of(everything), untold)
    assert.equal(list.seen[0]?.[0], sums.seen[0]?.[0])
  })

  it('does not ask a handler whose category does not come, nor reads what nobody handles', async () => {
    const list = handler('list', 'order')
    await handleMessages([list], of([{ ...toCloudEvent(baskets[0] ?? assert.fail()), hash: 'another' }]), untold)
    assert.deepEqual(list.seen, [])
  })

  it('brings nobody anything of a batch in which a message cannot be read', async () => {
    const list = handler('list', 'order')
    for (const [message, code] of [
      ['text', 'event-unreadable'],
      [{ ...everything[0], actor: 'another' }, 'hash-mismatch'],
    ] as const)
      await assert.rejects(handleMessages([list], of([...everything, message]), untold), { code })
    assert.deepEqual(list.seen, [])
  })

  it('lets the others finish where one fails, then fails with its code and names it', async () => {
    const behind = handler('behind', 'order', new TidemarkError('event-unknown', 'this code does not know it'))
    const broken = handler('broken', 'order', new TypeError('no such field'))
    const list = handler('list', 'order')
    await assert.rejects(handleMessages([behind, list, broken], of(everything), untold), {
      code: 'event-unknown',
      retriable: true,
      message: 'behind: this code does not know it; broken: no such field',
    })
    assert.deepEqual(list.seen, [orders])
    await assert.rejects(handleMessages([broken, list], of(everything), untold), { code: 'internal', retriable: false })
  })
})
