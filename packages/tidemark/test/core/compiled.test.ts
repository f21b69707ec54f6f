import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { z } from 'zod'
import { commandType, type Decider } from '../../core/decider.ts'
import { eventType } from '../../core/event.ts'
import { processManager } from '../../core/process-manager.ts'
import type { Send, SendLater } from '../../core/reaction.ts'
import { published } from '../../core/service.ts'
import { given } from '../../testing/given.ts'
import { wallet } from '../domain/wallets.ts'

// The compiler is the test: `npm run types` fails if a line that must not compile does. Each line also runs.

const Rung = eventType('Rung', z.object({ door: z.string() }))
const rungBy = z.object({ door: z.string(), by: z.string() })
const RungBy = eventType('Heard', rungBy)
const v2 = z.object({ door: z.string(), by: z.enum(['bell', 'knock']) })

describe('a value that JSON does not keep does not compile', () => {
  it('in the schema of an event, and the error names the place', () => {
    const at = z.object({ at: z.date() })
    // @ts-expect-error Property '"/at: JSON does not keep a Date"' is missing
    eventType('A', at)
    // @ts-expect-error '"/list/*/names: JSON does not keep a Map"'
    eventType('A', z.object({ list: z.array(z.object({ names: z.map(z.string(), z.int()) })) }))
    // @ts-expect-error '"/names: JSON does not keep a Set"'
    eventType('A', z.object({ names: z.set(z.string()).optional() }))
    // @ts-expect-error '"/cents: JSON does not keep a bigint"'
    eventType('A', z.object({ kind: z.string().optional(), cents: z.union([z.int(), z.bigint()]) }))
    // @ts-expect-error '"/list/*: JSON does not keep undefined"'
    eventType('A', z.object({ list: z.array(z.string().optional()) }))
    // @ts-expect-error '"/: JSON does not keep undefined"'
    eventType('A', z.undefined())
    // @ts-expect-error '"/tag: JSON does not keep a symbol"'
    eventType('A', z.object({ tag: z.symbol() }))
    // @ts-expect-error '"/ring: JSON does not keep a function"'
    eventType('A', z.object({ ring: z.custom<() => void>() }))
    // @ts-expect-error '"/where: JSON does not keep an object of a class"'
    eventType('A', z.object({ where: z.instanceof(URL), more: z.unknown() }))
    const tree = z.object({
      at: z.date(),
      get leaves() {
        return z.array(tree)
      },
    })
    // @ts-expect-error '"/at: JSON does not keep a Date"'
    eventType('A', tree)
    // @ts-expect-error also in a later version
    Rung.additive(z.object({ door: z.string(), at: z.date() }), (data) => ({ ...data, at: new Date(0) }))
    // @ts-expect-error '"/at: JSON does not keep a Date"'
    Rung.breaking(at, () => ({ at: new Date(0) }))
    // @ts-expect-error a command is hashed, and may wait in the schedule
    commandType('a', at)
  })

  it('while all other values compile, also when the type is unknown', () => {
    interface Address {
      readonly street: string
      readonly more?: readonly Address[]
    }
    const tree = z.object({
      name: z.string(),
      get leaves() {
        return z.array(tree)
      },
    })
    const types = [
      eventType('A', z.object({ json: z.json(), any: z.any(), unknown: z.unknown(), name: z.string().optional() })),
      eventType('A', z.looseObject({ kind: z.literal(1).nullable(), record: z.record(z.string(), z.unknown()) })),
      eventType('A', z.object({ address: z.custom<Address>(), list: z.array(z.unknown()).readonly() })),
      eventType('A', z.object({ id: z.string().brand<'Id'>(), pair: z.tuple([z.int(), z.string()]) })),
      eventType(
        'A',
        z.discriminatedUnion('kind', [z.object({ kind: z.literal('a') }), z.object({ kind: z.literal('b') })]),
      ),
      eventType('A', tree),
      eventType('A', z.unknown()),
    ]
    assert.equal(types.length, 7)
  })
})

describe('a field that a schema requires must be present, or it does not compile', () => {
  it('in the result of an upcaster, with its type', () => {
    // @ts-expect-error Property 'by' is missing
    Rung.additive(v2, (data) => data)
    // @ts-expect-error Type 'number' is not assignable to type '"bell" | "knock"'
    Rung.additive(v2, (data) => ({ ...data, by: 1 }))
    // @ts-expect-error Property 'by' is missing
    Rung.breaking(v2, (data) => ({ door: data.door }))
    // @ts-expect-error Property 'by' is missing
    Rung.breaking(v2, (data) => data)
    assert.equal(Rung.additive(v2, (data) => ({ ...data, by: 'bell' as const })).version, 2)
    // An optional field may be left out.
    assert.equal(Rung.additive(v2.partial({ by: true }), (data) => data).version, 2)
  })

  it('in a translation, which also may not read an unknown field', () => {
    // @ts-expect-error Property 'by' is missing
    published(Rung, RungBy, (data) => data)
    // @ts-expect-error Property 'door' is missing
    published(RungBy, Rung, ({ by }) => ({ by }))
    // @ts-expect-error Property 'by' does not exist
    published(Rung, RungBy, ({ door, by }) => ({ door, by }))
    assert.equal(published(RungBy, Rung, ({ door }) => ({ door })).publicEvent, Rung)
  })

  it('in a command', () => {
    type Ring = { readonly type: 'ring'; readonly data: { readonly door: string; readonly times: number } }
    const ringing: Decider<null, Ring, never> = {
      category: 'bell',
      commands: [],
      events: [],
      initial: null,
      evolve: (state) => state,
      decide: () => [],
    }
    const react = async (send: Send, sendLater: SendLater): Promise<void> => {
      // @ts-expect-error Property 'times' is missing
      await send(ringing, '1', '1', { type: 'ring', data: { door: 'front' } })
      // @ts-expect-error Property 'times' is missing
      await sendLater(ringing, '1', { commandId: '1', due: '2026-01-01' }, { type: 'ring', data: { door: 'front' } })
    }
    assert.equal(react.length, 2)
    const input = { service: 'doors', category: 'bell', events: [Rung], startsAt: 'first' } as const
    const steps = { service: 'doors', events: [], startsAt: 'first', react: async () => {} } as const
    const correlate = () => ({ id: '1', command: { type: 'ring', data: { door: 'front' } } as const })
    // @ts-expect-error Property 'times' is missing
    processManager('ringing', ringing, [{ ...input, correlate }], steps)
  })

  it('in an event that a test gives', () =>
    assert.throws(() =>
      // @ts-expect-error Property 'currency' is missing
      given(wallet, [{ type: 'PaidIn', data: { amount: 1 } }])
        .when({ type: 'pay-in', data: { amount: 1 } })
        .thenNothing(),
    ))
})
