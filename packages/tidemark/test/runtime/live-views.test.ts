import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { MemoryViewStores } from '../../memory/view-store.ts'
import { LiveViews, POINTER_MS } from '../../runtime/live-views.ts'
import { before } from '../support/before-calls.ts'
import { ManualClock } from '../support/fakes.ts'

/** Its answers are on their way for as long as a pointer is taken for current, less a millisecond. */
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
  it('take a pointer for current as long as a handover waits, and no longer', async () => {
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

  it('count from before the read: an answer that was long on its way is no newer for it', async () => {
    const clock = new ManualClock()
    const generations = new SlowViews(clock)
    const views = new LiveViews(generations, clock)
    assert.equal((await views.state('order')).live.store, generations.store('order', 1))
    await generations.writePointer('order', { live: 2 }, undefined)
    await clock.wait(1)
    assert.equal((await views.state('order')).live.store, generations.store('order', 2))
  })

  it('give out the same store for the same generation, whatever becomes of the others', async () => {
    const clock = new ManualClock()
    const generations = new MemoryViewStores()
    // What stands before the generations makes a store anew each time it is asked for one.
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
