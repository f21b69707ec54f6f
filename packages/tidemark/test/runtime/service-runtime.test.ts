import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { describe, it } from 'node:test'
import { toCloudEvent } from '../../core/cloud-event.ts'
import type { Service } from '../../core/service.ts'
import { MemoryEventStore } from '../../memory/event-store.ts'
import { MemoryViewStores } from '../../memory/view-store.ts'
import { type RuntimePorts, serviceRuntime } from '../../runtime/service-runtime.ts'
import { appendGiven } from '../../testing/append-given.ts'
import { orderEvents, placedV1 } from '../domain/orders.ts'
import { wallets } from '../domain/wallets.ts'
import { ManualClock } from '../support/fakes.ts'
import { memoryPorts, memorySettings, memoryStores } from '../support/memory-runtime.ts'
import { recorded } from '../support/recorded.ts'

/** A clock whose time of day is wrong until it has asked the store. */
class AskingClock extends ManualClock {
  readonly skew = undefined
  #isReady = false

  async ready(): Promise<void> {
    this.#isReady = true
  }

  override now(): string {
    return this.#isReady ? super.now() : '1999-01-01T00:00:00.000Z'
  }
}

const service: Service = {
  ...wallets,
  views: [],
  reactions: [
    {
      name: 'failing',
      service: 'ordering',
      category: 'order',
      events: orderEvents,
      startsAt: 'first',
      react: () => Promise.reject(new TypeError('no field')),
    },
  ],
}

function started(declared = service, more: Partial<RuntimePorts> = {}) {
  const stores = { ...memoryStores(), clock: new AskingClock() }
  const settings = { ...memorySettings, cachedStreams: 1 }
  return { runtime: serviceRuntime(declared, memoryPorts(stores, more), settings), parking: stores.parking }
}

describe('a stream that a service parks', () => {
  it('has the time of the store’s clock, from the first batch on', async () => {
    const [event] = recorded('order-1', placedV1)
    const point = { sequence: 0, time: '2026-01-01T00:00:00.000Z' }
    const delivery = { partition: '0', messages: [event && toCloudEvent(event)], first: point, last: point }
    const damaged = { id: '1', stream: 'wallet-1', from: 1 }
    for (const [handler, park] of [
      ['failing', ({ runtime }) => runtime.react('ordering', delivery, () => {})],
      ['relay', ({ runtime }) => runtime.relay([damaged], () => {})],
    ] as readonly (readonly [string, (world: ReturnType<typeof started>) => Promise<void>])[]) {
      const world = started()
      await park(world)
      const parked = await world.parking.streams()
      assert.deepEqual(
        parked.map(({ handler, since }) => [handler, since]),
        [[handler, '2026-01-01T00:00:00.000Z']],
      )
    }
  })
})

describe('a rebuild with a budget', () => {
  it('reads the log and writes the views with the stores of its budget alone', async () => {
    const [log, generations] = [new MemoryEventStore(), new MemoryViewStores()]
    const [event] = recorded('wallet-1', { type: 'PaidIn', data: { amount: 5, currency: 'EUR' } })
    assert.ok(event)
    assert.deepEqual(await appendGiven(log, event), { outcome: 'appended' })
    const own = new MemoryViewStores()
    const { runtime } = started(wallets, {
      ids: randomUUID,
      generations: () => own,
      rebuilding: () => ({ log, feed: log, generations }),
    })
    for (const view of wallets.views) {
      const watch = { begin() {}, read() {}, stage() {} }
      assert.partialDeepStrictEqual(await runtime.rebuildView(view, watch), { live: 2, events: 1 })
      assert.equal((await generations.readPointer(view.name)).pointer.live, 2)
      assert.equal((await own.readPointer(view.name)).pointer.live, 1)
      assert.ok((await generations.store(view.name, 2).list({ filter: {}, limit: 10 })).length > 0)
    }
    assert.equal(wallets.views.length, 2)
  })
})
