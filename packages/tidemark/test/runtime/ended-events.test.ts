import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { z } from 'zod'
import { fromCloudEvent, toCloudEvent } from '../../core/cloud-event.ts'
import { toLogItem } from '../../core/commit.ts'
import { type DomainEvent, eventType, type RecordedEvent } from '../../core/event.ts'
import { hashEvent } from '../../core/hash-chain.ts'
import type { ImmediateReaction, SchedulingReaction } from '../../core/reaction.ts'
import { published, type Service } from '../../core/service.ts'
import type { AnyView } from '../../core/view.ts'
import { MemoryEventStore } from '../../memory/event-store.ts'
import { MemoryParking } from '../../memory/parking.ts'
import { MemoryProgress } from '../../memory/progress.ts'
import { MemorySnapshots } from '../../memory/snapshots.ts'
import { MemoryViewStores } from '../../memory/view-store.ts'
import { documentEvents } from '../../runtime/document-events.ts'
import { pagedLog } from '../../runtime/paged-history.ts'
import { ConsumerParking } from '../../runtime/parking.ts'
import { rebuildView } from '../../runtime/rebuild.ts'
import { Relay } from '../../runtime/relay.ts'
import { coldLoader } from '../../runtime/snapshots.ts'
import { ViewFold } from '../../runtime/view-fold.ts'
import { appendGiven } from '../../testing/append-given.ts'
import { runProjection } from '../../testing/run-projection.ts'
import { inParts, seeded } from '../../testing/shuffle.ts'
import { itemView, ledger, Moved, notes, OldExchanged, Relocated, van, vans, vanView } from '../domain/vans.ts'
import { memoryLog } from '../support/commits.ts'
import { everyEvent, ManualClock, request } from '../support/fakes.ts'
import { foldState, handlingOn } from '../support/handling.ts'
import { projecting } from '../support/projecting.ts'
import { IMMEDIATE, Reacting } from '../support/reacting.ts'
import { unwatched } from '../support/rebuild-harness.ts'
import { recorded } from '../support/recorded.ts'

type Stored = Parameters<typeof recorded>[1]

const load = (item: string) => ({ type: 'Loaded', data: { item } })
const unload = (item: string) => ({ type: 'Unloaded', data: { item } })
const exchange = { type: 'Exchanged', data: { out: 'tea', in: 'salt' } }
const washed = { type: 'Washed', data: { soap: 3 } }

/** One thing that happened: as today's code records it, and as the code of some time recorded it. */
interface Happened {
  readonly today: readonly Stored[]
  readonly once: readonly Stored[]
}

const item = fc.constantFrom('tea', 'salt')
const plain = fc.oneof(item.map(load), item.map(unload)).map((event): Happened => ({ today: [event], once: [event] }))
const renamed = fc.tuple(item, fc.constantFrom(undefined, 'road'), fc.boolean()).map(([to, by, isNew]): Happened => {
  const today = { type: 'Relocated', schemaVersion: 3, data: { city: to, by: by ?? '' } }
  const old = by === undefined ? { schemaVersion: 1, data: { to } } : { schemaVersion: 2, data: { to, by } }
  return { today: [today], once: [isNew ? today : { type: 'Moved', ...old }] }
})
const split = fc.tuple(item, item).map(
  ([out, into]): Happened => ({
    today: [unload(out), load(into)],
    once: [{ type: 'Exchanged', data: { out, in: into } }],
  }),
)
const gone = fc.constant<Happened>({ today: [], once: [washed] })
const histories = fc.array(fc.oneof(plain, renamed, split, gone), { minLength: 1, maxLength: 8 })
const record = (stream: string, happened: readonly Happened[], when: keyof Happened) =>
  recorded(stream, ...happened.flatMap((each) => each[when]))

async function history(events: readonly RecordedEvent[]): Promise<MemoryEventStore> {
  const log = new MemoryEventStore()
  for (const event of events) await appendGiven(log, event)
  return log
}

/** The documents of a view, as time travel and dry runs project them. */
function foldInMemory(view: AnyView, events: readonly RecordedEvent[]): ReadonlyMap<string, unknown> {
  const fold = new ViewFold(view, van.events)
  for (const event of events) fold.apply(event)
  return fold.documents
}

describe('a log with ended events', () => {
  it('folds and projects as one that today’s code wrote, however it is delivered', async () => {
    let counted = 0
    await fc.assert(
      fc.asyncProperty(histories, histories, fc.nat(), async (first, second, seed) => {
        const record2 = (when: keyof Happened) => [record('van-1', first, when), record('van-2', second, when)] as const
        const [once, today] = [record2('once'), record2('today')]
        assert.deepEqual(foldState(van, once[0]), foldState(van, today[0]))
        for (const view of vans.views) {
          assert.deepEqual(foldInMemory(view, once.flat()), foldInMemory(view, today.flat()))
          const read = (log: readonly RecordedEvent[], twice: boolean) =>
            runProjection(vans, view, { log, batches: inParts(seeded(seed), log), twice })
          const found = await read(once.flat(), true)
          const expected = await read(today.flat(), false)
          assert.deepEqual(sorted(found), sorted(expected))
          counted += found.size
        }
      }),
      { numRuns: 25 },
    )
    assert.ok(counted > 50, `${counted} documents`)
  })

  it('moves every cursor past an event that is read as nothing', async () => {
    const views = new MemoryViewStores()
    const events = recorded('van-1', load('tea'), washed)
    const project = projecting({ log: await history(events), views, eventTypes: van.events }, vanView, itemView)
    await project(events)
    const { document, cursor } = (await (await views.live('van')).read('van-1')) ?? assert.fail('no document')
    assert.deepEqual(document, { seen: ['Loaded {"item":"tea"}'] })
    assert.deepEqual([cursor?.version, cursor?.hash], [2, events[1]?.hash])
  })

  it('applies all that one event is read as to a document, or none', async () => {
    const views = new MemoryViewStores()
    let fails = true
    const failing = {
      ...itemView,
      documentKeys: () => ['all'],
      evolve(document: { loads: number; unloads: number } | undefined, event: Parameters<typeof itemView.evolve>[1]) {
        if (fails && event.part === 2) throw new Error('not now')
        return itemView.evolve(document, event, 'all')
      },
    }
    const events = recorded('van-1', unload('tea'), exchange)
    const project = projecting({ log: await history(events), views, eventTypes: van.events }, failing)
    await assert.rejects(project(events), { code: 'handler-failed' })
    const read = async () => (await (await views.live('item')).read('all'))?.document
    assert.deepEqual(await read(), { loads: 0, unloads: 1 })
    fails = false
    await project(events)
    await project(events)
    assert.deepEqual(await read(), { loads: 1, unloads: 2 })
  })

  it('is rebuilt to the same documents', async () => {
    const events = recorded('van-1', load('salt'), washed, exchange, { type: 'Moved', data: { to: 'Ghent' } }, washed)
    const log = await history(events)
    const [views, clock] = [new MemoryViewStores(), new ManualClock()]
    const deps = { log, feed: log, views, generations: views, clock, eventTypes: van.events, declared: vans.views }
    await projecting({ ...deps }, ...vans.views)(events)
    const read = async (view: string, key: string) => (await (await views.live(view)).read(key))?.document
    const keys: readonly (readonly [string, string])[] = [
      ['van', 'van-1'],
      ['item', 'tea'],
      ['item', 'salt'],
    ]
    const before = await Promise.all(keys.map((key) => read(...key)))
    const progress = new MemoryProgress(() => clock.elapsed())
    for (const view of vans.views) await rebuildView({ ...deps, progress, ids: () => view.name }, view, unwatched)
    assert.deepEqual(await Promise.all(keys.map((key) => read(...key))), before)
    assert.deepEqual(before.at(-1), { loads: 2, unloads: 0 })
  })

  it('lists for a document the stored events that it was made from', async () => {
    const log = await history(recorded('van-1', load('tea'), washed, exchange))
    const deps = {
      log,
      history: pagedLog(log),
      eventTypes: van.events,
      clock: new ManualClock(),
      readDiscards: async () => () => false,
    }
    const list = async (view: typeof vanView | typeof itemView, key: string) =>
      (await documentEvents(deps, view, { key, limit: 10 })).items.map(({ type }) => type)
    assert.deepEqual(await list(vanView, 'van-1'), ['Loaded', 'Exchanged'])
    assert.deepEqual(await list(itemView, 'salt'), ['Exchanged'])
  })
})

const sorted = (documents: ReadonlyMap<string, unknown>) => [...documents].toSorted(([a], [b]) => (a < b ? -1 : 1))

describe('a command on a stream with ended events', () => {
  it('decides on what they are read as, and continues the hash chain over the stored bytes', async () => {
    const old = recorded('van-1', { type: 'Moved', data: { to: 'Ghent' } }, exchange, washed)
    const log = await memoryLog(old)
    const handle = handlingOn(vans, log)
    const done = await handle(van, request('k', { type: 'load', data: { item: 'rice' } }, { stream: 'van-1' }))
    assert.partialDeepStrictEqual(done, { outcome: 'done', version: 4, events: 1 })
    const events = await everyEvent(log, 'van-1')
    assert.deepEqual(events.slice(0, 3), old)
    for (const [index, event] of events.entries()) {
      assert.equal(event.hash, hashEvent(event))
      assert.equal(event.previousHash, events[index - 1]?.hash ?? '0'.repeat(64))
    }
  })

  it('uses no snapshot of code that read them differently', async () => {
    const log = await memoryLog(recorded('van-1', ...Array.from({ length: 12 }, () => exchange)))
    const snapshots = new MemorySnapshots()
    const load = async (decider: typeof van) => {
      const loader = coldLoader({ store: log, snapshots, minEvents: 10, warn: (line) => assert.fail(line) })
      const { state } = await loader.load(decider, 'van-1')
      loader.answered('van-1')
      // A snapshot is written after the answers.
      await new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
      return (state as { seen: readonly string[] }).seen.length
    }
    const events = van.events.map((type) => (type.name === 'Exchanged' ? OldExchanged : type))
    assert.equal(await load({ ...van, events }), 12)
    assert.equal(await load(van), 24)
    assert.equal(await load(van), 24)
  })
})

describe('a reaction to ended events', () => {
  const events = recorded('van-1', washed, exchange, { type: 'Moved', data: { to: 'Ghent' } }, exchange)
  const expected = [
    'Unloaded {"item":"tea"}',
    'Loaded {"item":"salt"}',
    'Relocated {"city":"Ghent","by":""}',
    'Unloaded {"item":"tea"}',
    'Loaded {"item":"salt"}',
  ]
  const noted = async (log: MemoryEventStore) =>
    (await everyEvent(log, 'ledger-van-1')).map(({ data }) => (data as { what: string }).what)

  it('sends each command once, wherever a process dies', async () => {
    let deaths = 0
    for (let steps = 0; ; steps += 1) {
      const reacting = new Reacting(vans, IMMEDIATE)
      for (const event of events) await appendGiven(reacting.log, event)
      await reacting.instance(steps)(events)
      const before = await noted(reacting.log)
      await reacting.instance()(events)
      await reacting.instance()(events)
      assert.deepEqual(await noted(reacting.log), expected)
      if (before.length < expected.length) deaths += 1
      else break
    }
    assert.ok(deaths >= expected.length, `${deaths} deaths`)
  })

  for (const schedules of [false, true])
    it(`fails instead of losing a command if two of them get one id${schedules ? ', also later' : ''}`, async () => {
      const due = '2026-01-01T00:00:00.000Z'
      const clashing: SchedulingReaction<DomainEvent> = {
        ...notes,
        schedules: true,
        async react({ stream, version, type }, send, sendLater) {
          const [id, command] = [`${stream}@${version}`, { type: 'note', data: { what: type } }] as const
          if (schedules) await sendLater(ledger, stream, { commandId: id, due }, command)
          else await send(ledger, stream, id, command)
        },
      }
      const reacting = new Reacting({ ...vans, reactions: [clashing] }, IMMEDIATE)
      for (const event of events) await appendGiven(reacting.log, event)
      await assert.rejects(reacting.instance()(events), {
        code: 'invalid-command',
        message: /two commands van-1@2 to ledger-van-1.*van-1@2 is read as: make the id from formatEventPosition/,
      })
    })
})

describe('a renamed event of another service', () => {
  const heard = async (service: Service, types: ImmediateReaction<DomainEvent>['events'], events: RecordedEvent[]) => {
    const read: DomainEvent[] = []
    const react: ImmediateReaction<DomainEvent>['react'] = async ({ type, data }) => void read.push({ type, data })
    const follower = { ...notes, service: service.name, events: types, react }
    const messages = events.map((event) => fromCloudEvent(JSON.parse(JSON.stringify(toCloudEvent(event)))))
    await new Reacting({ ...vans, name: 'other', reactions: [follower] }, IMMEDIATE).instance()(messages)
    return read
  }
  const move = { category: 'van', commands: van.commands, initial: null, evolve: () => null, events: [Relocated] }
  const decide = () => [{ type: 'Relocated', data: { city: 'Ghent', by: 'road' } }]
  const write = async (publishes: Service['publishes']) => {
    const service: Service = { ...vans, deciders: [{ ...move, decide }], publishes, views: [], reactions: [] }
    const log = await memoryLog(recorded('van-1', { type: 'Moved', schemaVersion: 1, data: { to: 'Bruges' } }))
    const [decider] = service.deciders
    assert.ok(decider)
    await handlingOn(service, log)(decider, request('k', { type: 'load', data: { item: '' } }, { stream: 'van-1' }))
    return { service, events: await everyEvent(log, 'van-1') }
  }
  const old = { type: 'Moved', data: { to: 'Bruges', by: '' } }

  it('is published under the name that the contract promises, so old followers go on', async () => {
    const kept = published(Relocated, Moved, ({ city, by }) => ({ to: city, by }))
    const { service, events } = await write([kept])
    assert.deepEqual(await heard(service, [Moved], events), [old, { type: 'Moved', data: { to: 'Ghent', by: 'road' } }])
    assert.deepEqual(
      events.map(({ type }) => type),
      ['Moved', 'Relocated'],
    )
  })

  it('is skipped by a follower that nobody told, and read by one that was told before', async () => {
    const to = z.object({ to: z.string() })
    const Renamed = eventType('Relocated', to)
      .additive(to, (data) => data)
      .formerly('Moved')
    const service: Service = { ...vans, publishes: [] }
    const events = recorded(
      'van-1',
      { type: 'Moved', schemaVersion: 2, data: { to: 'A', by: '' } },
      {
        type: 'Relocated',
        schemaVersion: 2,
        data: { to: 'B', by: '' },
      },
    )
    const cities = (read: readonly DomainEvent[]) => read.map(({ data }) => (data as { to: string }).to)
    assert.deepEqual(cities(await heard(service, [Moved], events)), ['A'])
    assert.deepEqual(cities(await heard(service, [Moved.becoming('Relocated')], events)), ['A', 'B'])
    assert.deepEqual(cities(await heard(service, [Renamed], events)), ['A', 'B'])
  })
})

describe('the relay', () => {
  it('publishes ended events as they were stored', async () => {
    const sent: RecordedEvent[] = []
    const clock = new ManualClock()
    const store = new MemoryParking()
    const parking = new ConsumerParking({ store, consumer: 'vans-relay', service: 'vans', build: 'b', clock })
    const publish = async (_stream: string, events: readonly RecordedEvent[]) => void sent.push(...events)
    const relay = new Relay({ service: 'vans', publisher: { publish }, parking, clock })
    const events = recorded('van-1', exchange, washed)
    const items = events.map((event) =>
      toLogItem({ stream: 'van-1', key: event.id, fingerprint: 'f', events: [event] }),
    )
    await relay.relay(
      items.map((each) => ({ ...each })),
      (line) => assert.fail(line),
    )
    assert.deepEqual(sent, events)
  })
})
