import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { z } from 'zod'
import { describeService } from '../../core/about.ts'
import { type EventOf, type EventType, eventType, retired } from '../../core/event.ts'
import { findEventFaults } from '../../core/event-names.ts'
import { eventReader, listReadTypes } from '../../core/event-reader.ts'
import { checkWritten } from '../../core/schema.ts'
import { snapshotId } from '../../core/snapshot.ts'
import { EventReading } from '../../verify/read-event.ts'
import { Exchanged, Loaded, Moved, Relocated, Unloaded, van } from '../domain/vans.ts'
import { recorded } from '../support/recorded.ts'

const reader = eventReader(van.events, 'own')
const exchanged = { type: 'Exchanged', schemaVersion: 1, data: { out: 'tea', in: 'salt' } }

describe('an ended event type', () => {
  it('is refused when it is written, and so is a name that is only read', () => {
    for (const type of ['Exchanged', 'Washed'])
      assert.throws(() => checkWritten(van.events, { type, data: exchanged.data }), {
        code: 'event-invalid',
        message: `${type} has ended: it is read, but not written any more`,
      })
    assert.throws(() => checkWritten(van.events, { type: 'Moved', data: { to: 'Ghent' } }), { code: 'event-invalid' })
  })

  it('is described as ended, with what it is read as', () => {
    const { events } = describeService({ name: 'fleet', deciders: [van], publishes: [], views: [], reactions: [] }, 'b')
    const ended = events
      .filter((event) => event.ended)
      .map(({ type, ended, versions }) => [type, ended, versions.length])
    assert.deepEqual(ended, [
      ['Exchanged', ['Unloaded', 'Loaded'], 1],
      ['Washed', [], 0],
    ])
  })

  it('does not compile where code would write it, or add a version', () => {
    // @ts-expect-error a retired type has no versions
    assert.equal(retired('Washed').additive, undefined)
    // @ts-expect-error the split makes an event that it does not name
    Loaded.readAs([Unloaded], () => [{ type: 'Loaded', data: { item: 'tea' } }])
    // @ts-expect-error the split leaves out a field
    Loaded.readAs([Unloaded], () => [{ type: 'Unloaded', data: {} }])
    // @ts-expect-error there is no event of an ended type
    const none: EventOf<typeof Exchanged> = { type: 'Exchanged', data: exchanged.data }
    assert.ok(none)
  })

  it('is read as several events in order, numbered after the first', () => {
    const [event] = recorded('van-1', exchanged)
    assert.ok(event)
    assert.deepEqual(reader.readEvents(event), [
      { ...event, type: 'Unloaded', data: { item: 'tea' } },
      { ...event, type: 'Loaded', data: { item: 'salt' }, part: 2 },
    ])
  })

  it('may be read as any number of events of one type', () => {
    const type = eventType('Filled', z.object({ items: z.array(z.string()) })).readAs([Loaded], ({ items }) =>
      items.map((item) => ({ type: 'Loaded', data: { item } })),
    )
    const read = eventReader([Loaded, type], 'own').readAll
    const count = (items: readonly string[]) => read({ type: 'Filled', schemaVersion: 1, data: { items } }, 'x').length
    assert.deepEqual([count([]), count(['tea']), count(['tea', 'tea', 'salt'])], [0, 1, 3])
  })

  it('keeps the number of an event when a reader leaves out those before it', () => {
    const types = listReadTypes([Loaded], van.events)
    assert.deepEqual(
      types.map(({ name }) => name),
      ['Loaded', 'Exchanged'],
    )
    const read = eventReader(types, 'own').readAll(exchanged, 'x')
    assert.deepEqual(read, [{ type: 'Loaded', data: { item: 'salt' }, part: 2 }])
  })

  it('is read as nothing if it is retired, whatever its version and data', () => {
    assert.deepEqual(reader.readAll({ type: 'Washed', schemaVersion: 99, data: 'anything' }, 'x'), [])
    assert.deepEqual(
      [reader.knows('Washed'), reader.isRetired('Washed'), reader.isRetired('Loaded')],
      [false, true, false],
    )
  })

  for (const [what, split] of [
    ['throws', (): never[] => assert.fail('it cannot')],
    ['makes data that do not fit', (): never[] => [{ type: 'Unloaded', data: { item: 7 } } as never]],
    ['makes an event that it does not name', (): never[] => [{ type: 'Lost', data: { item: '' } } as never]],
  ] as const)
    it(`makes the event unreadable, with its position, if its split ${what}`, () => {
      const type = eventType('Exchanged', z.object({})).readAs([Unloaded], split)
      const { readAll } = eventReader([type, Unloaded], 'own')
      assert.throws(() => readAll({ type: 'Exchanged', schemaVersion: 1, data: {} }, 'van-1@7'), {
        code: 'event-unreadable',
        message: /van-1@7/,
      })
    })
})

describe('a renamed event type', () => {
  const v2 = { schemaVersion: 2, readableFrom: 1, data: { to: 'Ghent', by: 'road' } }

  it('reads each version of the former name as the same version of its own', () => {
    const read = { type: 'Relocated', data: { city: 'Ghent', by: 'road' } }
    for (const type of ['Moved', 'Relocated']) assert.deepEqual(reader.readAll({ type, ...v2 }, 'x'), [read])
    const first = { type: 'Moved', schemaVersion: 1, data: { to: 'Ghent' } }
    assert.deepEqual(reader.readAll(first, 'x'), [{ type: 'Relocated', data: { city: 'Ghent', by: '' } }])
  })

  it('is read under its old name by code that the new name was announced to', () => {
    const ready = eventReader([Moved.becoming('Relocated')], 'foreign')
    assert.deepEqual(ready.readAll({ type: 'Relocated', ...v2 }, 'x'), [{ type: 'Moved', data: v2.data }])
    assert.ok(!eventReader([Moved], 'foreign').knows('Relocated'))
  })

  it('of which nothing was declared is unknown, and the error says what to declare', () =>
    assert.throws(() => eventReader([Loaded], 'own').readAll({ type: 'Moved', ...v2 }, 'van-1@7'), {
      code: 'event-unknown',
      message:
        'van-1@7: this code does not know Moved version 2. If newer code wrote it, deploy that code. ' +
        "If the type was renamed, declare .formerly('Moved') on the new type. " +
        "If it has ended, list retired('Moved'), or its declaration with .readAs(…).",
    }))
})

describe('merged versions', () => {
  it('share one schema and one upcaster', () => {
    const [merged] = Relocated.versions
    assert.deepEqual([merged?.since, merged?.version, merged?.readableFrom, Relocated.version], [1, 2, 1, 3])
  })

  it('are read by the merged schema if they are the newest, and not upcast twice if they are not', () => {
    const either = z.object({ a: z.int().optional(), b: z.int().optional() })
    const type = eventType('Sum', either, { through: 3 })
    const longer = type.breaking(z.object({ sum: z.int() }), ({ a = 0, b = 0 }) => ({ sum: a + b }))
    for (const schemaVersion of [1, 2, 3]) {
      const content = { type: 'Sum', schemaVersion, data: { b: schemaVersion } }
      assert.deepEqual(eventReader([type], 'own').read(content, 'x'), { b: schemaVersion })
      assert.deepEqual(eventReader([longer], 'own').read(content, 'x'), { sum: schemaVersion })
    }
  })

  it('may be in the middle of a line', () => {
    const a = eventType('Sum', z.object({ a: z.int() }))
    const merged = a.breaking(z.object({ n: z.int() }), (data) => ({ n: data.a + 1 }), { through: 4 })
    const { read } = eventReader(
      [merged.additive(z.object({ n: z.int(), x: z.int() }), ({ n }) => ({ n, x: n }))],
      'own',
    )
    assert.deepEqual(read({ type: 'Sum', schemaVersion: 1, data: { a: 1 } }, 'x'), { n: 2, x: 2 })
    for (const schemaVersion of [2, 3, 4])
      assert.deepEqual(read({ type: 'Sum', schemaVersion, data: { n: 1 } }, 'x'), { n: 1, x: 1 })
  })

  it('must not end before they start', () => {
    const first = eventType('Sum', z.object({}), { through: 2 })
    for (const through of [2, 0, 2.5, Number.NaN])
      assert.throws(() => first.breaking(z.object({}), () => ({}), { through }), RangeError)
  })
})

describe('the names of event types', () => {
  for (const [what, types, expected] of [
    ['a former name that is also declared', [Relocated, Moved], /Moved is another name of Relocated, and of another/],
    ['a former name that is retired', [Relocated, retired('Moved')], /Moved is another name of Relocated/],
    ['a former name of two types', [Relocated, Loaded.formerly('Moved')], /Moved is another name of Relocated/],
    [
      'a type that an ended one is read as, and that is missing',
      [Exchanged, Loaded],
      /Exchanged is read as Unloaded: list/,
    ],
  ] as const)
    it(`are refused: ${what}`, () => assert.match(findEventFaults('the decider van', types)[0] ?? '', expected))

  it('are accepted if each stands for one type', () => assert.deepEqual(findEventFaults('van', van.events), []))

  it('change the id of snapshots, because older code must not use them', () => {
    const id = (...events: readonly EventType[]) => snapshotId({ stateVersion: 1, events })
    const lists = [
      [Loaded],
      [Loaded.formerly('A')],
      [Loaded.becoming('A')],
      [Loaded, retired('A')],
      [Exchanged],
      [eventType('Exchanged', z.object({}))],
    ]
    assert.equal(new Set(lists.map((events) => id(...events))).size, lists.length)
    assert.equal(id(Loaded), id(eventType('Loaded', z.object({ item: z.string() }))))
  })
})

describe("the verifier's own reading", () => {
  const text = fc.constantFrom('tea', 'salt')
  const contents = fc.oneof(
    fc.record({ type: fc.constant('Moved'), schemaVersion: fc.constant(1), data: fc.record({ to: text }) }),
    fc.record({ type: fc.constant('Moved'), schemaVersion: fc.constant(2), data: fc.record({ to: text, by: text }) }),
    fc.record({
      type: fc.constant('Relocated'),
      schemaVersion: fc.constant(3),
      data: fc.record({ city: text, by: text }),
    }),
    fc.record({
      type: fc.constant('Exchanged'),
      schemaVersion: fc.constant(1),
      data: fc.record({ out: text, in: text }),
    }),
    fc.record({ type: fc.constant('Washed'), schemaVersion: fc.nat(9), data: fc.anything() }),
    fc.record({
      type: fc.constantFrom('Loaded', 'Lost'),
      schemaVersion: fc.constant(1),
      data: fc.record({ item: text }),
    }),
  )

  it('is the same as that of a view, for any event', () => {
    let read = 0
    fc.assert(
      fc.property(contents, fc.constantFrom(undefined, [Loaded], [Relocated, Unloaded]), (content, named) => {
        const event = { ...recorded('van-1', { type: 'Lost', data: {} })[0], ...content } as never
        const view = eventReader(listReadTypes(named, van.events), 'own')
        const verifier = new EventReading(van.events, named)
        if (named === undefined && content.type === 'Lost') return assert.throws(() => verifier.read(event))
        const expected = named && !view.knows(content.type) ? [] : view.readEvents(event)
        assert.deepEqual(verifier.read(event), expected)
        read += expected.length
        return undefined
      }),
    )
    assert.ok(read > 20, `${read} events`)
  })
})
