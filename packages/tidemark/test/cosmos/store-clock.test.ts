import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { TidemarkError } from '../../core/errors.ts'
import { MAX_SKEW_MS, StoreClock } from '../../cosmos/store-clock.ts'

const START = Date.UTC(2026, 0, 1)
const MINUTE = 60_000
const HOUR = 60 * MINUTE
/** Resolves once all pending requests are answered. */
const answers = (): Promise<void> => new Promise(setImmediate)

/** A host and a store whose clocks differ, and the network between them. Time passes only when a test lets it. */
class World {
  /** The true time since the start, in milliseconds. */
  #passed = 0
  /** How much faster the host's clock runs than the store's. */
  drift = 0
  /** The offset of the host's time of day from the store's, in milliseconds. */
  offset = 0
  /** How long the machine slept, in milliseconds: its `elapsed` stood still. */
  #slept = 0
  /** The latency of a request and of its answer, in milliseconds. */
  way: readonly [there: number, back: number] = [0, 0]
  /** The faults of the next requests. */
  readonly faults: ('unreachable' | 'nonsense' | 'sleep')[] = []
  requests = 0
  /** The lines that the clock logged. */
  readonly lines: string[] = []

  readonly clock = new StoreClock(
    () => this.#ask(),
    {
      time: () => START + this.#passed * (1 + this.drift) + this.offset,
      elapsed: () => 1_000 + (this.#passed - this.#slept) * (1 + this.drift),
      wait: async () => {},
    },
    (line) => this.lines.push(line),
  )

  get store(): number {
    return START + this.#passed
  }

  /** How far the clock is behind the store, in milliseconds. It is never ahead by a millisecond or more. */
  get fault(): number {
    const behind = this.store - Date.parse(this.clock.now())
    assert.ok(behind > -1e-6, `${-behind} ms ahead`)
    return behind
  }

  pass(milliseconds: number): void {
    this.#passed += milliseconds
  }

  sleep(milliseconds: number): void {
    this.#passed += milliseconds
    this.#slept += milliseconds
  }

  async #ask(): Promise<number> {
    this.requests += 1
    const fault = this.faults.shift()
    this.pass(this.way[0])
    const answer = Math.floor(this.store)
    await Promise.resolve()
    if (fault === 'sleep') this.sleep(HOUR)
    this.pass(this.way[1])
    if (fault === 'unreachable') throw new TidemarkError('unavailable', 'no way there')
    return fault === 'nonsense' ? Number.NaN : answer
  }
}

describe("the store's clock, as a host reads it", () => {
  it('is unavailable until the store has answered once', async () => {
    const world = new World()
    world.offset = 10 * MINUTE
    world.faults.push('unreachable', 'nonsense', 'sleep')
    for (const _ of [...world.faults]) await assert.rejects(world.clock.ready(), { code: 'unavailable' })
    await world.clock.ready()
    assert.ok(world.fault <= 1)
  })

  for (const [what, offset] of [
    ['ten minutes fast', 10 * MINUTE],
    ['an hour slow', -HOUR],
  ] as const)
    it(`is right on a host that is ${what}`, async () => {
      const world = new World()
      world.offset = offset
      world.way = [4, 6]
      await world.clock.ready()
      for (let minutes = 0; minutes < 60; minutes += 1) {
        assert.ok(world.fault <= world.clock.error + 1, `wrong by ${world.fault} after ${minutes} minutes`)
        world.pass(MINUTE)
        await world.clock.ready()
      }
    })

  it('does not follow a jump of the host’s time of day, and asks the store once more', async () => {
    const world = new World()
    await world.clock.ready()
    for (const jump of [HOUR, -2 * HOUR]) {
      world.offset += jump
      assert.ok(world.fault <= 1)
      const { requests } = world
      await world.clock.ready()
      assert.deepEqual([world.requests - requests, world.fault <= 1], [1, true])
    }
  })

  it('stays right for its present users while it asks the store after a jump', async () => {
    const world = new World()
    await world.clock.ready()
    for (const jump of [HOUR, -2 * HOUR]) {
      world.offset += jump
      // Only a new command waits for this answer; one that was ready before continues.
      const asked = world.clock.ready()
      assert.ok(world.fault <= 1, `wrong by ${world.fault}`)
      await asked
    }
    world.offset += HOUR
    world.faults.push('unreachable')
    await assert.rejects(world.clock.ready(), { code: 'unavailable' })
    assert.ok(world.fault <= 1, `wrong by ${world.fault}`)
  })

  it('is not used after the machine slept until the store has answered again', async () => {
    const world = new World()
    await world.clock.ready()
    world.sleep(HOUR)
    world.faults.push('unreachable')
    await assert.rejects(world.clock.ready(), { code: 'unavailable' })
    await world.clock.ready()
    assert.ok(world.fault <= 1)
  })

  it('asks at most three times at first, then every five minutes, and blocks nobody', async () => {
    const world = new World()
    world.way = [200, 400]
    await Promise.all([world.clock.ready(), world.clock.ready(), world.clock.ready()])
    assert.equal(world.requests, 3)
    world.way = [5, 5]
    for (let seconds = 0; seconds < 3600; seconds += 10) {
      world.pass(10_000)
      await world.clock.ready()
      await answers()
    }
    assert.ok(world.requests <= 3 + 12, `${world.requests} requests in an hour`)
    world.pass(6 * MINUTE)
    let answered = false
    const { requests } = world
    await world.clock.ready().then(() => {
      answered = world.clock.error < 6
    })
    assert.deepEqual([world.requests - requests, answered], [1, false])
  })

  it('continues while the store is unreachable, and asks at most every five seconds', async () => {
    const world = new World()
    await world.clock.ready()
    world.faults.push(...Array.from({ length: 1000 }, () => 'unreachable' as const))
    world.pass(5 * MINUTE)
    const { requests } = world
    for (let seconds = 0; seconds < 60; seconds += 1) {
      await world.clock.ready()
      await Promise.resolve()
      world.pass(1_000)
    }
    assert.ok(world.fault <= world.clock.error + 1 && world.clock.error < 1_000)
    assert.ok(world.requests - requests <= 13, `${world.requests - requests} requests in a minute`)
  })

  it('is not made worse by a slow answer', async () => {
    const world = new World()
    world.way = [2, 2]
    await world.clock.ready()
    world.pass(5 * MINUTE)
    world.way = [0, 8_000]
    const before = world.clock.error
    await world.clock.ready()
    await answers()
    assert.ok(world.clock.error < before + 5, `${world.clock.error} after ${before}`)
    assert.ok(world.fault <= world.clock.error + 1)
  })

  it('logs nothing about a tolerable skew, nor about the error of a slow answer', async () => {
    const world = new World()
    for (const [offset, way] of [
      [MAX_SKEW_MS - 100, [2, 2]],
      [-MAX_SKEW_MS + 100, [2, 2]],
      [MAX_SKEW_MS - 2_000, [0, 9_000]],
    ] as const) {
      Object.assign(world, { offset, way })
      world.sleep(MINUTE)
      await world.clock.ready()
      assert.ok(Math.abs((world.clock.skew ?? 0) - offset) <= world.clock.error + 1)
    }
    assert.deepEqual(world.lines, [])
  })

  it('logs the host’s skew and the remedy once, again if it changes much, and when it is right', async () => {
    const world = new World()
    assert.equal(world.clock.skew, undefined)
    const about: (RegExp | undefined)[] = []
    for (const [offset, line] of [
      [HOUR, /is 3600 s fast, compared with the store's.* set it right/],
      [HOUR, undefined],
      [HOUR + MAX_SKEW_MS / 2, undefined],
      [HOUR + 2 * MAX_SKEW_MS, /is 3620 s fast/],
      [-HOUR, /is 3600 s slow/],
      // Between the two limits, where the skew may go back and forth.
      [-MAX_SKEW_MS + 100, undefined],
      [-MAX_SKEW_MS / 4, /is right again/],
      [0, undefined],
    ] as const) {
      world.offset = offset
      for (let minutes = 0; minutes < 20; minutes += 1) {
        world.pass(MINUTE)
        await world.clock.ready()
        await answers()
      }
      assert.ok(Math.abs((world.clock.skew ?? 0) - offset) <= 1)
      if (line) about.push(line)
      assert.equal(world.lines.length, about.length, world.lines.join('\n'))
      if (line) assert.match(world.lines.at(-1) ?? '', line)
    }
  })

  it('is never further from the store’s time than its error, for any latency, drift and jump', () =>
    fc.assert(
      fc.asyncProperty(
        fc.integer({ min: -HOUR, max: HOUR }),
        fc.double({ min: -0.0004, max: 0.0004, noNaN: true }),
        fc.array(
          fc.record({
            pass: fc.integer({ min: 0, max: 2 * HOUR }),
            there: fc.integer({ min: 0, max: 5_000 }),
            back: fc.integer({ min: 0, max: 5_000 }),
            // A jump and a sleep of the same length at once cannot be detected.
            mishap: fc.constantFrom('none', 'none', 'jump', 'jump back', 'sleep'),
            fails: fc.boolean(),
          }),
          { minLength: 1, maxLength: 12 },
        ),
        async (offset, drift, steps) => {
          const world = new World()
          Object.assign(world, { offset, drift })
          for (const { pass, there, back, mishap, fails } of steps) {
            world.pass(pass)
            if (mishap === 'sleep') world.sleep(HOUR)
            else if (mishap !== 'none') world.offset += mishap === 'jump' ? HOUR : -HOUR
            world.way = [there, back]
            if (fails) world.faults.push('unreachable')
            const ready = await world.clock.ready().then(
              () => true,
              () => false,
            )
            await answers()
            if (!ready) continue
            assert.ok(world.fault <= world.clock.error + 1, `wrong by ${world.fault}, says ${world.clock.error}`)
          }
        },
      ),
      { numRuns: 300 },
    ))
})
