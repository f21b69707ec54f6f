import assert from 'node:assert/strict'
import type { RecordedEvent } from '../../core/event.ts'
import type { Clock, ViewGeneration, ViewStores } from '../../core/ports.ts'
import type { AnyView } from '../../core/view.ts'
import { findHighestGeneration } from '../../core/view-pointer.ts'
import { MemoryEventStore } from '../../memory/event-store.ts'
import { MemoryProgress } from '../../memory/progress.ts'
import { MemoryViewStores } from '../../memory/view-store.ts'
import { readStreamProgress } from '../../runtime/cursors.ts'
import type { RebuildDependencies, RebuildWatch } from '../../runtime/rebuild.ts'
import { appendGiven } from '../../testing/append-given.ts'
import { address, cancelled, orderEvents, orderView, placedV1, salesByProduct } from '../domain/orders.ts'
import { projecting } from './projecting.ts'
import { recorded } from './recorded.ts'

const moved = {
  type: 'ShippingAddressChanged',
  data: { orderId: '1', shippingAddress: { ...address, city: 'Bruges' } },
}
const confirmed = { type: 'OrderConfirmed', data: { orderId: '1' } }

/** The events of one order, with its own id. */
function story(orderId: string, ...events: readonly { type: string; data: object }[]): RecordedEvent[] {
  return recorded(`order-${orderId}`, ...events.map(({ type, data }) => ({ type, data: { ...data, orderId } })))
}

export const histories = [
  story('1', placedV1, moved, cancelled),
  story('2', placedV1, confirmed),
  story('3', placedV1, moved, moved, cancelled),
  story('4', placedV1),
]
export const streams = ['order-1', 'order-2', 'order-3', 'order-4']
export const everything = histories.flat()

const [first, second] = story('5', placedV1, cancelled)
assert.ok(first && second)
/** Events that come after `everything`. */
export const [lateFirst, lateSecond] = [first, second]

export const unwatched: RebuildWatch = { begin() {}, read() {}, stage() {} }
export const views: readonly AnyView[] = [orderView, salesByProduct]

/** A clock that only advances by what is waited for. */
class WaitedClock implements Clock {
  #milliseconds = Date.UTC(2026, 0, 1)
  now(): string {
    return new Date(this.#milliseconds).toISOString()
  }
  elapsed(): number {
    return this.#milliseconds
  }
  async wait(milliseconds: number): Promise<void> {
    this.#milliseconds += milliseconds
  }
}

/** A service in memory: its log, its views, and an instance that projects. */
export class RebuildHarness {
  readonly log = new MemoryEventStore()
  readonly views = new MemoryViewStores()
  readonly clock = new WaitedClock()
  readonly progress = new MemoryProgress(() => this.clock.elapsed())
  readonly deps: RebuildDependencies
  #stamps = 0

  constructor() {
    const { log, views: generations, clock } = this
    const ids = (): string => {
      this.#stamps += 1
      return String(this.#stamps)
    }
    this.deps = {
      log,
      feed: log,
      progress: this.progress,
      generations,
      views: generations,
      declared: views,
      eventTypes: orderEvents,
      clock,
      ids,
    }
    // Written as at the first read of the view.
    void generations.writePointer(salesByProduct.name, { live: 1, cursorsIn: orderView.name }, undefined)
  }

  /** A harness whose live views have processed these events. */
  static async with(...events: readonly RecordedEvent[]): Promise<RebuildHarness> {
    const harness = new RebuildHarness()
    await harness.append(...events)
    await harness.project(...events)
    return harness
  }

  async append(...events: readonly RecordedEvent[]): Promise<void> {
    for (const event of events) assert.deepEqual(await appendGiven(this.log, event), { outcome: 'appended' })
  }

  async project(...events: readonly RecordedEvent[]): Promise<void> {
    await this.projection()(events)
  }

  /** An instance that projects both views. */
  projection(stores: ViewStores = this.views) {
    return projecting({ log: this.log, views: stores, eventTypes: orderEvents, clock: this.clock }, ...views)
  }

  async assertEqualToLog(view: AnyView): Promise<void> {
    const events: RecordedEvent[] = []
    const reader = this.log.open()
    for (let page = await reader.next(); page; page = await reader.next())
      events.push(...page.flatMap((commit) => commit.events))
    const fold = await RebuildHarness.with(...events)
    assert.deepEqual(await snapshot(this.views, view, events), await snapshot(fold.views, view, events))
    assert.ok(events.length > 0)
  }

  /**
   * Asserts that only the live and the previous generation exist, and that projections write only the live one.
   */
  async assertClean(view: AnyView, highest?: number): Promise<void> {
    const { pointer } = await this.views.readPointer(view.name)
    const { stamp: _, cursorsIn, ...named } = pointer
    assert.equal(cursorsIn, view.kind === 'one-stream' ? undefined : orderView.name)
    assert.deepEqual(
      { highest: undefined, previous: undefined, ...named },
      { live: pointer.live, previous: pointer.previous, highest },
    )
    const filled = Array.from({ length: findHighestGeneration(pointer) + 1 }, (_, generation) => generation).filter(
      (generation) => !this.views.store(view.name, generation).isEmpty,
    )
    const expected = [pointer.live, pointer.previous?.generation].filter((number) => number !== undefined).toSorted()
    assert.deepEqual(filled, expected)
  }

  async readLive(view: AnyView): Promise<number> {
    return (await this.views.readPointer(view.name)).pointer.live
  }
}

/** Everything that queries can read of a view's live generation. */
async function snapshot(stores: ViewStores, view: AnyView, events: readonly RecordedEvent[]): Promise<unknown> {
  const { live } = await stores.state(view.name)
  const { store } = live
  return {
    documents: (await store.list({ filter: {}, limit: 1000 })).map(({ document }) => document),
    tips: await Promise.all(
      [...new Set(events.map(({ stream }) => stream))]
        .toSorted()
        .map(async (stream) => [stream, await versionIn(stores, live, view, stream)]),
    ),
  }
}

/** The version that a generation has reached in a stream. */
export function readVersion(
  harness: RebuildHarness,
  view: AnyView,
  generation: number,
  stream: string,
): Promise<number> {
  const its = { number: generation, store: harness.views.store(view.name, generation) }
  return versionIn(harness.views, its, view, stream)
}

export async function versionIn(
  stores: ViewStores,
  generation: ViewGeneration,
  view: AnyView,
  stream: string,
): Promise<number> {
  if (view.kind === 'one-stream') return (await generation.store.read(stream))?.cursor?.version ?? 0
  const state = await stores.state(view.name)
  return (await readStreamProgress(stores, { view, state, generation }, stream)).passed
}
