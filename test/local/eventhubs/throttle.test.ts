import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { Throttle } from '../../../local/eventhubs/throttle.ts'

const MB = 1024 * 1024

/** Sums of parts of a token are off by this much. */
const ROUNDING = 1e-3

const units = fc.integer({ min: 1, max: 40 })
const pause = fc.oneof(fc.constant(0), fc.double({ min: 0, max: 3000, noNaN: true }))

test('what is admitted never exceeds the units times the seconds, and one second more', () => {
  const sends = fc.array(
    fc.record({ pause, bytes: fc.integer({ min: 1, max: MB }), events: fc.integer({ min: 1, max: 1000 }) }),
    {
      maxLength: 300,
    },
  )
  fc.assert(
    fc.property(units, sends, (count, sent) => {
      let now = 1000
      const throttle = new Throttle(count, () => now)
      let bytes = 0
      let events = 0
      for (const send of sent) {
        now += send.pause
        if (!throttle.admit(send.bytes, send.events)) continue
        bytes += send.bytes
        events += send.events
        const seconds = (now - 1000) / 1000 + 1
        assert.ok(bytes <= count * MB * seconds + ROUNDING)
        assert.ok(events <= count * 1000 * seconds + ROUNDING)
      }
    }),
  )
})

test('a batch that is more than a second allows is admitted when nothing else was, and owed', () => {
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

test('a send that is refused takes nothing, and the limit that comes first decides', () => {
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

test('who sends no more than the units allow is never refused', () => {
  fc.assert(
    fc.property(
      units,
      fc.array(fc.double({ min: 0.1, max: 1000, noNaN: true }), { maxLength: 200 }),
      (count, pauses) => {
        let now = 0
        const throttle = new Throttle(count, () => now)
        for (const ms of pauses) {
          now += ms
          const bytes = Math.floor((count * MB * ms) / 1000)
          const events = Math.floor((count * 1000 * ms) / 1000)
          assert.ok(throttle.admit(bytes, events))
        }
      },
    ),
  )
})

test('a receiver that waits as it is told gets no more than the units allow, and one turn more', () => {
  const turns = fc.array(
    fc.record({ bytes: fc.integer({ min: 1, max: MB }), events: fc.integer({ min: 1, max: 5000 }) }),
    {
      maxLength: 300,
    },
  )
  fc.assert(
    fc.property(units, turns, (count, sent) => {
      let now = 0
      const throttle = new Throttle(count, () => now)
      let before = { bytes: 0, events: 0 }
      for (const turn of sent) {
        const seconds = now / 1000 + 1
        assert.ok(before.bytes <= count * 2 * MB * seconds + ROUNDING)
        assert.ok(before.events <= count * 4096 * seconds + ROUNDING)
        before = { bytes: before.bytes + turn.bytes, events: before.events + turn.events }
        now += throttle.egressDelayMs(turn.bytes, turn.events)
      }
    }),
  )
})

test('egress waits for the limit that comes first, and what came in is counted apart', () => {
  let now = 0
  const throttle = new Throttle(1, () => now)
  assert.equal(throttle.egressDelayMs(MB, 10), 0)
  assert.equal(throttle.egressDelayMs(2 * MB, 10), 500)
  assert.ok(throttle.admit(MB, 1000))
  now = 10_000
  assert.equal(throttle.egressDelayMs(1, 4096), 0)
  assert.equal(throttle.egressDelayMs(1, 1024), 250)
})
