import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MemoryViewStores } from '../../memory/view-store.ts'
import { LiveViews, POINTER_MS } from '../../runtime/live-views.ts'
import { before } from '../support/before-calls.ts'
import { ManualClock } from '../support/fakes.ts'

/** A store whose answers take a millisecond less than a pointer may be cached. */
class SlowViews extends MemoryViewStores {
  readonly #clock: ManualClock

  constructor(clock: ManualClock) {
    super()
    this.#clock = clock
  }

  override async readPointer(view: string): ReturnType<MemoryViewStores['readPointer']> {
    const answer = await super.readPointer(view)
    await this.#clock.wait(POINTER_MS - 1)
    return answer
  }
}

describe('live views', () => {
  it('cache a pointer for as long as a promotion waits, and no longer', async () => {
    const clock = new ManualClock()
    const generations = new MemoryViewStores()
    const views = new LiveViews(generations, clock)
    const one = (await views.state('order')).live.store
    await generations.writePointer('order', { live: 2, written: [2, 1] }, undefined)
    await clock.wait(POINTER_MS - 1)
    assert.equal((await views.state('order')).live.store, one)
    assert.deepEqual(
      (await views.state('order')).writeTargets.map(({ store }) => store),
      [one],
    )
    await clock.wait(1)
    const two = generations.store('order', 2)
    assert.equal((await views.state('order')).live.store, two)
    assert.deepEqual(
      (await views.state('order')).writeTargets.map(({ store }) => store),
      [two, one],
    )
  })

  it('count that time from before the read, also when the answer was slow', async () => {
    const clock = new ManualClock()
    const generations = new SlowViews(clock)
    const views = new LiveViews(generations, clock)
    assert.equal((await views.state('order')).live.store, generations.store('order', 1))
    await generations.writePointer('order', { live: 2 }, undefined)
    await clock.wait(1)
    assert.equal((await views.state('order')).live.store, generations.store('order', 2))
  })

  it('return the same store for the same generation, whatever happens to the others', async () => {
    const clock = new ManualClock()
    const generations = new MemoryViewStores()
    // The wrapper of the generations creates a new store with each call.
    const views = new LiveViews(
      before(generations, async () => {}),
      clock,
    )
    const one = (await views.state('order')).live.store
    await generations.writePointer('order', { live: 1, building: 2, written: [2, 1] }, undefined)
    await clock.wait(POINTER_MS)
    const [two, still] = (await views.state('order')).writeTargets.map(({ store }) => store)
    assert.equal(still, one)
    const { etag } = await generations.readPointer('order')
    const previous = { generation: 1, left: clock.now() }
    await generations.writePointer('order', { live: 2, previous }, etag)
    await clock.wait(POINTER_MS)
    assert.equal((await views.state('order')).live.store, two)
  })
})
