import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type Fault, StreamCheck } from '../../../cli/verify/stream-check.ts'
import { eventId, type RecordedEvent } from '../../../src/core/event.ts'
import { canonicalHash, hashOf } from '../../../src/core/hash-chain.ts'
import { placedV1 } from '../../support/orders.ts'
import { recorded } from '../../support/recorded.ts'

type Item = Record<string, unknown>

const stream = 'order-1'
const at = (version: number): string => `${stream}@${version}`

function markOf(key: string, from: number, to: number): Item {
  return { id: `~cmd:${hash('sha256', key)}`, stream, key, fingerprint: `of ${key}`, from, to }
}

/** What Cosmos DB keeps of events: more fields than were written. */
function itemOf(event: RecordedEvent): Item {
  return { ...event, _rid: 'r', _self: 's', _etag: `"${event.version}"`, _attachments: 'a/', _ts: 1767225600 }
}

/** The items of a stream whose commands appended so many events each. */
function logOf(sizes: readonly number[], values: readonly unknown[] = []): Item[] {
  const count = sizes.reduce((sum, size) => sum + size, 0)
  const events = recorded(
    stream,
    placedV1,
    ...Array.from({ length: count - 1 }, (_, index) => ({ type: 'Noted', data: { value: values[index] ?? index } })),
  )
  let from = 1
  const marks = sizes.map((size, index) => {
    const mark = markOf(`key ${index}`, from, from + size - 1)
    from += size
    return mark
  })
  return [...events.map(itemOf), ...marks]
}

function check(items: readonly Item[], name = stream): Fault[] {
  const checked = new StreamCheck(name)
  for (const item of items) checked.add(item)
  return checked.finish()
}

const places = (faults: readonly Fault[]): string[] => faults.map(({ place, wrong }) => `${place} ${wrong}`)

/** The same item with a hash that fits it. */
function rehashed(item: Item): Item {
  const { hash: _, ...fields } = Object.fromEntries(Object.entries(item).filter(([name]) => !name.startsWith('_')))
  return { ...item, hash: hashOf(fields as unknown as RecordedEvent) }
}

const sizes = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 6 })
const log = fc
  .record({ sizes, values: fc.array(fc.jsonValue(), { maxLength: 24 }) })
  .map((made) => ({ items: logOf(made.sizes, made.values), events: made.sizes.reduce((sum, size) => sum + size, 0) }))

/** A log and one of its events, counted from 0. */
const target = log.chain(({ items, events }) =>
  fc.record({ items: fc.constant(items), events: fc.constant(events), index: fc.nat(events - 1) }),
)
const replaced = (items: readonly Item[], index: number, item: Item): Item[] => items.with(index, item)
const itemAt = (items: readonly Item[], index: number): Item => items[index] ?? assert.fail(`no item ${index}`)

describe('a tampered stream is named at the exact place', () => {
  it('any field of any event changed, added or removed, the hash and the version among them', () => {
    const fields = [
      'version',
      'type',
      'schemaVersion',
      'source',
      'time',
      'data',
      'correlation',
      'causation',
      'actor',
      'previousHash',
      'hash',
      'stream',
      'new',
    ]
    const seen = new Set<string>()
    fc.assert(
      fc.property(
        target,
        fc.constantFrom(...fields),
        fc.jsonValue(),
        fc.boolean(),
        ({ items, index }, field, value, removed) => {
          const item = itemAt(items, index)
          const { [field]: old, ...rest } = item
          const changed: Item = removed ? rest : { ...rest, [field]: value }
          fc.pre(removed ? old !== undefined : old === undefined || canonicalHash(value) !== canonicalHash(old))
          assert.deepEqual(places(check(replaced(items, index, changed))), [`${at(index + 1)} changed`])
          seen.add(field)
        },
      ),
      { numRuns: 1000 },
    )
    assert.deepEqual(seen, new Set(fields))
  })

  it('one letter or digit deep in the data changed', () => {
    const items = logOf([3])
    const changed = structuredClone(items) as { data: { lines: { unitPrice: number }[] } }[]
    const [line] = changed[0]?.data.lines ?? []
    assert.ok(line)
    line.unitPrice += 1
    assert.deepEqual(places(check(changed as unknown as Item[])), [`${at(1)} changed`])
  })

  it('an event that says another version than its id, hashed again, also where nothing follows it', () => {
    const items = logOf([3])
    const changed = rehashed({ ...itemAt(items, 2), version: 4 })
    assert.deepEqual(places(check(items.with(2, changed))), [`${at(3)} changed`])
  })

  it('any event removed', () => {
    fc.assert(
      fc.property(target, ({ items, index }) => {
        assert.deepEqual(places(check(items.toSpliced(index, 1))), [`${at(index + 1)} missing`])
      }),
    )
  })

  it('the tail dropped, of any length: marks of commands point beyond the stream', () => {
    fc.assert(
      fc.property(target, ({ items, events, index }) => {
        const [fault, ...others] = check(items.toSpliced(index, events - index))
        assert.deepEqual(others, [])
        assert.deepEqual([fault?.place, fault?.wrong], [at(index + 1), 'missing'])
        assert.match(fault?.detail ?? '', /points beyond the stream$/)
        if (events - index > 1) assert.ok(fault?.detail.startsWith(`all up to ${at(events)}: `))
      }),
    )
  })

  it('a copy inserted: under the same id, behind the end, or under an id of no event', () => {
    fc.assert(
      fc.property(target, fc.boolean(), ({ items, events, index }, fits) => {
        const item = itemAt(items, index)
        assert.deepEqual(places(check([...items, item])), [`${at(index + 1)} inserted`])
        const end = { ...item, id: eventId(events + 1), ...(fits ? { version: events + 1 } : {}) }
        assert.deepEqual(places(check([...items, end])), [`${at(events + 1)} inserted`])
        assert.deepEqual(places(check([...items, { ...item, id: 'copy' }])), [`${stream} copy inserted`])
      }),
    )
  })

  it('an event appended with a right hash and a right link, but by no command', () => {
    fc.assert(
      fc.property(target, fc.integer({ min: 1, max: 3 }), ({ items, events }, count) => {
        const forged: Item[] = []
        for (let version = events + 1; version <= events + count; version += 1) {
          const before = forged.at(-1) ?? itemAt(items, events - 1)
          forged.push(rehashed({ ...before, id: eventId(version), version, previousHash: before.hash }))
        }
        assert.deepEqual(
          places(check([...items, ...forged])),
          forged.map(({ version }) => `${at(Number(version))} inserted`),
        )
      }),
    )
  })

  it('two events swapped: as they are, under each other’s version, and hashed again', () => {
    const two = log
      .filter(({ events }) => events > 1)
      .chain(({ items, events }) =>
        fc.record({
          items: fc.constant(items),
          pair: fc.uniqueArray(fc.nat(events - 1), { minLength: 2, maxLength: 2 }),
        }),
      )
    fc.assert(
      fc.property(two, ({ items, pair }) => {
        const [low = 0, high = 0] = pair.toSorted((a, b) => a - b)
        const [first, second] = [itemAt(items, low), itemAt(items, high)]
        const both = [`${at(low + 1)} changed`, `${at(high + 1)} changed`]
        const swapped = (a: Item, b: Item) => items.with(low, a).with(high, b)
        const { id: firstId, version: firstVersion } = first
        const { id: secondId, version: secondVersion } = second
        assert.deepEqual(places(check(swapped({ ...second, id: firstId }, { ...first, id: secondId }))), both)
        const numbered = [
          { ...second, id: firstId, version: firstVersion },
          { ...first, id: secondId, version: secondVersion },
        ] as const
        assert.deepEqual(places(check(swapped(...numbered))), both)
        const again = check(swapped(rehashed(numbered[0]), rehashed(numbered[1])))
        // Two that stood side by side and are hashed again share a link, and the fault of the one may name the other.
        const named = again.map(({ place, detail }) => `${place}: ${detail}`).join('\n')
        for (const index of [low, high]) assert.ok(named.includes(at(index + 1)), `${at(index + 1)} in ${named}`)
      }),
    )
  })

  it('one event changed and hashed again but not the rest: what follows it bears witness', () => {
    let exact = 0
    fc.assert(
      fc.property(target, fc.boolean(), ({ items, events, index }, link) => {
        const version = index + 1
        const item = itemAt(items, index)
        const changed = rehashed({ ...item, actor: 'mallory', ...(link ? { previousHash: 'f'.repeat(64) } : {}) })
        const faults = check(replaced(items, index, changed))
        const disowned = link && (version === 1 || version < events)
        const expected =
          disowned || version < events - 1
            ? [`${at(version)} changed`]
            : version < events || link
              ? [`${at(events)} does not follow`]
              : [] // the newest event, well linked: nothing follows it yet that could tell
        assert.deepEqual(places(faults), expected)
        // With one event after it, either of the two may be the changed one: the fault names both.
        if (expected[0]?.endsWith('does not follow')) assert.ok(faults[0]?.detail.includes(at(events - 1)))
        if (expected[0]?.endsWith('changed')) exact += 1
      }),
      { numRuns: 500 },
    )
    assert.ok(exact > 100, `${exact}`)
  })

  it('a mark removed or changed: the events that it named', () => {
    fc.assert(
      fc.property(sizes, fc.nat(), (made, pick) => {
        const items = logOf(made)
        const events = made.reduce((sum, size) => sum + size, 0)
        const index = events + (pick % made.length)
        const { from, to, id, ...mark } = itemAt(items, index)
        const last = to === events
        const named = Array.from({ length: Number(to) - Number(from) + 1 }, (_, offset) => at(Number(from) + offset))
        assert.deepEqual(
          places(check(items.toSpliced(index, 1))),
          named.map((place) => `${place} ${last ? 'inserted' : 'unmarked'}`),
        )
        const changed = (fields: Item) => places(check(items.with(index, { ...mark, id, from, to, ...fields })))
        assert.ok(changed({ key: 'another' }).includes(`${stream} ${id} changed`))
        assert.ok(changed({ from: 'x' }).includes(`${stream} ${id} changed`))
        assert.ok(changed({ to: Number(from) - 1 }).includes(`${stream} ${id} changed`))
        assert.ok(changed({ to: events + 1 }).includes(`${at(events + 1)} missing`))
        if (from !== 1) assert.ok(changed({ from: 1 }).length > 0)
      }),
    )
  })

  it('an item that is neither event nor mark, and a version beyond all numbers', () => {
    const items = logOf([2])
    assert.deepEqual(places(check([...items, { id: 'note', stream }])), [`${stream} note inserted`])
    assert.deepEqual(places(check([...items, { stream }])), [`${stream} undefined inserted`])
    assert.deepEqual(places(check([...items, { id: eventId(0), stream }])), [`${stream} ${eventId(0)} inserted`])
    const far = markOf('far', 3, Number.MAX_SAFE_INTEGER)
    assert.deepEqual(places(check([...items, far])), [`${at(3)} missing`])
  })

  it('several at once, each at its place', () => {
    const items = logOf([1, 2, 2, 3])
    const tampered = items.with(1, { ...itemAt(items, 1), actor: 'mallory' }).toSpliced(3, 1)
    assert.deepEqual(places(check(tampered)), [`${at(2)} changed`, `${at(4)} missing`])
  })
})

describe('an untampered stream', () => {
  it('is never reported, whatever its events hold and in whatever order its items come', () => {
    let events = 0
    fc.assert(
      fc.property(
        log.chain((made) =>
          fc.record({
            made: fc.constant(made),
            items: fc.shuffledSubarray(made.items, { minLength: made.items.length }),
          }),
        ),
        ({ made, items }) => {
          assert.deepEqual(check(items), [])
          events += made.events
        },
      ),
      { numRuns: 500 },
    )
    assert.ok(events > 500)
  })

  it('has no item or some: nothing is wrong with what is not there', () => assert.deepEqual(check([]), []))

  it('holds names and texts that sort and escape in odd ways', () => {
    const odd = {
      '\u20ac': 1,
      '\r': 2,
      '\ufb33': 3,
      '1': 4,
      '\ud83d\ude00': 5,
      '\u0080': 6,
      '\u00f6': 7,
      a: -0,
      b: 1e21,
      c: 1e-7,
      d: '</script>\u2028"\\\u0007',
    }
    assert.deepEqual(check(logOf([2], [odd])), [])
  })
})
