import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { HistoryRange, LogEntry } from '../../core/commit.ts'
import type { RecordedEvent } from '../../core/event.ts'
import { EMPTY_STREAM, hashEvent, type LogHead } from '../../core/hash-chain.ts'
import { type EventHistory, type EventStore, MAX_EVENTS } from '../../core/ports.ts'
import { placedV1 } from '../domain/orders.ts'
import { commit, readHead, receipt } from '../support/commits.ts'
import { recordedTogether } from '../support/recorded.ts'

const confirmed = { type: 'OrderConfirmed', data: { orderId: '1' } }
const APPENDED = { outcome: 'appended' }

/** The contract of every event store. @param create a store whose streams nobody else writes. */
export function eventStoreSuite(name: string, create: () => Promise<EventStore & EventHistory>): void {
  let streams = 0
  const fresh = async (...rest: Parameters<typeof recordedTogether>[1][]) => {
    streams += 1
    const stream = `order-${name}${streams}-${Date.now()}`
    const store = await create()
    return { store, stream, events: recordedTogether(stream, placedV1, confirmed, ...rest) }
  }
  const commitsIn = async (store: EventStore, stream: string, after = 0) => {
    const commits = []
    for await (const page of store.read(stream, after)) commits.push(...page)
    return commits
  }
  const readAll = async (store: EventStore, stream: string, after = 0): Promise<RecordedEvent[]> =>
    (await commitsIn(store, stream, after)).flatMap(({ events }) => events)
  const append = async (store: EventStore, after: LogHead, ...entries: readonly LogEntry[]): Promise<void> =>
    assert.deepEqual(await store.append(after, entries), APPENDED)

  describe(`event store: ${name}`, () => {
    it('reports a conflict and writes nothing when the version exists', async () => {
      const { store, stream, events } = await fresh()
      const first = events.slice(0, 1)
      await append(store, EMPTY_STREAM, commit('k1', first))
      const twice = [commit('k2', events), receipt(stream, 'k3', 2)]
      assert.deepEqual(await store.append(EMPTY_STREAM, twice), { outcome: 'conflict', index: 0 })
      assert.deepEqual(await readAll(store, stream), first)
      assert.equal(await store.findOutcome(stream, 'k2'), undefined)
      assert.equal(await store.findOutcome(stream, 'k3'), undefined)
    })

    it('reports a conflict and writes nothing when a commit already has the key', async () => {
      const { store, stream, events } = await fresh()
      const [first, rest] = [events.slice(0, 1), events.slice(1)]
      await append(store, EMPTY_STREAM, commit('k1', first))
      assert.deepEqual(await store.append(readHead(first), [commit('k1', rest)]), { outcome: 'conflict', index: 0 })
      const entries = [commit('k2', rest), receipt(stream, 'k1', 2)]
      assert.deepEqual(await store.append(readHead(first), entries), { outcome: 'conflict', index: 1 })
      assert.deepEqual(await store.append(readHead(first), [receipt(stream, 'k1', 1)]), {
        outcome: 'conflict',
        index: 0,
      })
      assert.deepEqual(await readAll(store, stream), first)
      assert.deepEqual(await store.findOutcome(stream, 'k1'), { fingerprint: 'of k1', version: 1, events: 1 })
    })

    it('reports a conflict when a receipt already has the key', async () => {
      const { store, stream, events } = await fresh()
      await append(store, EMPTY_STREAM, receipt(stream, 'k1', 0))
      const conflict = { outcome: 'conflict', index: 0 }
      assert.deepEqual(await store.append(EMPTY_STREAM, [commit('k1', events)]), conflict)
      assert.deepEqual(await store.append(EMPTY_STREAM, [receipt(stream, 'k1', 5)]), conflict)
      assert.deepEqual(await store.findOutcome(stream, 'k1'), { fingerprint: 'of k1', version: 0, events: 0 })
      assert.deepEqual(await readAll(store, stream), [])
    })

    it('reports a missing predecessor, and writes nothing', async () => {
      const { store, stream, events } = await fresh()
      const second = events.slice(1)
      const entries = [commit('k1', second), receipt(stream, 'k2', 2)]
      assert.deepEqual(await store.append(readHead(events.slice(0, 1)), entries), { outcome: 'missing' })
      assert.deepEqual(await readAll(store, stream), [])
      assert.equal(await store.findOutcome(stream, 'k1'), undefined)
      assert.equal(await store.findOutcome(stream, 'k2'), undefined)
    })

    it("reports a broken chain when the stream's history differs from the one folded", async () => {
      const { store, stream, events } = await fresh(confirmed)
      await append(store, EMPTY_STREAM, commit('k1', events.slice(0, 1)))
      for (const [key, head] of [
        ['k2', { ...readHead(events.slice(0, 1)), hash: '1'.repeat(64) }],
        ['k3', { ...readHead(events.slice(0, 2)), commit: 1 }],
      ] as const) {
        const [next] = recordedTogether(stream, ...events.map(({ type, data }) => ({ type, data }))).slice(head.version)
        assert.ok(next)
        await assert.rejects(store.append(head, [commit(key, [next])]), { code: 'chain-broken', retriable: false })
      }
    })

    it('appends one of two concurrent appends, and reports a conflict for the other', async () => {
      const { store, stream, events } = await fresh()
      const results = await Promise.all(['k1', 'k2'].map((key) => store.append(EMPTY_STREAM, [commit(key, events)])))
      assert.deepEqual(results.map(({ outcome }) => outcome).toSorted(), ['appended', 'conflict'])
      assert.equal((await readAll(store, stream)).length, events.length)
    })

    it('appends one of several concurrent writes with one key, at any versions', async () => {
      const { store, stream, events } = await fresh()
      const receipts = [receipt(stream, 'k1', 0), commit('k1', events), receipt(stream, 'k1', 7)]
      const results = await Promise.all(receipts.map((entry) => store.append(EMPTY_STREAM, [entry])))
      assert.deepEqual(results.map(({ outcome }) => outcome).toSorted(), ['appended', 'conflict', 'conflict'])
    })

    it('reads commits as they were appended, after the end of any of them', async () => {
      const { store, stream, events } = await fresh(confirmed, confirmed, confirmed, confirmed, confirmed)
      const parts = [events.slice(0, 2), events.slice(2, 3), events.slice(3, 4), events.slice(4, 6), events.slice(6)]
      let head = EMPTY_STREAM
      for (const [index, part] of parts.entries()) {
        await append(store, head, commit(`k${index}`, part))
        head = readHead(part)
      }
      const all = parts.map((part) => ({ stream, from: part[0]?.version, to: part.at(-1)?.version, events: part }))
      assert.deepEqual(await commitsIn(store, stream), all)
      for (const [index, { to }] of all.entries())
        assert.deepEqual(await commitsIn(store, stream, to), all.slice(index + 1))
      assert.deepEqual(await commitsIn(store, `${stream}x`), [])
    })

    it('appends up to its limit of commits and receipts in one write, all or none', async () => {
      const { store, stream } = await fresh()
      // Both adapters have the same limits: a test in memory refuses what Cosmos DB refuses.
      assert.deepEqual(store.limits, { entries: 99, bytes: 2_031_616, eventBytes: 1_032_192 })
      const { entries: most } = store.limits
      const events = recordedTogether(stream, ...Array.from({ length: most }, () => confirmed))
      const entries = events.map((event, index): LogEntry => {
        return index === 50 ? receipt(stream, 'receipt', 50) : commit(`k${event.version}`, [event])
      })
      const [first, ...others] = entries.filter((_, index) => index <= 50)
      assert.ok(first)
      await append(store, EMPTY_STREAM, first, ...others)
      assert.deepEqual(await readAll(store, stream), events.slice(0, 50))
      const rest = events.slice(50).map((event) => commit(`k${event.version}`, [event]))
      const more = Array.from({ length: most - rest.length }, (_, index) => receipt(stream, `r${index}`, 99))
      await append(store, readHead(events.slice(49, 50)), ...rest, ...more)
      assert.deepEqual(await readAll(store, stream), events)
      assert.equal(rest.length + more.length, most)
      // The service also counts the read of the previous commit, which receipts do not need.
      const tooMany = Array.from({ length: most + 2 }, (_, index) => receipt(stream, `s${index}`, 99))
      await assert.rejects(store.append(readHead(events), tooMany))
    })

    it('reads a range in either direction, within commits, up to its limit and without receipts', async () => {
      const { store, stream, events } = await fresh(confirmed, confirmed)
      await append(store, EMPTY_STREAM, commit('k1', events.slice(0, 3)), receipt(stream, 'k2', 3))
      await append(store, readHead(events.slice(0, 3)), commit('k3', events.slice(3)))
      const versions = async (range: HistoryRange, of = stream) =>
        (await store.readRange(of, range)).map((event) => event.version)
      assert.deepEqual(await versions({ direction: 'forward', limit: 10 }, `${stream}x`), [])
      assert.deepEqual(await versions({ direction: 'forward', after: 4, limit: 10 }), [])
      assert.deepEqual(await versions({ direction: 'backward', after: 1, limit: 10 }), [])
      assert.deepEqual(await versions({ direction: 'forward', limit: 2 }), [1, 2])
      assert.deepEqual(await versions({ direction: 'forward', after: 1, limit: 2 }), [2, 3])
      assert.deepEqual(await versions({ direction: 'forward', after: 2, limit: 2 }), [3, 4])
      assert.deepEqual(await versions({ direction: 'backward', limit: 3 }), [4, 3, 2])
      assert.deepEqual(await versions({ direction: 'backward', after: 4, limit: 2 }), [3, 2])
      assert.deepEqual(await versions({ direction: 'backward', after: 3, limit: 10 }), [2, 1])
      assert.deepEqual(await store.readRange(stream, { direction: 'backward', limit: 10 }), events.toReversed())
    })

    it('finds the outcome of a key with any characters', async () => {
      const { store, stream, events } = await fresh()
      const [taken, refused, unchanged] = ['a/b?c#d\\e ü', '~', ' '].map((key) => `${key}${key}`) as [
        string,
        string,
        string,
      ]
      const refusal = { code: 'order-cancelled', detail: '2026-11-28T20:00:00.500+02:00' }
      const entries = [
        commit(taken, events),
        { ...receipt(stream, refused, 2), refusal },
        receipt(stream, unchanged, 2),
      ]
      await append(store, EMPTY_STREAM, ...entries)
      const known = (key: string, rest: object) => ({ fingerprint: `of ${key}`, version: 2, ...rest })
      assert.deepEqual(await store.findOutcome(stream, taken), known(taken, { events: 2 }))
      assert.deepEqual(await store.findOutcome(stream, refused), known(refused, { events: 0, refusal }))
      assert.deepEqual(await store.findOutcome(stream, unchanged), known(unchanged, { events: 0 }))
      assert.equal(await store.findOutcome(`${stream}x`, taken), undefined)
      assert.equal(await store.findOutcome(stream, 'another'), undefined)
    })

    it('stores every field of an event, with public and private content apart', async () => {
      const { store, stream } = await fresh()
      const published = { type: 'Told', schemaVersion: 2, readableFrom: 1, data: { at: '2026-01-01T00:00:00.500Z' } }
      const [event] = recordedTogether(stream, { ...confirmed, schemaVersion: 3, readableFrom: 2, published })
      assert.ok(event)
      const { hash: _, ...unhashed } = { ...event, traceparent: `00-${'1'.repeat(32)}-${'2'.repeat(16)}-00` }
      const traced = { ...unhashed, hash: hashEvent(unhashed) }
      await append(store, EMPTY_STREAM, commit('k1', [traced]))
      assert.deepEqual(await readAll(store, stream), [traced])
    })

    it('accepts the largest decision, and reads a long stream whole and in order', async () => {
      const { store, stream } = await fresh()
      const events = recordedTogether(stream, ...Array.from({ length: MAX_EVENTS * 3 }, () => confirmed))
      let head = EMPTY_STREAM
      for (let from = 0; from < events.length; from += MAX_EVENTS) {
        const part = events.slice(from, from + MAX_EVENTS)
        await append(store, head, commit(`k${from}`, part))
        head = readHead(part)
      }
      assert.deepEqual(await readAll(store, stream), events)
    })

    it('refuses events that differ in a field that a commit shares', async () => {
      const { store, stream, events } = await fresh()
      const [first, second] = events
      assert.ok(first && second)
      const torn = commit('k1', [first, { ...second, actor: 'another' }])
      await assert.rejects(store.append(EMPTY_STREAM, [torn]), { code: 'internal' })
      assert.deepEqual(await readAll(store, stream), [])
    })
  })
}
