import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { InvalidSettings } from '../../kit/settings-check.ts'
import { DELIVERY_RATES, type FaultSettings, readFaultSettings, SEND_RATES } from '../faults/fault-settings.ts'
import { Faults } from '../faults/faults.ts'

const QUESTIONS = ['onSend', 'onDeliver', 'rewind', 'latencyMs'] as const

const seeds = fc.integer({ min: 0, max: 2 ** 32 - 1 })

/** Rates for the names that add up to at most 1. */
const arbitraryRates = <Name extends string>(names: readonly Name[]): fc.Arbitrary<Partial<Record<Name, number>>> =>
  fc.array(fc.nat(1000), { minLength: names.length + 1, maxLength: names.length + 1 }).map((weights) => {
    const sum = Math.max(
      1,
      weights.reduce((a, b) => a + b),
    )
    return Object.fromEntries(names.map((name, i) => [name, (weights[i] ?? 0) / sum])) as Record<Name, number>
  })

const settings: fc.Arbitrary<FaultSettings> = fc
  .record({
    seed: seeds,
    sends: arbitraryRates(SEND_RATES),
    deliveries: arbitraryRates(DELIVERY_RATES),
    rate: fc.double({ min: 0, max: 1, noNaN: true }),
  })
  .map(({ seed, sends, deliveries, rate }) => ({
    seed,
    ...sends,
    ...deliveries,
    duplicates: { rate, events: 7 },
    latencyMs: { min: 5, max: 9 },
  }))

test('refuses invalid fault settings by name', () => {
  const refusals: readonly (readonly [unknown, string])[] = [
    [undefined, 'an object is expected'],
    [[], 'an object is expected'],
    [{}, '"seed" must be 0 to 4294967295'],
    [{ seed: -1 }, '"seed" must be 0 to 4294967295'],
    [
      { seed: 1, sever: 0.5 },
      `"sever" is unknown, known are seed, ${[...SEND_RATES, ...DELIVERY_RATES].join(', ')}, duplicates, latencyMs`,
    ],
    ...[...SEND_RATES, ...DELIVERY_RATES].flatMap((name) =>
      [-0.1, 1.1, '1', null].map((rate) => [{ seed: 1, [name]: rate }, `"${name}" must be 0 to 1`] as const),
    ),
    [{ seed: 1, serverBusy: 0.6, dropAfterAck: 0.5 }, `the rates of ${SEND_RATES.join(', ')} add up to more than 1`],
    [{ seed: 1, steal: 0.6, drop: 0.5 }, 'the rates of steal, drop add up to more than 1'],
    [{ seed: 1, duplicates: { rate: 2, events: 1 } }, 'duplicates: "rate" must be 0 to 1'],
    [{ seed: 1, duplicates: { rate: 1, events: 0 } }, 'duplicates: "events" must be 1 to 1000000'],
    [{ seed: 1, duplicates: { rate: 1, events: 1, of: 2 } }, 'duplicates: "of" is unknown, known are rate, events'],
    [{ seed: 1, latencyMs: { min: -1, max: 5 } }, 'latencyMs: "min" must be 0 to 60000'],
    [{ seed: 1, latencyMs: { min: 5, max: 4 } }, 'latencyMs: "max" must be 5 to 60000'],
    [{ seed: 1, latencyMs: 5 }, 'latencyMs: an object is expected'],
  ]
  for (const [value, message] of refusals)
    assert.throws(
      () => readFaultSettings(value),
      (error) => error instanceof InvalidSettings && error.message === message,
      message,
    )
  const all = { seed: 1, serverBusy: 0.1, steal: 1, duplicates: { rate: 1, events: 3 }, latencyMs: { min: 0, max: 0 } }
  assert.deepEqual(readFaultSettings(all), all)
})

test('without rates there is no fault and nothing is counted', () => {
  for (const question of QUESTIONS) assert.ok(!Faults.none[question]())
  assert.deepEqual(Faults.none.counts, {})
})

test('the same seed gives the same answers to a question, independently of other questions', () => {
  fc.assert(
    fc.property(settings, fc.array(fc.constantFrom(...QUESTIONS), { maxLength: 200 }), (given, asked) => {
      const mixed = new Faults(given)
      const answers = asked.map((question) => ({ question, answer: mixed[question]() }))
      for (const question of QUESTIONS) {
        const alone = new Faults(given)
        for (const { answer } of answers.filter((one) => one.question === question))
          assert.equal(alone[question](), answer)
      }
    }),
  )
})

test('different seeds give different answers', () => {
  const drawAnswers = (seed: number): string =>
    Array.from({ length: 64 }, (_, i) => i)
      .map(() => faultsBySeed[seed]?.onSend() ?? '-')
      .join()
  const faultsBySeed = Array.from({ length: 100 }, (_, seed) => new Faults({ seed, serverBusy: 0.5 }))
  assert.equal(new Set(faultsBySeed.map((_, seed) => drawAnswers(seed))).size, 100)
})

test('each fault occurs at its rate, and is counted', () => {
  const asked = 4000
  fc.assert(
    fc.property(settings, (given) => {
      const faults = new Faults(given)
      for (let i = 0; i < asked; i++) for (const question of QUESTIONS) faults[question]()
      for (const name of [...SEND_RATES, ...DELIVERY_RATES]) check(name, given[name] ?? 0)
      check('duplicates', given.duplicates?.rate ?? 0)
      check('latencyMs', 1)

      function check(name: string, rate: number): void {
        // Seven standard deviations are exceeded once in 10^11 times.
        const allowed = 7 * Math.sqrt(asked * rate * (1 - rate)) + 1
        const counted = faults.counts[name] ?? 0
        assert.ok(Math.abs(counted - asked * rate) <= allowed, `${name}: ${counted} of ${asked} at a rate of ${rate}`)
      }
    }),
    { numRuns: 50 },
  )
})

test('a rate of 1 always injects the fault, under the name that the data path uses', () => {
  const named: [keyof FaultSettings, string][] = [
    ['serverBusy', 'server-busy'],
    ['dropBeforeStore', 'drop-before-store'],
    ['dropBeforeAck', 'drop-before-ack'],
    ['dropAfterAck', 'drop-after-ack'],
    ['halfCloseBeforeAck', 'half-close-before-ack'],
    ['halfCloseAfterAck', 'half-close-after-ack'],
  ]
  for (const [name, fault] of named) {
    const faults = new Faults({ seed: 7, [name]: 1 })
    for (let i = 0; i < 100; i++) assert.equal(faults.onSend(), fault)
    assert.deepEqual(faults.counts, { [name]: 100 })
  }
  for (const name of DELIVERY_RATES) assert.equal(new Faults({ seed: 7, [name]: 1 }).onDeliver(), name)
  assert.equal(new Faults({ seed: 7, duplicates: { rate: 1, events: 12 } }).rewind(), 12)
})

test('latency takes every value between its bounds, including both', () => {
  const faults = new Faults({ seed: 3, latencyMs: { min: 5, max: 9 } })
  const seen = new Set(Array.from({ length: 500 }, () => faults.latencyMs()))
  assert.deepEqual([...seen].sort(), [5, 6, 7, 8, 9])
})
