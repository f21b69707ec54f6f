import { z } from 'zod'
import { type CommandOf, commandType, type Decider, refuse } from '../../core/decider.ts'
import { type EventOf, eventType } from '../../core/event.ts'
import { processManager } from '../../core/process-manager.ts'
import type { Reaction } from '../../core/reaction.ts'
import { published, type Service } from '../../core/service.ts'
import type { MultiStreamView, SingleStreamView } from '../../core/view.ts'

/**
 * A small service to test the helpers on: wallets, deposits that other services request, and pledges that lapse.
 */

const paidV1 = z.object({ amount: z.int().positive() })
const paidV2 = paidV1.extend({ currency: z.string() })
export const PaidIn = eventType('PaidIn', paidV1).additive(paidV2, (data) => ({ ...data, currency: 'EUR' }))
export const PaidOut = eventType('PaidOut', z.object({ amount: z.int().positive() }))
const walletEvents = [PaidIn, PaidOut] as const
export type WalletEvent = EventOf<(typeof walletEvents)[number]>

const walletCommands = [
  commandType('pay-in', paidV1.strict(), { creates: true }),
  commandType('pay-out', paidV1.strict()),
] as const

export interface Wallet {
  readonly balance: number
}
export type WalletCommand = CommandOf<(typeof walletCommands)[number]>

export const wallet: Decider<Wallet, WalletCommand, WalletEvent> = {
  category: 'wallet',
  commands: walletCommands,
  events: walletEvents,
  refusals: { 'wallet-empty': 'The balance is too small.' },
  initial: { balance: 0 },
  evolve: ({ balance }, { type, data }) => ({
    balance: type === 'PaidIn' ? balance + data.amount : balance - data.amount,
  }),
  decide({ balance }, { type, data: { amount } }) {
    if (type === 'pay-in') return [{ type: 'PaidIn', data: { amount, currency: 'EUR' } }]
    return amount > balance ? refuse('wallet-empty', `there is ${balance}`) : [{ type: 'PaidOut', data: { amount } }]
  },
}

export interface Balance {
  readonly balance: number
  readonly movements: number
  readonly at: string
}

export const balanceView: SingleStreamView<Balance, WalletEvent> = {
  kind: 'one-stream',
  name: 'balance',
  category: 'wallet',
  filters: {},
  evolve: (document, { type, data, time }) => ({
    balance: (document?.balance ?? 0) + (type === 'PaidIn' ? data.amount : -data.amount),
    movements: (document?.movements ?? 0) + 1,
    at: time,
  }),
  sort: ({ at }) => at,
}

export interface Turnover {
  readonly amount: number
  readonly count: number
}

export const turnoverView: MultiStreamView<Turnover, WalletEvent> = {
  kind: 'many-streams',
  name: 'turnover',
  category: 'wallet',
  filters: {},
  documentKeys: ({ type }) => (type === 'PaidIn' ? ['in', 'all'] : ['out', 'all']),
  evolve: (document, { data }) => ({
    amount: (document?.amount ?? 0) + data.amount,
    count: (document?.count ?? 0) + 1,
  }),
  sort: () => '',
}

/** An event of another service. */
export const BonusGranted = eventType('BonusGranted', z.object({ wallet: z.string(), amount: z.int().positive() }))
export const ChargeMade = eventType('ChargeMade', z.object({ wallet: z.string(), amount: z.int().positive() }))
type BonusEvent = EventOf<typeof BonusGranted | typeof ChargeMade>

export const bonusPayment: Reaction<BonusEvent> = {
  name: 'bonus-payment',
  service: 'bonuses',
  category: 'bonus',
  events: [BonusGranted, ChargeMade],
  startsAt: 'first',
  async react({ type, data, stream, version }, send) {
    const id = `${stream}@${version}`
    if (type === 'BonusGranted') await send(wallet, data.wallet, id, { type: 'pay-in', data: { amount: data.amount } })
    else await send(wallet, data.wallet, id, { type: 'pay-out', data: { amount: data.amount } })
  },
}

export const PledgeMade = eventType('PledgeMade', z.object({ amount: z.int(), due: z.iso.datetime() }))
const PledgeKept = eventType('PledgeKept', z.object({}))
const PledgeLapsed = eventType('PledgeLapsed', z.object({}))
const pledgeEvents = [PledgeMade, PledgeKept, PledgeLapsed] as const
export type PledgeEvent = EventOf<(typeof pledgeEvents)[number]>
const pledgeCommands = [
  commandType('make', z.strictObject({ amount: z.int(), due: z.iso.datetime() }), { creates: true }),
  commandType('keep', z.strictObject({}), { creates: true }),
  commandType('lapse', z.strictObject({})),
] as const

export const PledgeWanted = eventType('PledgeWanted', z.object({ amount: z.int(), due: z.iso.datetime() }))
export const PledgePaid = eventType('PledgePaid', z.object({}))

export const pledge: Decider<string, CommandOf<(typeof pledgeCommands)[number]>, PledgeEvent> = {
  category: 'pledge',
  commands: pledgeCommands,
  events: pledgeEvents,
  initial: 'none',
  evolve: (state, { type }) => (type === 'PledgeMade' && state !== 'none' ? state : type),
  decide(state, command) {
    if (command.type === 'make') return [{ type: 'PledgeMade', data: command.data }]
    if (state === 'PledgeKept' || state === 'PledgeLapsed') return []
    return [{ type: command.type === 'keep' ? 'PledgeKept' : 'PledgeLapsed', data: {} }]
  },
}

/** Requested by one service and paid by another. It lapses at its deadline. */
export const pledges = processManager(
  'pledges',
  pledge,
  [
    {
      service: 'campaigns',
      category: 'wish',
      events: [PledgeWanted],
      startsAt: 'first',
      correlate: ({ stream, data }: { stream: string; data: { amount: number; due: string } }) => ({
        id: stream.slice(5),
        command: { type: 'make', data } as const,
      }),
    },
    {
      service: 'bank',
      category: 'transfer',
      events: [PledgePaid],
      startsAt: 'first',
      correlate: ({ stream }: { stream: string }) => ({
        id: stream.slice(9),
        command: { type: 'keep', data: {} } as const,
      }),
    },
  ],
  {
    service: 'wallets',
    events: [PledgeMade],
    startsAt: 'first',
    schedules: true,
    async react({ type, data, stream }, _send, sendLater) {
      if (type === 'PledgeMade')
        await sendLater(pledge, stream.slice(7), { commandId: 'lapse', due: data.due }, { type: 'lapse', data: {} })
    },
  },
)

export const wallets: Service = {
  name: 'wallets',
  deciders: [wallet, pledge],
  publishes: [published(PaidIn)],
  views: [balanceView, turnoverView],
  reactions: [bonusPayment],
  processes: [pledges],
}
