import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Throttle } from '../faults/throttle.ts'

const MB = 1024 * 1024

/** Rounding error of sums of token fractions. */
const ROUNDING = 1e-3

const units = fc.integer({ min: 1, max: 3 })
/** Bursts, with pauses longer than a bucket needs to fill. */
const pause = fc.oneof(
  { weight: 9, arbitrary: fc.constant(0) },
  { weight: 1, arbitrary: fc.double({ min: 0, max: 5000, noNaN: true }) },
)

/** What passed at a time, in milliseconds. */
interface Passed {
  readonly at: number
  readonly bytes: number
  readonly events: number
}

/** Checks every time window: bytes and events are within the limits for its length plus one second, and `beyond`. */
function assertBounded(
  passed: readonly Passed[],
  bytesPerSecond: number,
  eventsPerSecond: number,
  beyond = { bytes: 0, events: 0 },
): void {
  for (const [first, { at: from }] of passed.entries()) {
    let bytes = 0
    let events = 0
    for (const one of passed.slice(first)) {
      bytes += one.bytes
      events += one.events
      const seconds = (one.at - from) / 1000 + 1
      assert.ok(bytes <= bytesPerSecond * seconds + beyond.bytes + ROUNDING, `${bytes} bytes in ${seconds} s`)
      assert.ok(events <= eventsPerSecond * seconds + beyond.events + ROUNDING, `${events} events in ${seconds} s`)
    }
  }
}

test('never admits more than the units allow, plus one second', () => {
  const send = fc.record({ pause, bytes: fc.integer({ min: 1, max: MB }), events: fc.integer({ min: 1, max: 1000 }) })
  fc.assert(
    fc.property(units, fc.array(send, { minLength: 50, maxLength: 200 }), (count, sends) => {
      let now = 1000
      const throttle = new Throttle(count, () => now)
      const admitted: Passed[] = []
      for (const { pause: ms, bytes, events } of sends) {
        now += ms
        if (throttle.admit(bytes, events)) admitted.push({ at: now, bytes, events })
      }
      assertBounded(admitted, count * MB, count * 1000)
    }),
  )
})

test("admits a batch larger than one second's limit if nothing else was sent, as debt", () => {
  let now = 0
  const throttle = new Throttle(1, () => now)
  assert.ok(throttle.admit(100, 2500))
  for (now = 0; now < 1500; now += 100) assert.ok(!throttle.admit(1, 1), `after ${now} ms`)
  now = 1501
  assert.ok(throttle.admit(1, 1))
  assert.ok(!throttle.admit(100, 2500))
  now = 5000
  assert.ok(throttle.admit(100, 2500))
})

test('a refused send uses up nothing, and either limit refuses', () => {
  let now = 0
  const throttle = new Throttle(2, () => now)
  assert.ok(throttle.admit(MB, 1))
  assert.ok(!throttle.admit(MB + 1, 1))
  assert.ok(!throttle.admit(1, 2000))
  assert.ok(throttle.admit(MB, 1999))
  assert.ok(!throttle.admit(1, 1))
  now = 1000
  assert.ok(throttle.admit(2 * MB, 2000))
})

test('never refuses a client that stays within the units', () => {
  fc.assert(
    fc.property(units, fc.array(fc.integer({ min: 1, max: 1000 }), { maxLength: 200 }), (count, pauses) => {
      let now = 0
      const throttle = new Throttle(count, () => now)
      for (const ms of pauses) {
        now += ms
        const bytes = Math.floor((count * MB * ms) / 1000)
        const events = Math.floor((count * 1000 * ms) / 1000)
        assert.ok(throttle.admit(bytes, events))
      }
    }),
  )
})

test('a receiver that waits as required never gets more than the units allow, plus one turn', () => {
  const most = { bytes: MB, events: 5000 }
  const turn = fc.record({
    pause,
    bytes: fc.integer({ min: 1, max: most.bytes }),
    events: fc.integer({ min: 1, max: most.events }),
  })
  fc.assert(
    fc.property(units, fc.array(turn, { maxLength: 200 }), (count, turns) => {
      let now = 0
      const throttle = new Throttle(count, () => now)
      const sent: Passed[] = []
      for (const { pause: ms, bytes, events } of turns) {
        now += ms
        sent.push({ at: now, bytes, events })
        now += throttle.egressDelayMs(bytes, events)
      }
      assertBounded(sent, count * 2 * MB, count * 4096, most)
    }),
  )
})

test('egress waits for the stricter limit, and ingress is counted separately', () => {
  let now = 0
  const throttle = new Throttle(1, () => now)
  assert.equal(throttle.egressDelayMs(MB, 10), 0)
  assert.equal(throttle.egressDelayMs(2 * MB, 10), 500)
  assert.ok(throttle.admit(MB, 1000))
  now = 10_000
  assert.equal(throttle.egressDelayMs(1, 4096), 0)
  assert.equal(throttle.egressDelayMs(1, 1024), 250)
})
