import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { z } from 'zod'
import { eventType } from '../../core/event.ts'
import { eventReader } from '../../core/event-reader.ts'

// The versions of one event type, as three deployments know it.
const first = eventType('Moved', z.object({ to: z.string() }))
/** Adds a field whose value for older events is known. */
const second = first.additive(z.object({ to: z.string(), by: z.enum(['road', 'sea']) }), (data) => ({
  ...data,
  by: 'road' as const,
}))
/** Splits a field in two: a reader that knows only the older versions cannot read it. */
const third = second.breaking(
  z.object({ city: z.string(), country: z.string(), by: z.enum(['road', 'sea']) }),
  (data) => {
    const [city = '', country = ''] = data.to.split(', ')
    return { city, country, by: data.by }
  },
)
const fourth = third.additive(
  z.object({ city: z.string(), country: z.string(), by: z.enum(['road', 'sea']), hours: z.int() }),
  (data) => ({ ...data, hours: 0 }),
)

const v1 = { type: 'Moved', schemaVersion: 1, data: { to: 'Ghent, BE' } }
const v2 = { type: 'Moved', schemaVersion: 2, readableFrom: 1, data: { to: 'Ghent, BE', by: 'sea' } }
const v4 = {
  type: 'Moved',
  schemaVersion: 4,
  readableFrom: 3,
  data: { city: 'Ghent', country: 'BE', by: 'sea', hours: 9 },
}

describe('versions of an event type', () => {
  it('say from which version of a reader on they can be read', () =>
    assert.deepEqual(
      [first, second, third, fourth].map(({ version, readableFrom }) => [version, readableFrom]),
      [
        [1, 1],
        [2, 1],
        [3, 3],
        [4, 3],
      ],
    ))

  it('do not compile without an upcaster that leads to the next version', () => {
    // @ts-expect-error no upcaster
    first.additive(z.object({ to: z.string(), by: z.string() }))
    // @ts-expect-error no upcaster
    first.breaking(z.object({ city: z.string() }))
    // @ts-expect-error the upcaster leaves out what the next version requires
    first.breaking(z.object({ city: z.string() }), (data) => ({ to: data.to }))
    // @ts-expect-error the upcaster reads a field that the previous version does not have
    first.breaking(z.object({ city: z.string() }), (data) => ({ city: data.city }))
    // @ts-expect-error an additive step keeps every field
    first.additive(z.object({ by: z.string() }), () => ({ by: 'road' }))
    // @ts-expect-error and its type
    first.additive(z.object({ to: z.number() }), () => ({ to: 1 }))
  })
})

describe('a reader of events', () => {
  it('reads an older version through every step', () => {
    const reader = eventReader([fourth], 'own')
    assert.deepEqual(reader.read(v1, 'x'), { city: 'Ghent', country: 'BE', by: 'road', hours: 0 })
    assert.deepEqual(reader.read(v2, 'x'), { city: 'Ghent', country: 'BE', by: 'sea', hours: 0 })
    assert.deepEqual(reader.read(v4, 'x'), v4.data)
  })

  it('reads the fields that it knows of a newer additive version', () => {
    assert.deepEqual(eventReader([first], 'foreign').read(v2, 'x'), { to: 'Ghent, BE' })
    assert.deepEqual(eventReader([first], 'own').read(v2, 'x'), { to: 'Ghent, BE' })
    assert.deepEqual(eventReader([third], 'own').read(v4, 'x'), { city: 'Ghent', country: 'BE', by: 'sea' })
  })

  it('refuses a newer breaking version, even if its data would fit', () => {
    const fitting = { ...v4, data: { ...v4.data, to: 'Ghent' } }
    for (const type of [first, second])
      assert.throws(() => eventReader([type], 'foreign').read(fitting, 'move-1@4'), {
        code: 'event-unknown',
        retriable: true,
        message: /move-1@4: this code does not know Moved version 4/,
      })
  })

  it('refuses an unknown type, and says beforehand which types it knows', () => {
    const reader = eventReader([first], 'own')
    assert.deepEqual([reader.knows('Moved'), reader.knows('Lost')], [true, false])
    assert.throws(() => reader.read({ type: 'Lost', schemaVersion: 1, data: {} }, 'x'), { code: 'event-unknown' })
  })

  for (const [what, type, content] of [
    ['data of a newer version that do not fit its schema', first, { ...v2, data: { by: 'sea' } }],
    ['data of an older version that its upcaster cannot process', third, { ...v1, data: null }],
    [
      'data of an older version that do not fit the newest schema after upcasting',
      third,
      { ...v2, data: { to: 'Ghent', by: 'air' } },
    ],
  ] as const)
    it(`refuses ${what}`, () => {
      for (const checked of ['own', 'foreign'] as const)
        assert.throws(() => eventReader([type], checked).read(content, 'x'), { code: 'event-unreadable' })
    })

  it("trusts its own service's log, and checks events of other services", () => {
    const wrong = { ...v1, data: { to: 7, more: true } }
    assert.deepEqual(eventReader([first], 'own').read(wrong, 'x'), wrong.data)
    assert.throws(() => eventReader([first], 'foreign').read(wrong, 'x'), { code: 'event-unreadable' })
    assert.deepEqual(eventReader([first], 'foreign').read({ ...v1, data: { to: 'Ghent', more: true } }, 'x'), {
      to: 'Ghent',
    })
  })
})
