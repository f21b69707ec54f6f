import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { z } from 'zod'
import { type CommandOf, commandType, type Decider } from '../../core/decider.ts'
import { type EventOf, eventType } from '../../core/event.ts'
import { MAX_EVENTS } from '../../core/ports.ts'
import { given } from '../../testing/given.ts'
import { moment } from '../../testing/moment.ts'
import { recordedAs } from '../../testing/recorded-as.ts'
import { PaidIn, wallet } from '../domain/wallets.ts'

const paidIn = (amount: number) => ({ type: 'PaidIn', data: { amount, currency: 'EUR' } }) as const
const paidOut = (amount: number) => ({ type: 'PaidOut', data: { amount } }) as const
const payIn = (amount: number) => ({ type: 'pay-in', data: { amount } }) as const
const payOut = (amount: number) => ({ type: 'pay-out', data: { amount } }) as const

describe('given-when-then of a decider', () => {
  it('fails for other events than those decided, and shows the difference', () => {
    assert.throws(
      () =>
        given(wallet, [paidIn(5)])
          .when(payOut(3))
          .then([paidOut(4)]),
      {
        name: 'AssertionError',
        message: `
  given     PaidIn {"amount":5,"currency":"EUR"}
  when      pay-out {"amount":3}
  expected  PaidOut {"amount":4}
  got       PaidOut {"amount":3}
  event 1, PaidOut: /amount: expected 4, got 3`,
      },
    )
  })

  for (const [what, wrong, message] of [
    ['too few events', () => given(wallet, []).when(payIn(3)).then([]), /expected {2}nothing\n {2}got {7}PaidIn/],
    [
      'too many events',
      () =>
        given(wallet, [])
          .when(payIn(3))
          .then([paidIn(3), paidOut(1)]),
      /PaidOut {"amount":1}\n {2}got/,
    ],
    ['events instead of nothing', () => given(wallet, []).when(payIn(3)).thenNothing(), /expected {2}nothing/],
    [
      'a refusal instead of events',
      () =>
        given(wallet, [paidIn(1)])
          .when(payOut(3))
          .then([paidOut(3)]),
      /got {7}the refusal wallet-empty: there is 1/,
    ],
    [
      'a refusal instead of nothing',
      () =>
        given(wallet, [paidIn(1)])
          .when(payOut(3))
          .thenNothing(),
      /the refusal wallet-empty/,
    ],
    [
      'another refusal',
      () =>
        given(wallet, [paidIn(1)])
          .when(payOut(3))
          .thenRefused('wallet-shut'),
      /expected {2}the refusal wallet-shut\n {2}got {7}the refusal wallet-empty/,
    ],
    [
      'events instead of a refusal',
      () =>
        given(wallet, [paidIn(5)])
          .when(payOut(3))
          .thenRefused('wallet-empty'),
      /got {7}PaidOut {"amount":3}/,
    ],
    [
      'an event that does not fit its schema',
      () =>
        given(wallet, [paidIn(-5)])
          .when(payOut(3))
          .thenRefused('wallet-empty'),
      /cannot be given to wallet-1: PaidIn does not fit its schema: \/amount/,
    ],
    [
      'an event with an undeclared field',
      () => {
        const more = { type: 'PaidIn', data: { amount: 5, currency: 'EUR', tip: 1 } } as const
        given(wallet, [more])
          .when(payOut(3))
          .then([paidOut(3)])
      },
      /PaidIn has data that its schema does not name/,
    ],
    [
      'an event of an older version that does not fit this version after upcasting',
      () =>
        given(wallet, [recordedAs(PaidIn, 1, { amount: 5, currency: 'EUR' })])
          .when(payOut(3))
          .then([paidOut(3)]),
      /PaidIn has data that its schema does not name/,
    ],
    [
      'a command that does not fit its schema',
      () => given(wallet, []).when(payIn(0)).thenRefused('wallet-empty'),
      /pay-in does not fit its schema, so it never reaches wallet: \/amount/,
    ],
    [
      'an undeclared refusal',
      () =>
        given({ ...wallet, refusals: {} }, [paidIn(1)])
          .when(payOut(3))
          .thenRefused('wallet-empty'),
      /wallet refuses with wallet-empty, which is not among its declared refusals/,
    ],
  ] as const)
    it(`fails for ${what}`, () => assert.throws(wrong, { name: 'AssertionError', message }))

  const Kept = eventType('Kept', z.object({ value: z.unknown() }))
  const keepCommand = commandType('keep', z.object({ value: z.unknown() }), { creates: true })
  const keeper: Decider<null, CommandOf<typeof keepCommand>, EventOf<typeof Kept>> = {
    category: 'box',
    commands: [keepCommand],
    events: [Kept],
    initial: null,
    evolve: () => null,
    decide: (_, { data }) => [{ type: 'Kept', data }],
  }
  class Money {}
  for (const [what, value, message] of [
    ['a Date', new Date(0), /\/value\/a: a Date/],
    ['a Map', new Map(), /\/value\/a: a Map/],
    ['undefined in an array', [undefined], /\/value\/a\/0: undefined/],
    ['an unsafe integer', 2 ** 60, /\/value\/a: 1152921504606847000 is not a safe integer/],
    ['a function', () => 1, /\/value\/a: a function/],
    ['an object of a class', new Money(), /\/value\/a: an object of Money/],
    ['bytes', Uint8Array.of(1), /\/value\/a: an object of Uint8Array/],
    ['a field named __proto__', JSON.parse('{"__proto__":1}'), /\/value\/a\/__proto__: /],
  ] as const)
    it(`fails for a given, sent or decided value that JSON does not keep, and names its place: ${what}`, () => {
      const data = { value: { a: value } }
      const keep = { type: 'keep', data: { value: 1 } } as const
      assert.throws(
        () => given(keeper, [{ type: 'Kept', data }]).when(keep),
        (error: Error) =>
          /cannot be given to box-1: Kept has data that JSON/.test(error.message) && message.test(error.message),
      )
      assert.throws(
        () => given(keeper, []).when({ type: 'keep', data }),
        (error: Error) =>
          /keep has data .*, so it never reaches box: /.test(error.message) && message.test(error.message),
      )
      const deciding: typeof keeper = { ...keeper, decide: () => [{ type: 'Kept', data }] }
      assert.throws(
        () => given(deciding, []).when(keep),
        (error: Error) =>
          /box decides cannot be recorded: event-invalid/.test(error.message) && message.test(error.message),
      )
    })

  it('does not change what a test gives, and folds its JSON form', () => {
    const data = { value: { gone: undefined, list: [-0] } }
    const folded: unknown[] = []
    const folding: typeof keeper = {
      ...keeper,
      evolve(_, event) {
        folded.push(event.data)
        return null
      },
    }
    given(folding, [{ type: 'Kept', data }])
      .when({ type: 'keep', data })
      .then([{ type: 'Kept', data: { value: { list: [0] } } }])
    assert.deepStrictEqual(folded[0], { value: { list: [0] } })
    assert.deepStrictEqual(data, { value: { gone: undefined, list: [-0] } })
    assert.equal(Object.isFrozen(data.value.list), false)
  })

  it('refuses a version that never existed', () => {
    assert.throws(() => recordedAs(PaidIn, 3, {}), /PaidIn has the versions 1 to 2, not 3/)
    assert.throws(() => recordedAs(PaidIn, 0, {}), RangeError)
  })

  it('fails for a decision that could not be recorded', () => {
    const misspelt = { ...wallet, decide: () => [{ type: 'PaidOut', data: { amount: 1, amuont: 1 } } as const] }
    assert.throws(() => given(misspelt, []).when(payIn(1)).thenNothing(), /cannot be recorded: event-invalid: PaidOut/)
    const many = { ...wallet, decide: () => Array.from({ length: MAX_EVENTS + 1 }, () => paidOut(1)) }
    assert.throws(() => given(many, []).when(payIn(1)).thenNothing(), /decision-too-large/)
  })

  it('fails for a decider that is not pure', () => {
    let calls = 0
    const counting = {
      ...wallet,
      decide: () => {
        calls += 1
        return [paidOut(calls)]
      },
    }
    assert.throws(
      () =>
        given(counting, [])
          .when(payIn(1))
          .then([paidOut(1)]),
      /decide of wallet is not pure: called twice .*\n {2}\/0\/data\/amount: expected 1, got 2/,
    )
    const forgetful = { ...wallet, evolve: () => ({ balance: calls++ }) }
    assert.throws(
      () =>
        given(forgetful, [paidIn(1)])
          .when(payIn(1))
          .thenNothing(),
      /evolve of wallet is not pure/,
    )
  })

  it('fails for a decider that changes its arguments', () => {
    type Mutable = { balance: number }
    const inPlace = {
      ...wallet,
      evolve: (state: Mutable) => {
        state.balance += 1
        return state
      },
    }
    assert.throws(
      () =>
        given(inPlace, [paidIn(1)])
          .when(payIn(1))
          .thenNothing(),
      /evolve of wallet throws.*read only/,
    )
    const greedy = {
      ...wallet,
      decide: (state: Mutable) => {
        state.balance = 0
        return []
      },
    }
    assert.throws(
      () =>
        given(greedy, [paidIn(1)])
          .when(payIn(1))
          .thenNothing(),
      /decide of wallet throws.*read only/,
    )
    const { subject: _, ...declared } = wallet
    const seen = {
      ...declared,
      initial: new Set<string>(),
      evolve: (state: Set<string>) => state,
      decide: (state: Set<string>) => {
        state.add('seen')
        return []
      },
    }
    assert.throws(() => given(seen, []).when(payIn(1)).thenNothing(), /it changes its arguments/)
  })

  it('cannot be awaited as a promise without its last step', async () => {
    const unfinished: unknown = given(wallet, []).when(payIn(1))
    await assert.rejects(async () => await unfinished, /nothing is expected yet/)
  })

  it('passes for expected events, refusals and no events', () => {
    given(wallet, [])
      .when(payIn(3))
      .then([paidIn(3)])
    given(wallet, [paidIn(3), paidOut(1)])
      .when(payOut(3))
      .thenRefused('wallet-empty')
    given({ ...wallet, decide: () => [] }, [])
      .when(payIn(3))
      .thenNothing()
  })

  it('refuses a command that may not begin a stream, as at run time', () =>
    given(wallet, []).when(payOut(3)).thenRefused('stream-not-found'))

  it('upcasts an older version, as at run time', () =>
    given(wallet, [recordedAs(PaidIn, 1, { amount: 5 })])
      .when(payOut(5))
      .then([paidOut(5)]))

  it('reads a newer additive version and refuses a breaking one, as at run time', () => {
    const next = PaidIn.additive(z.object({ amount: z.int(), currency: z.string(), note: z.string() }), (data) => ({
      ...data,
      note: '',
    }))
    const added = recordedAs(next, 3, { amount: 5, currency: 'EUR', note: 'hello' })
    given(wallet, [added])
      .when(payOut(5))
      .then([paidOut(5)])
    const broken = recordedAs(
      PaidIn.breaking(z.object({ cents: z.int() }), () => ({ cents: 1 })),
      3,
      { cents: 5 },
    )
    assert.throws(() => given(wallet, [broken]).when(payOut(5)), { code: 'event-unknown' })
    const other = recordedAs(eventType('Other', z.object({})), 1, {})
    assert.throws(() => given(wallet, [other]).when(payOut(5)), { code: 'event-unknown' })
  })

  it('passes the id and the time to the decider', () => {
    const telling = {
      ...wallet,
      decide: (_: unknown, __: unknown, { id, now }: { id: string; now: string }) => [
        { type: 'PaidIn', data: { amount: 1, currency: `${id} ${now}` } } as const,
      ],
    }
    const paidInAs = (currency: string) => [{ type: 'PaidIn', data: { amount: 1, currency } } as const]
    given(telling, []).when(payIn(1)).then(paidInAs('1 2026-01-01T00:00:00.000Z'))
    given(telling, [])
      .when(payIn(1), { id: 'ada', now: moment(61) })
      .then(paidInAs('ada 2026-01-01T00:01:01.000Z'))
  })
})
