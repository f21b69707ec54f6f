import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { z } from 'zod'
import { eventType } from '../../core/event.ts'
import { moment } from '../../testing/moment.ts'
import { react } from '../../testing/react.ts'
import { recordedAs } from '../../testing/recorded-as.ts'
import { BonusGranted, bonusPayment, pledges, wallet, wallets } from '../domain/wallets.ts'

const paidIn = (amount: number) => ({ type: 'PaidIn', data: { amount, currency: 'EUR' } }) as const
const paidOut = (amount: number) => ({ type: 'PaidOut', data: { amount } }) as const
const granted = (id: string, amount: number) => ({ type: 'BonusGranted', data: { wallet: id, amount } }) as const
const charged = (id: string, amount: number) => ({ type: 'ChargeMade', data: { wallet: id, amount } }) as const
const bonuses = react(wallets, bonusPayment)
const wanted = { type: 'PledgeWanted', data: { amount: 9, due: moment(60) } } as const
const paid = { type: 'PledgePaid', data: {} } as const
const made = { type: 'PledgeMade', data: wanted.data } as const
const lapse = { due: moment(60), stream: 'pledge-1', command: { type: 'lapse', data: {} } } as const
const pledge = react(wallets, pledges)

type Reacts = Extract<typeof bonusPayment, { readonly schedules?: false }>['react']

describe('given-when-then of a reaction', () => {
  it('fails for other events than those recorded, and shows the difference', () =>
    assert.rejects(
      bonuses.when({ 'bonus-1': [granted('ada', 5)] }).then({ 'wallet-ada': [paidIn(4)], 'wallet-bob': [paidIn(1)] }),
      {
        name: 'AssertionError',
        message: `the outcome differs when messages arrive in order
  wallet-ada:
    expected  PaidIn {"amount":4,"currency":"EUR"}
    got       PaidIn {"amount":5,"currency":"EUR"}
    event 1, PaidIn: /amount: expected 4, got 5
  wallet-bob:
    expected  PaidIn {"amount":1,"currency":"EUR"}
    got       nothing`,
      },
    ))

  const mixed = { 'bonus-1': [granted('ada', 5)], 'bonus-2': [charged('ada', 5)] }
  for (const [what, wrong, message] of [
    [
      'an unexpected stream',
      () => bonuses.when({ 'bonus-1': [granted('ada', 5), granted('bob', 1)] }).then({ 'wallet-ada': [paidIn(5)] }),
      /wallet-bob:\n {4}expected {2}nothing\n {4}got {7}PaidIn/,
    ],
    ['unexpected events', () => bonuses.when(mixed).thenNothing(), /wallet-ada:\n {4}expected {2}nothing/],
    [
      'a missing refusal',
      () =>
        bonuses
          .given({ 'wallet-ada': [paidIn(5)] })
          .when(mixed)
          .thenRefused('wallet-ada', 'wallet-empty'),
      /expected the refusal wallet-ada wallet-empty, got none/,
    ],
    [
      'another refusal',
      () => bonuses.when({ 'bonus-2': [charged('ada', 5)] }).thenRefused('wallet-ada', 'wallet-empty'),
      /got wallet-ada stream-not-found/,
    ],
    [
      'a reaction that depends on the order of streams',
      () =>
        bonuses
          .when(mixed)
          .outOfOrder()
          .then({ 'wallet-ada': [paidIn(5), paidOut(5)] }),
      /when messages arrive out of order \(seed \d+\)\n {2}wallet-ada:/,
    ],
    [
      'a process manager that depends on the order of streams',
      () =>
        pledge
          .when({ 'wish-1': [wanted], 'transfer-1': [paid] })
          .outOfOrder()
          .then({ 'pledge-1': [made, { type: 'PledgeKept', data: {} }] }),
      /when messages arrive out of order \(seed \d+\)\n {2}pledge-1:/,
    ],
    ['a missing immediate command', () => pledge.when({}).thenScheduled([lapse]), /expected {2}{"due"/],
    ['a missing scheduled command', () => pledge.when({ 'wish-1': [wanted] }).thenScheduled([]), /got {7}{"due"/],
    [
      'a command scheduled for another time',
      () => pledge.when({ 'wish-1': [wanted] }).thenScheduled([{ ...lapse, due: moment(61) }]),
      /scheduled\/0\/due: expected "2026-01-01T00:01:01.000Z", got "2026-01-01T00:01:00.000Z"/,
    ],
    [
      'an event that the other service does not publish in this form',
      () => bonuses.when({ 'bonus-1': [granted('ada', -1)] }).thenNothing(),
      /cannot be given to bonus-1: BonusGranted does not fit its schema/,
    ],
    [
      'an event of a stream that no reaction follows',
      () => bonuses.when({ 'wish-1': [wanted] }).thenNothing(),
      /wish-1 cannot be given: no reaction under test follows it/,
    ],
  ] as const)
    it(`fails for ${what}`, () => assert.rejects(wrong, { name: 'AssertionError', message }))

  it('fails for a command whose id does not depend on the event alone, once it is redelivered', async () => {
    let sent = 0
    const careless: typeof bonusPayment = {
      ...bonusPayment,
      async react({ data }, send) {
        sent += 1
        await send(wallet, data.wallet, `command ${sent}`, { type: 'pay-in', data: { amount: data.amount } })
      },
    }
    const story = react(wallets, careless).when({ 'bonus-1': [granted('ada', 5)] })
    await story.then({ 'wallet-ada': [paidIn(5)] })
    await assert.rejects(
      story.deliveredTwice().then({ 'wallet-ada': [paidIn(5)] }),
      /when messages arrive in order, each twice\n {2}wallet-ada:\n {4}expected.*\n {4}got.*\n {4}got {7}PaidIn/,
    )
  })

  for (const [how, reacts, what] of [
    [
      'does not await what it sends',
      async ({ data }, send) => {
        void send(wallet, data.wallet, 'once', { type: 'pay-in', data: { amount: data.amount } })
      },
      'did not wait for pay-in to wallet-ada: await each send, or return its promise',
    ],
    [
      'awaits it in a function that is not awaited',
      async ({ data }, send) => {
        void (async () => {
          await send(wallet, data.wallet, 'once', { type: 'pay-in', data: { amount: data.amount } })
        })()
      },
      'did not wait for pay-in to wallet-ada: await each send, or return its promise',
    ],
    [
      'sends after its end',
      async ({ data }, send) => {
        void Promise.resolve().then(async () => {
          for (let turns = 0; turns < 50; turns += 1) await undefined
          await send(wallet, data.wallet, 'once', { type: 'pay-in', data: { amount: data.amount } })
        })
      },
      'sent pay-in to wallet-ada after it had ended, so a crash would lose it: await all of its work before it ends',
    ],
  ] satisfies [string, Reacts, string][])
    it(`fails for a reaction that ${how}, even with the expected result`, () =>
      assert.rejects(
        react(wallets, { ...bonusPayment, react: reacts })
          .when({ 'bonus-1': [granted('ada', 5)] })
          .deliveredTwice()
          .then({ 'wallet-ada': [paidIn(5)] }),
        {
          name: 'AssertionError',
          message: `it fails when messages arrive in order, each twice: bonus-1@1: the reaction bonus-payment ${what}`,
        },
      ))

  it('fails for an event or a command that JSON does not keep, and names the place', async () => {
    const Dated = eventType('Dated', z.object({ at: z.unknown() }))
    const dated = { ...bonusPayment, events: [Dated], react: async () => {} }
    await assert.rejects(
      react(wallets, dated)
        .when({ 'bonus-1': [{ type: 'Dated', data: { at: new Date(0) } }] })
        .thenNothing(),
      /cannot be given to bonus-1: Dated has data that JSON does not keep: \/at: a Date/,
    )
    const sending: typeof bonusPayment = {
      ...bonusPayment,
      async react(_, send) {
        await send(wallet, 'ada', 'x', { type: 'pay-in', data: { amount: 1n as never } })
      },
    }
    await assert.rejects(
      react(wallets, sending)
        .when({ 'bonus-1': [granted('ada', 5)] })
        .thenNothing(),
      /bonus-payment sends pay-in to wallet-ada with data that JSON cannot represent: \/amount: a bigint/,
    )
  })

  it('fails with the error of the run time', () => {
    const broken = { ...bonusPayment, react: () => Promise.reject(new Error('out of order')) }
    return assert.rejects(
      react(wallets, broken)
        .when({ 'bonus-1': [granted('ada', 5)] })
        .thenNothing(),
      /it fails when messages arrive in order: out of order/,
    )
  })

  it('fails for an endless exchange of events', () => {
    const echo = {
      ...bonusPayment,
      service: 'wallets',
      category: 'wallet',
      events: wallet.events,
      react: async ({ version }: { version: number }, send: Parameters<typeof bonusPayment.react>[1]) => {
        await send(wallet, 'ada', `again ${version}`, { type: 'pay-in', data: { amount: 1 } })
      },
    }
    return assert.rejects(
      react(wallets, echo)
        .given({ 'wallet-ada': [paidIn(1)] })
        .after(1)
        .thenNothing(),
      /never settle/,
    )
  })

  it('needs something that happens and something that is expected', async () => {
    await assert.rejects(bonuses.given({ 'bonus-1': [granted('ada', 5)] }).thenNothing(), /nothing happens yet/)
    assert.throws(() => bonuses.when({}).given({}), /call given\(…\) before/)
    const unfinished: unknown = bonuses.when({})
    await assert.rejects(async () => await unfinished, /nothing is expected yet/)
    await assert.rejects(bonuses.after(5).at(moment(4)).thenNothing(), /cannot go back/)
  })

  it('treats given events, and what follows from them, as past', async () => {
    await bonuses
      .given({ 'wallet-ada': [paidIn(5)], 'bonus-1': [granted('bob', 2)] })
      .when({ 'bonus-1': [charged('bob', 2)], 'bonus-2': [charged('ada', 5)] })
      .deliveredTwice()
      .outOfOrder()
      .then({ 'wallet-bob': [paidOut(2)], 'wallet-ada': [paidOut(5)] })
    const refused = bonuses.given({ 'wallet-ada': [paidIn(5)] }).when({ 'bonus-1': [charged('ada', 6)] })
    await refused.deliveredTwice().thenRefused('wallet-ada', 'wallet-empty')
    await refused.deliveredTwice().thenNothing()
  })

  it('reads newer additive versions and skips unknown types, as at run time', async () => {
    const newer = BonusGranted.additive(
      z.object({ wallet: z.string(), amount: z.int().positive(), reason: z.string() }),
      (data) => ({ ...data, reason: '' }),
    )
    const other = recordedAs(eventType('BonusPlanned', z.object({})), 1, {})
    const more = recordedAs(newer, 2, { wallet: 'ada', amount: 3, reason: 'birthday' })
    await bonuses.when({ 'bonus-1': [other, more] }).then({ 'wallet-ada': [paidIn(3)] })
    const broken = recordedAs(
      BonusGranted.breaking(z.object({ cents: z.int() }), () => ({ cents: 1 })),
      2,
      { cents: 1 },
    )
    await assert.rejects(bonuses.when({ 'bonus-1': [broken] }).thenNothing(), /does not know BonusGranted version 2/)
  })
})

describe('given-when-then of a process manager', () => {
  it('receives its input, schedules commands, and acts when they are due', async () => {
    const waiting = pledge.when({ 'wish-1': [wanted] }).deliveredTwice()
    await waiting.then({ 'pledge-1': [made] })
    await waiting.thenScheduled([lapse])
    await waiting.after(59).then({ 'pledge-1': [made] })
    await waiting.after(59).thenScheduled([lapse])
    await waiting.at(moment(60)).then({ 'pledge-1': [made, { type: 'PledgeLapsed', data: {} }] })
    await waiting.after(60).thenScheduled([])
  })

  it('also receives events that its own service records otherwise', () =>
    pledge
      .when({ 'pledge-1': [{ type: 'PledgeMade', data: { amount: 1, due: moment(5) } }] })
      .after(5)
      .then({ 'pledge-1': [{ type: 'PledgeLapsed', data: {} }] }))

  it('does nothing at a deadline that was met', async () => {
    const met = pledge
      .given({ 'wish-1': [wanted] })
      .when({ 'transfer-1': [paid] })
      .deliveredTwice()
      .outOfOrder()
    await met.then({ 'pledge-1': [{ type: 'PledgeKept', data: {} }] })
    await met.after(60).then({ 'pledge-1': [{ type: 'PledgeKept', data: {} }] })
    await met.after(60).thenScheduled([])
  })

  it('is tested with its whole service if none is named', () =>
    react(wallets)
      .when({ 'wish-1': [wanted], 'bonus-1': [granted('ada', 2)] })
      .outOfOrder()
      .then({ 'pledge-1': [made], 'wallet-ada': [paidIn(2)] }))
})
