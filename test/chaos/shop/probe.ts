import {
  type CommandOf,
  commandType,
  type Decider,
  type Decision,
  type EventOf,
  eventType,
  type MultiStreamView,
  published,
  type Reaction,
  refuse,
  type Service,
  type SingleStreamView,
} from 'tidemark'
import { z } from 'zod'
import {
  OrderCancelled,
  OrderCompleted,
  OrderConfirmed,
  OrderPlaced,
  OrderRejected,
} from '../../../src/ordering/contract.ts'

/**
 * A service beside the shop's that exposes errors of the runtime. The shop's commands, once refused, are
 * mostly refused for ever, which hides whether the first outcome of a command stands. Here a gate opens and
 * closes, so the same command is refused now and accepted later. The gate is one stream with many writers.
 * Its views show what is applied twice, and one multi-stream view has its own cursors.
 */

const by = z.object({ by: z.string() })

export const GateToggled = eventType('GateToggled', z.object({ open: z.boolean() }))
export const GatePassed = eventType('GatePassed', by)
const gateEvents = [GateToggled, GatePassed] as const
type GateEvent = EventOf<(typeof gateEvents)[number]>

const gateCommands = [
  commandType('toggle', z.strictObject({}), { creates: true }),
  commandType('pass', by.strict(), { creates: true }),
] as const

interface Gate {
  readonly open: boolean
  readonly passed: readonly string[]
}

const gate: Decider<Gate, CommandOf<(typeof gateCommands)[number]>, GateEvent> = {
  category: 'gate',
  commands: gateCommands,
  events: gateEvents,
  initial: { open: false, passed: [] },
  stateVersion: 1,
  evolve: ({ open, passed }, event) =>
    event.type === 'GateToggled' ? { open: event.data.open, passed } : { open, passed: [...passed, event.data.by] },
  decide({ open }, command): Decision<GateEvent> {
    if (command.type === 'toggle') return [{ type: 'GateToggled', data: { open: !open } }]
    return open ? [{ type: 'GatePassed', data: command.data }] : refuse('gate-closed', 'the gate is closed')
  },
}

export const Noted = eventType('Noted', by.extend({ passed: z.boolean() }))
export const Settled = eventType('Settled', by)
const tallyEvents = [Noted, Settled] as const
type TallyEvent = EventOf<(typeof tallyEvents)[number]>

const tallyCommands = [
  commandType('note', by.extend({ passed: z.boolean() }).strict(), { creates: true }),
  commandType('settle', by.extend({ due: z.string() }).strict(), { creates: true }),
] as const

/** Records every command, and a repeated one twice. */
const tally: Decider<null, CommandOf<(typeof tallyCommands)[number]>, TallyEvent> = {
  category: 'tally',
  commands: tallyCommands,
  events: tallyEvents,
  initial: null,
  evolve: () => null,
  decide(_, command, { now }): Decision<TallyEvent> {
    if (command.type === 'note') return [{ type: 'Noted', data: command.data }]
    const { by, due } = command.data
    return now < due ? refuse('tally-not-due', `there is time until ${due}`) : [{ type: 'Settled', data: { by } }]
  },
}

const orderTypes = [OrderPlaced, OrderConfirmed, OrderRejected, OrderCancelled, OrderCompleted] as const

/** Asks to pass for every event of an order, and records whether it did. */
const gateKeeping: Reaction<EventOf<(typeof orderTypes)[number]>> = {
  name: 'gate-keeping',
  service: 'ordering',
  category: 'order',
  events: orderTypes,
  startsAt: 'first',
  async react(event, send) {
    const by = `${event.stream}@${event.version}`
    const sent = await send(gate, GATE, `pass:${by}`, { type: 'pass', data: { by } })
    const passed = sent.outcome === 'done'
    await send(tally, event.data.orderId, `note:${by}:${passed}`, { type: 'note', data: { by, passed } })
  },
}

/** Settles each passage a little later. */
const gateSettling: Reaction<EventOf<typeof GatePassed>> = {
  name: 'gate-settling',
  service: 'probe',
  category: 'gate',
  events: [GatePassed],
  startsAt: 'first',
  schedules: true,
  async react(event, _, sendLater) {
    const { by } = event.data
    const due = new Date(Date.parse(event.time) + SETTLED_AFTER_MS).toISOString()
    await sendLater(tally, 'all', { commandId: `settle:${by}`, due }, { type: 'settle', data: { by, due } })
  },
}

/** The id of the only gate. */
export const GATE = '1'
const SETTLED_AFTER_MS = 4_000

export interface Passes {
  readonly what: string
  readonly count: number
}

/** The number of records of each kind. Its category has no single-stream view, so it has its own cursors. */
const passes: MultiStreamView<Passes, TallyEvent> = {
  kind: 'many-streams',
  name: 'passes',
  category: 'tally',
  filters: {},
  documentKeys: (event) => [event.type === 'Settled' ? 'settled' : event.data.passed ? 'passed' : 'refused'],
  evolve: (document, _, what) => ({ what, count: (document?.count ?? 0) + 1 }),
  sort: ({ what }) => what,
}

export interface GateDocument {
  readonly open: boolean
  readonly passed: readonly string[]
}

const gateView: SingleStreamView<GateDocument, GateEvent> = {
  kind: 'one-stream',
  name: 'gate',
  category: 'gate',
  filters: {},
  evolve: (document = { open: false, passed: [] }, event) =>
    event.type === 'GateToggled'
      ? { ...document, open: event.data.open }
      : { ...document, passed: [...document.passed, event.data.by] },
  sort: () => GATE,
}

export interface Crossings {
  readonly count: number
}

/** The number of passages. Its category has a single-stream view, which holds the cursors. */
const crossings: MultiStreamView<Crossings, GateEvent> = {
  kind: 'many-streams',
  name: 'crossings',
  category: 'gate',
  filters: {},
  documentKeys: (event) => (event.type === 'GatePassed' ? [GATE] : []),
  evolve: (document) => ({ count: (document?.count ?? 0) + 1 }),
  sort: () => GATE,
}

export const probe: Service = {
  name: 'probe',
  deciders: [gate, tally],
  publishes: [published(GatePassed)],
  views: [gateView, crossings, passes],
  reactions: [gateKeeping, gateSettling],
}
