import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { InvalidSettings } from '../../kit/settings-check.ts'
import { OPERATIONS, type OperationName } from '../api/operations.ts'
import { FAILING_KINDS, type FaultSetting, type FaultSettings, readFaultSettings } from '../faults/fault-settings.ts'
import { type Fault, Faults, NO_FAULT } from '../faults/faults.ts'

const operations = fc.constantFrom(...OPERATIONS)
const some = fc.option(fc.uniqueArray(operations, { maxLength: 5 }), { nil: undefined })

/** Lists of faults whose rates add up to at most 1 for every operation. */
const settings: fc.Arbitrary<FaultSettings> = fc.record(
  {
    seed: fc.integer({ min: 0, max: 2 ** 32 - 1 }),
    faults: fc
      .array(
        fc.record({
          kind: fc.constantFrom(...FAILING_KINDS, 'latency' as const),
          rate: fc.nat(1000),
          operations: some,
        }),
        { maxLength: 8 },
      )
      .map((faults) =>
        faults.map(({ kind, rate, operations: names }): FaultSetting => {
          const chance = { rate: rate / 1000 / faults.length, ...(names && { operations: names }) }
          return kind === 'latency' ? { kind, ...chance, minMs: 5, maxMs: 9 } : { kind, ...chance }
        }),
      ),
  },
  { noNullPrototype: true },
)

test('invalid fault settings are refused by name', () => {
  const one = (fault: unknown): unknown => ({ seed: 1, faults: [fault] })
  const refusals: readonly (readonly [unknown, string])[] = [
    [undefined, 'an object is expected'],
    [{ faults: [] }, '"seed" must be 0 to 4294967295'],
    [{ seed: 2 ** 32, faults: [] }, '"seed" must be 0 to 4294967295'],
    [{ seed: 1 }, '"faults" must be an array'],
    [{ seed: 1, faults: Array(101).fill({ kind: 'gone', rate: 0 }) }, '"faults" has at most 100 members'],
    [{ seed: 1, faults: [], throttle: 1 }, '"throttle" is unknown, known are seed, faults'],
    [one(7), 'faults[0]: an object is expected'],
    [
      one({ rate: 1 }),
      'faults[0]: "kind" must be one of throttle, retry-with, unavailable, gone, drop-before-commit, ' +
        'drop-after-commit, latency, lagging-replica',
    ],
    [one({ kind: 'gone' }), 'faults[0]: "rate" must be 0 to 1'],
    [one({ kind: 'gone', rate: 1.1 }), 'faults[0]: "rate" must be 0 to 1'],
    [one({ kind: 'gone', rate: Number.NaN }), 'faults[0]: "rate" must be 0 to 1'],
    [one({ kind: 'gone', rate: 1, operations: 'batch' }), 'faults[0]: "operations" must be an array'],
    [
      one({ kind: 'gone', rate: 1, operations: ['batch', 'dance'] }),
      `faults[0]: "operations" has "dance", known are ${OPERATIONS.join(', ')}`,
    ],
    [one({ kind: 'gone', rate: 1, times: 0 }), 'faults[0]: "times" must be 1 to 1000000000'],
    [
      one({ kind: 'gone', rate: 1, retryAfterMs: 5 }),
      'faults[0]: "retryAfterMs" is unknown, known are kind, operations, rate, times',
    ],
    [
      one({ kind: 'throttle', rate: 1, minMs: 5 }),
      'faults[0]: "minMs" is unknown, known are kind, operations, rate, times, retryAfterMs',
    ],
    [one({ kind: 'throttle', rate: 1, retryAfterMs: -1 }), 'faults[0]: "retryAfterMs" must be 0 to 60000'],
    [one({ kind: 'latency', rate: 1 }), 'faults[0]: "minMs" must be 0 to 60000'],
    [one({ kind: 'lagging-replica' }), 'faults[0]: "rate" must be 0 to 1'],
    [one({ kind: 'lagging-replica', rate: 1, container: 7 }), 'faults[0]: "container" must be a text'],
    [one({ kind: 'lagging-replica', rate: 1, database: '' }), 'faults[0]: "database" must be a text'],
    [
      one({ kind: 'lagging-replica', rate: 1, minMs: 5 }),
      'faults[0]: "minMs" is unknown, known are kind, operations, rate, times, database, container',
    ],
    [
      one({ kind: 'lagging-replica', rate: 1, operations: ['read-item', 'batch'] }),
      'faults[0]: "operations" has "batch", known are read-item, list-items, query-items',
    ],
    [
      one({ kind: 'gone', rate: 1, container: 'c' }),
      'faults[0]: "container" is unknown, known are kind, operations, rate, times',
    ],
    [one({ kind: 'latency', rate: 1, minMs: 5, maxMs: 4 }), 'faults[0]: "maxMs" must be 5 to 60000'],
    [
      {
        seed: 1,
        faults: [
          { kind: 'throttle', rate: 0.6 },
          { kind: 'gone', rate: 0.5, operations: ['batch'] },
        ],
      },
      `the rates of ${FAILING_KINDS.join(', ')} for batch add up to more than 1`,
    ],
    [
      { seed: 1, faults: Array(2).fill({ kind: 'latency', rate: 0.6, minMs: 0, maxMs: 1 }) },
      'the rates of latency for read-account add up to more than 1',
    ],
  ]
  for (const [value, message] of refusals)
    assert.throws(
      () => readFaultSettings(value),
      (error: Error) => error instanceof InvalidSettings && error.message === message,
      message,
    )
  const whole = {
    seed: 7,
    faults: [
      { kind: 'throttle', operations: ['create-item', 'batch'], rate: 0.7, retryAfterMs: 20, times: 3 },
      { kind: 'gone', operations: ['read-feed'], rate: 0.7 },
      { kind: 'latency', rate: 1, minMs: 0, maxMs: 0 },
      { kind: 'lagging-replica', operations: ['query-items'], rate: 1, database: 'd', container: 'c' },
      { kind: 'lagging-replica', rate: 1, times: 3 },
    ],
  }
  assert.deepEqual(readFaultSettings(whole), whole)
})

test('faults whose rates add up to at most 1 for each operation are accepted unchanged', () => {
  fc.assert(fc.property(settings, (given) => assert.deepEqual(readFaultSettings(given), given)))
})

test('without fault settings no request has a fault', () => {
  for (const operation of OPERATIONS) assert.deepEqual(Faults.none.draw(operation), NO_FAULT)
  assert.deepEqual(Faults.none.counts, [])
})

test('the same seed gives each operation the same faults, whatever else is requested in between', () => {
  fc.assert(
    fc.property(settings, fc.array(operations, { maxLength: 200 }), (given, asked) => {
      const mixed = new Faults(given)
      const drawn = asked.map((operation): [OperationName, Fault] => [operation, mixed.draw(operation)])
      for (const operation of new Set(asked)) {
        const alone = new Faults(given)
        for (const [name, fault] of drawn) if (name === operation) assert.deepEqual(alone.draw(operation), fault)
      }
    }),
  )
})

test('each fault hits its operations at its rate, and is counted', () => {
  const asked = 4000
  fc.assert(
    fc.property(settings, operations, (given, operation) => {
      const faults = new Faults(given)
      const kinds = new Map<string, number>()
      for (let i = 0; i < asked; i++) {
        const { failing, latencyMs } = faults.draw(operation)
        for (const kind of [failing?.kind, latencyMs > 0 ? 'latency' : undefined])
          if (kind) kinds.set(kind, (kinds.get(kind) ?? 0) + 1)
      }
      for (const [index, { operations: names, rate }] of given.faults.entries()) {
        const expected = names && !names.includes(operation) ? 0 : rate
        // Seven standard deviations: exceeded once in 10^11 times.
        const allowed = 7 * Math.sqrt(asked * expected * (1 - expected)) + 1
        const counted = faults.counts[index] ?? 0
        assert.ok(Math.abs(counted - asked * expected) <= allowed, `${counted} of ${asked} at a rate of ${expected}`)
      }
      for (const kind of [...FAILING_KINDS, 'latency']) {
        const counts = faults.counts.filter((_, index) => given.faults[index]?.kind === kind)
        assert.equal(
          kinds.get(kind) ?? 0,
          counts.reduce((a, b) => a + b, 0),
        )
      }
    }),
    { numRuns: 50 },
  )
})

test('a fault ends after the number of times in its settings', () => {
  const faults = new Faults({ seed: 1, faults: [{ kind: 'gone', rate: 1, times: 2 }] })
  const drawn = Array.from({ length: 5 }, () => faults.draw('read-feed').failing?.kind)
  assert.deepEqual(drawn, ['gone', 'gone', undefined, undefined, undefined])
  assert.deepEqual(faults.counts, [2])
})

test('a request is delayed by any time between the bounds of its latency, bounds included', () => {
  const faults = new Faults({ seed: 3, faults: [{ kind: 'latency', rate: 1, minMs: 5, maxMs: 9 }] })
  const seen = new Set(Array.from({ length: 500 }, () => faults.draw('batch').latencyMs))
  assert.deepEqual([...seen].sort(), [5, 6, 7, 8, 9])
})
