import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as z from 'zod'
import { eventType } from '../../core/event.ts'
import type { AnyMultiStreamView, AnySingleStreamView, AnyView } from '../../core/view.ts'
import { computeViewCode } from '../../core/view-code.ts'
import { orderEvents, orderView, salesByProduct } from '../domain/orders.ts'

const codeOf = (view: AnyView): string => computeViewCode(view, orderEvents)
const one: AnySingleStreamView = orderView
const many: AnyMultiStreamView = salesByProduct
const single = (change: Partial<AnySingleStreamView>): AnyView => ({ ...one, ...change })
const multi = (change: Partial<AnyMultiStreamView>): AnyView => ({ ...many, ...change })

describe('the code of a view', () => {
  const changes: Readonly<Record<string, AnyView>> = {
    'a field that one event type changes': single({
      evolve: (before, event) => one.evolve(before, event) && { ...one.evolve(before, event), more: 1 },
    }),
    'what it does with one event type late in a stream': single({
      evolve: (before, event) =>
        event.type === 'OrderCompleted' && before?.status === 'confirmed' ? before : one.evolve(before, event),
    }),
    'an amount': multi({
      evolve(before, event, key) {
        const after = many.evolve(before, event, key)
        return { ...after, quantity: Math.min(after.quantity, 50) }
      },
    }),
    'the keys of its documents': multi({
      documentKeys: (event) => many.documentKeys(event).map((key) => key.toUpperCase()),
    }),
    'the place of its documents in lists': single({ sort: (document) => document.updatedAt }),
    'the events that it handles': single({ events: orderEvents.slice(0, 3) }),
    'the schema of its documents': single({ document: z.object({ orderId: z.string() }) }),
  }
  for (const [what, changed] of Object.entries(changes))
    it(`changes with ${what}`, () =>
      assert.notEqual(codeOf(changed), codeOf(changed.kind === 'one-stream' ? one : many)))

  it('changes with what an upcaster makes of old events', () => {
    const read = (value: string): string => {
      const Named = eventType('Named', z.object({ name: z.string() })).breaking(
        z.object({ title: z.string() }),
        ({ name }) => ({ title: `${value}${name}` }),
      )
      const { document: _, ...schemaless } = one
      const view = { ...schemaless, evolve: (_: unknown, { data }: { data: unknown }) => data, sort: () => '' }
      return computeViewCode(view, [Named])
    }
    assert.notEqual(read('a'), read('b'))
    assert.equal(read('a'), read('a'))
  })

  it('stays when the same documents are made in another way', () => {
    const evolve: typeof one.evolve = (before, event) => {
      const after = one.evolve(before, event)
      return after && Object.fromEntries(Object.entries(after).toReversed())
    }
    assert.equal(codeOf({ ...one, evolve }), codeOf(one))
  })

  it('needs no JSON Schema, and takes what the view throws as what it does', () => {
    const bare = { '~standard': { version: 1, vendor: 'bare', validate: (value: unknown) => ({ value }) } } as const
    const Noted = eventType('Noted', bare)
    const throws = (text: string): AnyView =>
      single({
        evolve: (_, { data }) => {
          if (data === text) throw new Error(text)
          return { text: data }
        },
        sort: () => '',
      })
    const codes = ['a', 'b', 'never'].map((text) => computeViewCode(throws(text), [Noted]))
    assert.equal(new Set(codes).size, 3)
  })
})
