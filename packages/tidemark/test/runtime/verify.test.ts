import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type Commit, hashKey, toLogItem } from '../../core/commit.ts'
import { eventId, type RecordedEvent } from '../../core/event.ts'
import { canonicalHash, GENESIS, seal } from '../../core/hash-chain.ts'
import { type Fault, StreamCheck } from '../../verify/stream-check.ts'
import { placedV1 } from '../domain/orders.ts'

type Item = Record<string, unknown>
type Text = Record<string, unknown> & { readonly events: readonly Item[] }

const stream = 'order-1'
const at = (version: number): string => `${stream}@${version}`
const fingerprint = canonicalHash('a request')
const noSuchHash = 'f'.repeat(64)

/**
 * A stream whose commands appended the given numbers of events. Two of three commands came from clients, the
 * others from reactions.
 */
function makeCommits(sizes: readonly number[], values: readonly unknown[] = []): Commit[] {
  let [version, previousHash] = [0, GENESIS]
  return sizes.map((size, index) => {
    const key = index % 3 === 1 ? `reaction step-${index}` : `key-${index}`
    const causation = index % 3 === 1 ? `order-2@${index}` : `command:${key}`
    const events = Array.from({ length: size }, (): RecordedEvent => {
      version += 1
      const content = version === 1 ? placedV1 : { type: 'Noted', data: { value: values[version - 2] ?? version } }
      const published = { ...content, schemaVersion: 2, readableFrom: 1 }
      const { event } = seal({
        id: eventId(version),
        stream,
        version,
        ...content,
        schemaVersion: 1,
        ...(version % 3 === 0 ? { published } : {}),
        source: '/ordering/order',
        time: new Date(Date.UTC(2026, 0, 1, 0, 0, index)).toISOString(),
        correlation: 'correlation',
        causation,
        actor: 'tester',
        ...(index % 2 === 0 ? { traceparent: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` } : {}),
        previousHash,
      })
      previousHash = event.hash
      return event
    })
    return { stream, key, fingerprint, events }
  })
}

/** The item as Cosmos DB returns it, with more fields than were written. */
function stored(item: object): Item {
  return { ...item, _rid: 'r', _self: 's', _etag: '"e"', _attachments: 'a/', _ts: 1767225600 }
}

const toItems = (commits: readonly Commit[]): Item[] => commits.map((commit) => stored(toLogItem(commit)))

function makeReceipt(key: string, version: number, refusal?: { code: string; detail: string }): Item {
  return stored(toLogItem({ stream, key, fingerprint, version, ...(refusal ? { refusal } : {}) }))
}

function check(items: readonly Item[], name = stream): Fault[] {
  const checked = new StreamCheck(name)
  for (const item of items) checked.add(item)
  return checked.finish()
}

const places = (faults: readonly Fault[]): string[] => faults.map(({ place, wrong }) => `${place} ${wrong}`)
const placesIn = (items: readonly Item[]): string[] => places(check(items))

/** A stream, one of its commits and one of that commit's events. */
interface Target {
  readonly commits: readonly Commit[]
  readonly items: readonly Item[]
  readonly count: number
  /** The index of the commit. */
  readonly index: number
  readonly commit: Commit
  readonly item: Item
  readonly from: number
  readonly to: number
  /** The index of the event within the commit. */
  readonly place: number
  readonly version: number
}

const log = fc
  .record({
    sizes: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 6 }),
    values: fc.array(fc.jsonValue(), { maxLength: 24 }),
  })
  .map(({ sizes, values }) => makeCommits(sizes, values))

const target: fc.Arbitrary<Target> = fc.tuple(log, fc.nat(), fc.nat()).map(([commits, some, any]) => {
  const index = some % commits.length
  const commit = commits[index] ?? assert.fail()
  const [from, to] = readVersions(commit)
  const place = any % commit.events.length
  const items = toItems(commits)
  const count = commits.reduce((sum, { events }) => sum + events.length, 0)
  const item = items[index] ?? assert.fail()
  return { commits, items, count, index, commit, item, from, to, place, version: from + place }
})

function readVersions({ events }: Commit): [from: number, to: number] {
  return [events[0]?.version ?? 0, events.at(-1)?.version ?? 0]
}

const itemAt = (items: readonly Item[], index: number): Item => items[index] ?? assert.fail(`no item ${index}`)
const idPlace = (item: Item): string => `${stream} ${item.id}`
/** A value that a field may be changed to. None of its methods can be called. */
const anything = fc.oneof(fc.jsonValue(), fc.constantFrom<unknown[]>({ toString: 0 }, { toJSON: 0 }, [], null))
const differs = (a: unknown, b: unknown): boolean =>
  a === undefined || b === undefined ? a !== b : canonicalHash(a) !== canonicalHash(b)

/** The item with another text. */
function withText(item: Item, change: (text: Text) => object): Item {
  return { ...item, text: JSON.stringify(change(JSON.parse(String(item.text)))) }
}

function withEvent(item: Item, place: number, change: (event: Item) => Item): Item {
  return withText(item, (text) => ({
    ...text,
    events: text.events.map((event, at) => (at === place ? change(event) : event)),
  }))
}

function without(item: Item, field: string): Item {
  const { [field]: _, ...rest } = item
  return rest
}

/** The commit with one event changed and given a matching hash. The other events are unchanged. */
function rehashed(commit: Commit, place: number, fields: Partial<RecordedEvent>): Commit {
  return {
    ...commit,
    events: commit.events.map((event, at) => {
      const { hash: _, ...unhashed } = { ...event, ...fields }
      return at === place ? seal(unhashed).event : event
    }),
  }
}

/** The commit with every event hashed again, after another predecessor. */
function rechained(commit: Commit, from: number, previousHash: string, fields: Partial<RecordedEvent> = {}): Commit {
  let before = previousHash
  const events = commit.events.map((event, place) => {
    const { hash: _, ...unhashed } = { ...event, ...fields }
    const version = from + place
    const sealed = seal({ ...unhashed, id: eventId(version), version, previousHash: before }).event
    before = sealed.hash
    return sealed
  })
  return { ...commit, events }
}

/** One more event, as if the commit's command had appended it too. */
function after({ events }: Commit): RecordedEvent {
  const { hash, ...last } = events.at(-1) ?? assert.fail()
  const version = last.version + 1
  return seal({ ...last, id: eventId(version), version, previousHash: hash }).event
}

describe('a changed event is reported at its exact place when', () => {
  it('any one field of it was changed, added or removed, including its hash', () => {
    const fields = ['type', 'schemaVersion', 'readableFrom', 'data', 'published', 'hash', 'actor', 'version', 'new']
    const seen = new Set<string>()
    fc.assert(
      fc.property(target, fc.constantFrom(...fields), anything, fc.boolean(), (chosen, field, value, removed) => {
        const { items, item, index, place, version } = chosen
        const changed = withEvent(item, place, (event) => {
          fc.pre(removed ? event[field] !== undefined : differs(event[field], value))
          return removed ? without(event, field) : { ...event, [field]: value }
        })
        const [fault, ...others] = check(items.with(index, changed))
        assert.deepEqual([fault?.place, fault?.wrong, others], [at(version), 'changed', []])
        const isUnknown = ['actor', 'version', 'new'].includes(field)
        // If the next event or the commit still has this event's right hash, it was this event's own hash
        // that was changed.
        const isOpen = place > 0 && field !== 'hash'
        const orPrevious = isOpen ? `, or ${at(version - 1)} was changed and hashed again` : ''
        const notItsHash = `it does not match its hash${orPrevious}`
        assert.equal(fault?.detail, isUnknown ? `it has the unknown field "${field}"` : notItsHash)
        seen.add(field)
      }),
      { numRuns: 1000 },
    )
    assert.deepEqual(seen, new Set(fields))
  })

  it('one digit deep in its data was changed', () => {
    const [item, ...others] = toItems(makeCommits([3, 1]))
    assert.ok(item)
    const changed = { ...item, text: String(item.text).replace('"unitPrice":1250', '"unitPrice":1251') }
    assert.notEqual(changed.text, item.text)
    assert.deepEqual(placesIn([changed, ...others]), [`${at(1)} changed`])
  })

  it('a field shared by the whole commit was changed, in one line for all its events', () => {
    const fields = ['source', 'time', 'actor', 'correlation', 'causation', 'traceparent']
    const seen = new Set<string>()
    fc.assert(
      fc.property(target, fc.constantFrom(...fields), anything, fc.boolean(), (chosen, field, value, removed) => {
        const { items, item, index, from, to } = chosen
        const changed = withText(item, (text) => {
          fc.pre(removed ? text[field] !== undefined : differs(text[field], value))
          return removed ? without(text, field) : { ...text, [field]: value }
        })
        const [fault, ...others] = check(items.with(index, changed))
        assert.deepEqual([fault?.place, fault?.wrong, others], [at(from), 'changed', []])
        assert.equal(fault?.detail.startsWith(`all up to ${at(to)}: `), to > from)
        seen.add(field)
      }),
      { numRuns: 1000 },
    )
    assert.deepEqual(seen, new Set(fields))
  })

  it('the previous hash of its commit was changed, at the first event', () => {
    fc.assert(
      fc.property(target, anything, fc.boolean(), ({ items, item, index, from }, value, removed) => {
        const changed = withText(item, (text) =>
          removed ? without(text, 'previousHash') : { ...text, previousHash: value },
        )
        assert.deepEqual(placesIn(items.with(index, changed)), [`${at(from)} changed`])
      }),
    )
  })

  it('several events of its commit were changed, in one line for each run of them', () => {
    const items = toItems(makeCommits([1, 7, 1]))
    const edited = [0, 1, 3, 5, 6].reduce(
      (item, place) => withEvent(item, place, (event) => ({ ...event, data: 0 })),
      itemAt(items, 1),
    )
    const faults = check(items.with(1, edited)).map(({ place, detail }) => `${place} ${detail}`)
    assert.deepEqual(faults, [
      `${at(2)} all up to ${at(3)}: they do not match their hashes`,
      `${at(5)} it does not match its hash, or ${at(4)} was changed and hashed again`,
      `${at(7)} all up to ${at(8)}: they do not match their hashes`,
    ])
  })

  it('it was changed and hashed again, but the events after it were not', () => {
    const seen = new Set<string>()
    fc.assert(
      fc.property(target, fc.boolean(), ({ commits, count, commit, index, place, version, to }, link) => {
        const moved = link && place === 0
        const fields = { data: 'mallory', ...(moved ? { previousHash: noSuchHash } : {}) }
        const faults = check(toItems(commits.with(index, rehashed(commit, place, fields))))
        const inner = version < to
        const [expected, kind] =
          moved && (version === 1 || version < count)
            ? [`${at(version)} changed`, 'disowned from both sides']
            : inner
              ? [`${at(version + 1)} changed`, 'before another of its commit']
              : version < count - 1
                ? [`${at(version)} changed`, 'before another commit']
                : version < count || moved
                  ? [`${at(count)} does not follow`, 'with one event after it']
                  : [undefined, 'the newest, well linked: nothing follows it yet that could tell']
        assert.deepEqual(places(faults), expected === undefined ? [] : [expected], kind)
        // If either of two events may have been changed, the fault names both.
        if (kind === 'before another of its commit')
          assert.ok(faults[0]?.detail.endsWith(`or ${at(version)} was changed and hashed again`))
        if (kind === 'with one event after it') assert.ok(faults[0]?.detail.includes(at(count - 1)))
        if (kind === 'before another commit')
          assert.equal(faults[0]?.detail.includes('before it in its commit'), place > 0)
        seen.add(kind ?? '')
      }),
      { numRuns: 1000 },
    )
    assert.equal(seen.size, 5)
  })

  it('its whole commit was changed and hashed again, since the next commit follows another hash', () => {
    fc.assert(
      fc.property(target, ({ commits, count, commit, index, from, to }) => {
        const previousHash = commit.events[0]?.previousHash ?? ''
        const changed = rechained(commit, from, previousHash, { actor: 'mallory' })
        const expected = to < count - 1 ? [`${at(to)} changed`] : to < count ? [`${at(count)} does not follow`] : []
        assert.deepEqual(placesIn(toItems(commits.with(index, changed))), expected)
      }),
    )
  })
})

describe('a changed commit is reported by its item when', () => {
  it('any one field of it was changed, added or removed', () => {
    const fields = ['from', 'to', 'key', 'fingerprint', 'types', 'hash', 'text', 'new']
    const seen = new Set<string>()
    fc.assert(
      fc.property(target, fc.constantFrom(...fields), anything, fc.boolean(), (chosen, field, value, removed) => {
        const { items, item, index } = chosen
        fc.pre(removed ? item[field] !== undefined : differs(item[field], value))
        const changed = removed ? without(item, field) : { ...item, [field]: value }
        assert.deepEqual(placesIn(items.with(index, changed)), [`${idPlace(item)} changed`])
        seen.add(field)
      }),
      { numRuns: 1000 },
    )
    assert.deepEqual(seen, new Set(fields))
  })

  it('its versions, types, hashes or keys are valid, but belong to another commit', () => {
    fc.assert(
      fc.property(
        target,
        fc.integer({ min: 1, max: 30 }),
        fc.boolean(),
        ({ items, item, index, from, to }, other, far) => {
          const named = (fields: Item) => placesIn(items.with(index, { ...item, ...fields }))
          const wrong = [`${idPlace(item)} changed`]
          if (other !== from) assert.deepEqual(named({ from: other }), wrong)
          if (other !== to) assert.deepEqual(named({ to: other }), wrong)
          assert.deepEqual(named({ to: far ? Number.MAX_SAFE_INTEGER : to + 1 }), wrong)
          const types = item.types as string[]
          assert.deepEqual(named({ types: types.with(other % types.length, 'Another') }), wrong)
          assert.deepEqual(named({ types: [...types, 'Noted'] }), wrong)
          assert.deepEqual(named({ hash: noSuchHash }), wrong)
          assert.deepEqual(named({ correlation: 'another' }), wrong)
          // Only a commit of a client's command can be checked for its key.
          if (index % 3 !== 1) assert.deepEqual(named({ key: hashKey('another') }), wrong)
          assert.deepEqual(named({ key: noSuchHash.toUpperCase() }), wrong)
          assert.deepEqual(named({ fingerprint: fingerprint.slice(1) }), wrong)
        },
      ),
    )
  })

  it('its text is not a commit’s, has an unknown field, or is formatted in another way', () => {
    fc.assert(
      fc.property(target, ({ items, item, index }) => {
        const named = (changed: Item) => placesIn(items.with(index, changed))
        const wrong = [`${idPlace(item)} changed`]
        const text = String(item.text)
        for (const other of [
          text.slice(1),
          '',
          'null',
          '[]',
          '{}',
          '{"events":[]}',
          '{"events":[1]}',
          ` ${text}`,
          [text],
        ])
          assert.deepEqual(named({ ...item, text: other }), wrong, String(other))
        // Other parsers read the first of the two fields.
        assert.deepEqual(named({ ...item, text: text.replace('{', '{"actor":"mallory",') }), wrong)
        for (const field of ['new', 'version', 'stream', 'id', 'hash', 'type'])
          assert.deepEqual(named(withText(item, (before) => ({ ...before, [field]: item.stream }))), wrong, field)
      }),
    )
  })

  it('events were removed from its text, added to it or reordered', () => {
    const seen = new Set<string>()
    fc.assert(
      fc.property(target, ({ items, item, index, place, from, to, count }) => {
        const changed = (change: (events: readonly Item[]) => readonly Item[]): string[] =>
          placesIn(
            items.with(
              index,
              withText(item, (text) => ({ ...text, events: change(text.events) })),
            ),
          )
        const named = `${idPlace(item)} changed`
        const copied = changed((events) => events.toSpliced(place, 0, itemAt(events, place)))
        assert.deepEqual(copied, [named])
        if (from === to) return
        const cut = changed((events) => events.slice(0, -1))
        assert.deepEqual(cut, to < count ? [named, `${at(to)} missing`] : [named])
        if (from + place < to)
          assert.deepEqual(
            changed((events) => events.toSpliced(place, 1)),
            [named],
          )
        const [first, second] = place === 0 ? [0, 1] : [place - 1, place]
        const swapped = changed((events) =>
          events.with(first, itemAt(events, second)).with(second, itemAt(events, first)),
        )
        assert.deepEqual(swapped, [`${at(from + first)} changed`])
        seen.add(to < count ? 'cut before others' : 'cut at the end')
      }),
      { numRuns: 300 },
    )
    assert.equal(seen.size, 2)
  })

  it('an event with a right hash and link was added to its text', () => {
    fc.assert(
      fc.property(target, ({ items, item, index, commit, to }) => {
        const more = after(commit)
        const longer = toLogItem({ ...commit, events: [...commit.events, more] }) as { readonly text?: string }
        assert.deepEqual(placesIn(items.with(index, { ...item, text: longer.text })), [`${idPlace(item)} changed`])
        assert.equal(more.version, to + 1)
      }),
    )
  })

  it('its text is lost, in a stream with other faults, at the versions that its fields name', () => {
    fc.assert(
      fc.property(target, ({ items, item, index, to, count }) => {
        const lost = items.with(index, { ...item, text: '' })
        const found = placesIn([...lost, makeReceipt('late', count + 1)])
        assert.deepEqual(found, [`${idPlace(item)} changed`, `${at(count + 1)} missing`])
        fc.pre(index + 2 < items.length)
        assert.deepEqual(placesIn(lost.toSpliced(index + 1, 1)), [`${idPlace(item)} changed`, `${at(to + 1)} missing`])
      }),
    )
  })

  it('it was shortened with all its fields', () => {
    fc.assert(
      fc.property(target, ({ commits, commit, index, from, to, count }) => {
        fc.pre(from < to && to < count)
        const shorter = { ...commit, events: commit.events.slice(0, -1) }
        assert.deepEqual(placesIn(toItems(commits.with(index, shorter))), [`${at(to)} missing`])
      }),
    )
  })

  it('it was swapped with another one, unchanged, under the other’s id or versions, or hashed again', () => {
    const two = target.filter(
      ({ commits, commit, index }) => commits[index + 1]?.events.length === commit.events.length,
    )
    fc.assert(
      fc.property(two, ({ commits, items, index, commit, item, from }) => {
        const [later, laterItem] = [commits[index + 1] ?? assert.fail(), itemAt(items, index + 1)]
        const [laterFrom] = readVersions(later)
        const swap = (a: Item, b: Item) => check(items.with(index, a).with(index + 1, b))
        const whole = [`${idPlace(item)} changed`, `${idPlace(laterItem)} changed`]
        assert.deepEqual(places(swap({ ...laterItem, id: item.id }, { ...item, id: laterItem.id })), whole)
        const { id, from: first, to } = item
        const { id: laterId, from: laterFirst, to: laterTo } = laterItem
        const moved = places(
          swap({ ...laterItem, id, from: first, to }, { ...item, id: laterId, from: laterFirst, to: laterTo }),
        )
        assert.deepEqual(moved, [`${at(from)} changed`, `${at(laterFrom)} changed`])
        const [before, next] = [commit, later].map(({ events }) => events[0]?.previousHash ?? '')
        const again = commits
          .with(index, rechained(later, from, before ?? ''))
          .with(index + 1, rechained(commit, laterFrom, next ?? ''))
        const named = check(toItems(again)).map(({ place, detail }) => `${place}: ${detail}`)
        assert.ok(named.join().includes(at(laterFrom - 1)) || named.join().includes(at(laterFrom)), named.join())
      }),
      { numRuns: 50 },
    )
  })

  it('it has no key, each of two separately', () => {
    const items = toItems(makeCommits([1, 1])).map((item) => without(item, 'key'))
    assert.deepEqual(
      placesIn(items),
      items.map((item) => `${idPlace(item)} changed`),
    )
  })

  it('its key is that of another commit or of a receipt', () => {
    fc.assert(
      fc.property(target, ({ commits, items, commit, item, from, count }) => {
        const receipt = makeReceipt(commit.key, from)
        assert.deepEqual(placesIn([receipt, ...items]), [`${idPlace(receipt)} changed`])
        const last = commits.at(-1)?.events.at(-1)?.hash ?? ''
        const [again, ...others] = check([...items, ...toItems([rechained(commit, count + 1, last)])])
        assert.deepEqual([again?.place, again?.wrong, others], [`${stream} ${eventId(count + 1)}`, 'changed', []])
        assert.equal(again?.detail, `it has the key of ${item.id}: no command has two outcomes`)
      }),
    )
  })
})

describe('a missing or an additional item is reported when', () => {
  it('any commit that another one follows was removed', () => {
    fc.assert(
      fc.property(target, ({ items, index, from, to, count }) => {
        fc.pre(to < count)
        const [fault, ...others] = check(items.toSpliced(index, 1))
        assert.deepEqual([fault?.place, fault?.wrong, others], [at(from), 'missing', []])
        assert.equal(fault?.detail, `${from === to ? '' : `all up to ${at(to)}: `}later events exist`)
      }),
    )
  })

  it('the tail of the stream was removed, and a receipt points beyond the rest', () => {
    fc.assert(
      fc.property(target, fc.nat(), ({ items, index, from, count }, more) => {
        const version = from + (more % (count - from + 1))
        const receipts = [makeReceipt('early', 0), makeReceipt('late', version), makeReceipt('before', from - 1)]
        const [fault, ...others] = check([...receipts, ...items.slice(0, index)])
        assert.deepEqual([fault?.place, fault?.wrong, others], [at(from), 'missing', []])
        assert.match(fault?.detail ?? '', new RegExp(`the receipt ~${hashKey('late')} points beyond the stream$`))
        assert.equal(fault?.detail.startsWith('all up to '), version > from)
      }),
    )
  })

  it('a receipt points beyond all versions', () => {
    const items = toItems(makeCommits([2]))
    assert.deepEqual(placesIn([...items, makeReceipt('far', Number.MAX_SAFE_INTEGER)]), [`${at(3)} missing`])
  })

  it('a copy was inserted under the same id, within a commit, after the end or under another id', () => {
    fc.assert(
      fc.property(target, ({ items, item, from, to, place, version, count }) => {
        assert.deepEqual(placesIn([...items, item]), [`${idPlace(item)} inserted`])
        const key = { key: hashKey('another') }
        const copy = { ...item, ...key, id: eventId(version), from: version, to: version + (to - from) }
        if (place > 0) assert.ok(placesIn([...items, copy]).includes(`${stream} ${eventId(version)} inserted`))
        const end = { ...item, ...key, id: eventId(count + 1) }
        assert.deepEqual(placesIn([...items, end]), [`${stream} ${eventId(count + 1)} changed`])
        const fitting = { ...end, from: count + 1, to: count + 1 + (to - from) }
        assert.deepEqual(placesIn([...items, fitting]), [`${at(count + 1)} changed`])
        assert.deepEqual(placesIn([...items, { ...item, id: 'copy' }]), [`${stream} copy inserted`])
      }),
    )
  })

  it('a commit lies within another one, whatever its hashes and links', () => {
    fc.assert(
      fc.property(target, ({ items, commit, item, place, version, to }) => {
        fc.pre(place > 0)
        const previousHash = commit.events[place - 1]?.hash ?? ''
        const one = rechained(
          { ...commit, key: 'more', events: commit.events.slice(place, place + 1) },
          version,
          previousHash,
        )
        const [fault, ...others] = check([...items, ...toItems([one])])
        assert.deepEqual([fault?.place, fault?.wrong], [`${stream} ${eventId(version)}`, 'inserted'])
        assert.deepEqual(fault?.detail, `it begins within the commit ${item.id}, which ends with ${to}`)
        assert.deepEqual(others, [])
      }),
    )
  })

  it('a commit overlaps the next one', () => {
    fc.assert(
      fc.property(target, ({ commits, commit, index, to, count }) => {
        fc.pre(to < count)
        const named = placesIn(toItems(commits.with(index, { ...commit, events: [...commit.events, after(commit)] })))
        assert.equal(named[0], `${stream} ${eventId(to + 1)} inserted`)
      }),
    )
  })

  it('an item is neither a commit nor a receipt', () => {
    const items = toItems(makeCommits([2]))
    for (const id of ['note', '', '1', '~', '~note', `~cmd:${hashKey('k')}`, eventId(0), '9'.repeat(16)])
      assert.deepEqual(placesIn([...items, { id, stream }]), [`${stream} ${id} inserted`])
    assert.deepEqual(placesIn([...items, { stream }]), [`${stream} undefined inserted`])
  })

  it('several are in one stream, each at its place', () => {
    const items = toItems(makeCommits([1, 2, 2, 3]))
    const edited = withEvent(itemAt(items, 1), 0, (event) => ({ ...event, data: 0 }))
    const tampered = [...items.with(1, edited).toSpliced(2, 1), makeReceipt('late', 9), { id: 'note', stream }]
    assert.deepEqual(placesIn(tampered), [
      `${at(2)} changed`,
      `${at(4)} missing`,
      `${at(9)} missing`,
      `${stream} note inserted`,
    ])
  })
})

describe('a changed receipt is reported by its item when', () => {
  it('any one field of it was changed, added or removed', () => {
    const fields = ['key', 'fingerprint', 'version', 'refusal', 'new']
    const seen = new Set<string>()
    const value = fc.oneof(
      fc.jsonValue(),
      fc.constantFrom(
        -1,
        1.5,
        '1',
        {},
        { code: 'c' },
        { code: 1, detail: 'd' },
        { code: 'c', detail: 1 },
        { code: 'c', detail: 'd', more: 1 },
      ),
    )
    fc.assert(
      fc.property(log, fc.constantFrom(...fields), value, fc.boolean(), (commits, field, value, removed) => {
        const receipt = makeReceipt('r', 1, { code: 'order-closed', detail: 'it is closed' })
        // It may be absent.
        fc.pre(
          !(removed && field === 'refusal') &&
            (removed ? receipt[field] !== undefined : differs(receipt[field], value)),
        )
        fc.pre(field !== 'version' || !Number.isSafeInteger(value) || Number(value) < 0)
        const changed = removed ? without(receipt, field) : { ...receipt, [field]: value }
        assert.deepEqual(placesIn([...toItems(commits), changed]), [`${idPlace(receipt)} changed`])
        seen.add(field)
      }),
      { numRuns: 500 },
    )
    assert.deepEqual(seen, new Set(fields))
  })

  it('it has another receipt’s key or id', () => {
    const receipt = makeReceipt('r', 0)
    assert.deepEqual(placesIn([{ ...receipt, key: hashKey('s') }]), [`${idPlace(receipt)} changed`])
    assert.deepEqual(placesIn([receipt, receipt]), [`${idPlace(receipt)} inserted`])
  })
})

describe('a change that the log alone cannot show is not reported, such as', () => {
  it('newest commits that no receipt points at, removed, rewritten or added', () => {
    fc.assert(
      fc.property(target, ({ commits, items, commit, index, count }) => {
        assert.deepEqual(check(items.slice(0, index)), [])
        const written = commits.slice(0, index)
        let previousHash = commit.events[0]?.previousHash ?? ''
        for (const each of commits.slice(index)) {
          const again = rechained(each, readVersions(each)[0], previousHash, { actor: 'mallory' })
          previousHash = again.events.at(-1)?.hash ?? ''
          written.push(again)
        }
        assert.deepEqual(check(toItems(written)), [])
        const added = rechained({ ...commit, key: 'added' }, count + 1, previousHash, { causation: 'command:added' })
        assert.deepEqual(check(toItems([...written, added])), [])
      }),
    )
  })

  it('a fingerprint, the key of a reaction’s command, or a receipt, which no hash covers', () => {
    const [commit] = makeCommits([2])
    assert.ok(commit)
    const reacted = rechained(commit, 1, GENESIS, { causation: 'order-2@1' })
    const other = { fingerprint: canonicalHash('another request') }
    const receipt = makeReceipt('r', 2, { code: 'order-closed', detail: 'it is closed' })
    for (const items of [
      [{ ...itemAt(toItems([commit]), 0), ...other }],
      [{ ...itemAt(toItems([reacted]), 0), key: hashKey('another') }],
      toItems([commit]),
      [...toItems([commit]), { ...receipt, ...other, version: 1 }],
      [...toItems([commit]), without(receipt, 'refusal')],
    ])
      assert.deepEqual(check(items), [])
  })
})

describe('an untampered stream', () => {
  it('is never reported, whatever its events hold and in whatever order its items come', () => {
    let [events, receipts] = [0, 0]
    const refusal = fc.option(fc.record({ code: fc.string(), detail: fc.string() }), { nil: undefined })
    const kept = fc.array(fc.record({ version: fc.nat(), refusal }), { maxLength: 4 })
    const items = fc.tuple(log, kept).chain(([commits, versions]) => {
      const count = commits.reduce((sum, { events }) => sum + events.length, 0)
      const all = versions.map(({ version, refusal }, index) =>
        makeReceipt(`r-${index}`, version % (count + 1), refusal),
      )
      const every = [...toItems(commits), ...all]
      return fc.shuffledSubarray(every, { minLength: every.length })
    })
    fc.assert(
      fc.property(items, (items) => {
        const checked = new StreamCheck(stream)
        for (const item of items) checked.add(item)
        assert.deepEqual(checked.finish(), [])
        assert.equal(checked.commits + checked.receipts, items.length)
        events += checked.events
        receipts += checked.receipts
      }),
      { numRuns: 500 },
    )
    assert.ok(events > 500 && receipts > 100, `${events} ${receipts}`)
  })

  it('may have no item, or a receipt of a refusal because the stream is missing', () => {
    assert.deepEqual(check([]), [])
    assert.deepEqual(check([makeReceipt('r', 0, { code: 'stream-not-found', detail: 'there is no order 1' })]), [])
  })

  it('may hold names and texts that sort and escape in unusual ways', () => {
    const odd = {
      '\u20ac': 1,
      '\r': 2,
      '\ufb33': 3,
      '1': 4,
      '\ud83d\ude00': 5,
      '\u0080': 6,
      '\u00f6': 7,
      ['__proto__']: { a: 1 },
      a: -0,
      b: 1e21,
      c: 1e-7,
      d: '</script>\u2028"\\\u0007',
      e: '2026-11-28T20:00:00.500+02:00',
    }
    // Objects have an order of their own for such names: both kinds are written in another way.
    const plain = Object.fromEntries(Object.entries(odd).filter(([name]) => name !== '1' && name !== '__proto__'))
    assert.equal(Object.keys(plain).length, Object.keys(odd).length - 2)
    assert.deepEqual(check(toItems(makeCommits([2, 1], [odd, plain]))), [])
  })
})
