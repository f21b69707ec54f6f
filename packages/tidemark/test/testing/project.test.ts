import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { z } from 'zod'
import type { DomainEvent } from '../../core/event.ts'
import type { MultiStreamView } from '../../core/view.ts'
import { moment } from '../../testing/moment.ts'
import { project } from '../../testing/project.ts'
import { recordedAs } from '../../testing/recorded-as.ts'
import { balanceView, PaidIn, type Turnover, turnoverView, type WalletEvent, wallets } from '../domain/wallets.ts'

const paidIn = (amount: number) => ({ type: 'PaidIn', data: { amount, currency: 'EUR' } }) as const
const paidOut = (amount: number) => ({ type: 'PaidOut', data: { amount } }) as const
const balances = project(wallets, balanceView)
const turnovers = project(wallets, turnoverView)
const two = { 'wallet-a': [paidIn(5), paidOut(2)], 'wallet-b': [paidIn(3)] }

/** A view of the last movement of all streams, so that it depends on the order of the streams. */
const lastView: MultiStreamView<Turnover, WalletEvent> = {
  ...turnoverView,
  evolve: (document, { data }) => ({ amount: data.amount, count: (document?.count ?? 0) + 1 }),
}

/** A view that counts one too many once it is called more often than the purity check does. */
function miscounting(): MultiStreamView<Turnover, WalletEvent> {
  const calls = new Map<string, number>()
  return {
    ...turnoverView,
    evolve(document, event, key) {
      const id = `${event.stream}@${event.version} ${key}`
      const count = (calls.get(id) ?? 0) + 1
      calls.set(id, count)
      // Each delivery calls it twice, and each event is delivered at least twice.
      const extra = count > 4 ? 1 : 0
      return { amount: (document?.amount ?? 0) + event.data.amount + extra, count: (document?.count ?? 0) + 1 }
    },
  }
}

describe('given-when-then of a view', () => {
  it('fails for another document, and shows the difference and the order of the events', async () => {
    await assert.rejects(balances.given([paidIn(5), paidOut(2)]).then({ balance: 4, movements: 2, at: moment(1) }), {
      name: 'AssertionError',
      message: `balance differs when events arrive in one batch: wallet-1@1, wallet-1@2
  document wallet-1:
    /balance: expected 4, got 3`,
    })
  })

  const all = { amount: 10, count: 3 }
  for (const [what, wrong, message] of [
    ['no document', () => balances.then({ balance: 1, movements: 1, at: '' }), /expected one document, got none/],
    ['an additional document', () => turnovers.given(two).then(all), /expected one document, got in, all, out/],
    [
      'a document with another key',
      () => turnovers.given(two).then('every', all),
      /document every: expected {"amount":10,"count":3}, got nothing\n {4}the view has in, all, out/,
    ],
    ['an unexpected document', () => turnovers.given(two).thenNone('all'), /document all: expected nothing/],
    [
      'an unexpected document among all documents',
      () => turnovers.given(two).thenAll({ all, out: { amount: 2, count: 1 } }),
      /document in: expected nothing, got {"amount":8,"count":2}/,
    ],
    [
      'a missing document among all documents',
      () =>
        turnovers.given([paidIn(1)]).thenAll({ all: { amount: 1, count: 1 }, in: { amount: 1, count: 1 }, out: all }),
      /document out: expected {"amount":10/,
    ],
    [
      'a view that depends on the order of streams',
      () => project(wallets, lastView).given(two).outOfOrder().then('in', { amount: 3, count: 2 }),
      /turnover differs when events arrive out of order \(seed \d+\)[\s\S]*document in:\n {4}\/amount: expected 3, got 5/,
    ],
    [
      'a view that counts redelivered events again',
      () => project(wallets, miscounting()).given(two).deliveredTwice().then('all', all),
      /turnover differs when events arrive one by one, each batch twice[\s\S]*\/amount: expected 10, got 1[1-9]/,
    ],
  ] as const)
    it(`fails for ${what}`, () => assert.rejects(wrong, { name: 'AssertionError', message }))

  it('checks the order and the number of deliveries only on request', async () => {
    await project(wallets, lastView).given(two).then('in', { amount: 3, count: 2 })
    await project(wallets, miscounting()).given(two).then('all', all)
  })

  it('fails for a view that is not pure, or changes its arguments', async () => {
    let calls = 0
    const counting: typeof balanceView = { ...balanceView, evolve: () => ({ balance: calls++, movements: 1, at: '' }) }
    await assert.rejects(
      project(wallets, counting)
        .given([paidIn(1)])
        .then({ balance: 1, movements: 1, at: '' }),
      /balance fails when events arrive in one batch: wallet-1@1\n {2}evolve of balance is not pure/,
    )
    const elsewhere: typeof turnoverView = { ...turnoverView, documentKeys: () => [String(calls++)] }
    await assert.rejects(
      project(wallets, elsewhere)
        .given([paidIn(1)])
        .thenAll({}),
      /documentKeys of turnover is not pure/,
    )
    const inPlace: typeof turnoverView = {
      ...turnoverView,
      evolve(document: Turnover | undefined) {
        const changed = (document ?? { amount: 0, count: 0 }) as { amount: number; count: number }
        changed.count += 1
        return changed
      },
    }
    await assert.rejects(
      project(wallets, inPlace)
        .given([paidIn(1), paidIn(1)])
        .then('all', { amount: 0, count: 2 }),
      /evolve of turnover throws.*read only/,
    )
    const overwriting: typeof turnoverView = {
      ...turnoverView,
      documentKeys(event) {
        ;(event as { time: string }).time = ''
        return []
      },
    }
    await assert.rejects(
      project(wallets, overwriting)
        .given([paidIn(1)])
        .thenAll({}),
      /documentKeys of turnover throws.*read only/,
    )
  })

  it("fails for a document that does not fit the view's schema", async () => {
    const declared: typeof turnoverView = {
      ...turnoverView,
      document: z.object({ amount: z.int(), count: z.int().max(1) }),
    }
    const twice = project(wallets, declared).given([paidIn(1), paidIn(1)])
    await assert.rejects(
      twice.then('all', { amount: 2, count: 2 }),
      /does not fit the schema that the view declares: \/count/,
    )
    const more: typeof turnoverView = {
      ...turnoverView,
      document: z.object({ amount: z.int(), count: z.int() }),
      evolve: (...args) => Object.assign({ more: 1 }, turnoverView.evolve(...args)),
    }
    await assert.rejects(
      project(wallets, more)
        .given([paidIn(1)])
        .thenNone('x'),
      /\/more: expected nothing, got 1/,
    )
  })

  it('fails for a document that JSON does not keep, and names the place', async () => {
    const dated = { balance: 1, movements: 1, at: new Date(0) as never }
    const large = { balance: 1n as never, movements: 1, at: '' }
    for (const [document, message] of [
      [dated, /balance fails when .*\n {2}balance makes a document wallet-1 that JSON does not keep: \/at: a Date/],
      [large, /balance makes a document wallet-1 that JSON does not keep: \/balance: a bigint/],
    ] as const) {
      const view: typeof balanceView = { ...balanceView, evolve: () => document }
      const projected = project(wallets, view).given([paidIn(1)])
      await assert.rejects(projected.then(document), { name: 'AssertionError', message })
    }
    const sets: typeof turnoverView = { ...turnoverView, evolve: () => ({ amount: new Set() as never, count: 1 }) }
    await assert.rejects(
      project(wallets, sets)
        .given([paidIn(1)])
        .thenAll({}),
      /turnover makes a document (in|all) that JSON does not keep: \/amount: a Set/,
    )
  })

  it('fails for an event that the service does not record, or not in this form', () => {
    assert.throws(() => balances.given([paidIn(-1)]), /cannot be given to wallet-1: PaidIn does not fit its schema/)
    assert.throws(() => balances.given({ 'purse-1': [paidIn(1)] }), /PaidIn is not among the declared events/)
    assert.throws(
      () => balances.given({ wallet: [paidIn(1)] }),
      /wallet cannot be given: a stream has a name such as order-1/,
    )
    const other = { type: 'PaidBack', data: {} } as DomainEvent as WalletEvent
    assert.throws(() => balances.given([other]), /PaidBack is not among the declared events/)
  })

  it('cannot be awaited as a promise without its last step', async () => {
    const unfinished: unknown = balances.given([paidIn(1)])
    await assert.rejects(async () => await unfinished, /nothing is expected yet/)
  })

  it('passes in every delivery for correct views', async () => {
    await balances
      .given([paidIn(5), paidOut(2)])
      .deliveredTwice()
      .outOfOrder()
      .then({ balance: 3, movements: 2, at: moment(1) })
    const both = turnovers.given(two).deliveredTwice().outOfOrder({ seed: 7, times: 30 })
    await both.then('all', all)
    await both.thenNone('none')
    await both.thenAll({ all, in: { amount: 8, count: 2 }, out: { amount: 2, count: 1 } })
    const each = balances.given(two).outOfOrder()
    await each.then('wallet-b', { balance: 3, movements: 1, at: moment(2) })
    await each.thenNone('wallet-c')
  })

  it('appends further given events, and upcasts older versions, as at run time', () =>
    balances
      .given([recordedAs(PaidIn, 1, { amount: 5 })])
      .given({ 'wallet-1': [paidOut(2)] })
      .then({ balance: 3, movements: 2, at: moment(1) }))
})
