import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, describe, it } from 'node:test'
import { gunzipSync, gzipSync } from 'node:zlib'
import type { Container, Database } from '@azure/cosmos'
import { cosmosEndpoint } from '../../../test-support/cosmos.ts'
import { toCloudEvent } from '../../core/cloud-event.ts'
import type { RecordedEvent } from '../../core/event.ts'
import { EMPTY_STREAM } from '../../core/hash-chain.ts'
import type { Clock } from '../../core/ports.ts'
import type { AnyView } from '../../core/view.ts'
import { findCursorView } from '../../core/view.ts'
import { CosmosEventFeed } from '../../cosmos/event-feed.ts'
import { CosmosEventStore } from '../../cosmos/event-store.ts'
import { CosmosParking } from '../../cosmos/parking.ts'
import { CosmosProgress } from '../../cosmos/progress.ts'
import { CosmosViewGenerations } from '../../cosmos/view-generations.ts'
import { type Handler, handleMessages } from '../../runtime/consume.ts'
import { LiveViews, POINTER_MS } from '../../runtime/live-views.ts'
import { ConsumerParking } from '../../runtime/parking.ts'
import { projection, sourceProjection } from '../../runtime/project.ts'
import { rebuildView } from '../../runtime/rebuild.ts'
import { Redrive } from '../../runtime/redrive.ts'
import type { Limits } from '../../verify/category-check.ts'
import type { SourceHistory } from '../../verify/source-log.ts'
import type { Fault } from '../../verify/stream-check.ts'
import { verifyViews } from '../../verify/views.ts'
import { trail } from '../domain/trails.ts'
import { itemView, van, vanView } from '../domain/vans.ts'
import { balanceView, turnoverView, type WalletEvent, wallet } from '../domain/wallets.ts'
import { appendStream, commit, readHead, receipt } from '../support/commits.ts'
import { projecting } from '../support/projecting.ts'
import { recorded } from '../support/recorded.ts'
import { balanced, closed, TrailWorld } from '../support/trail-world.ts'

const { database, stop } = await cosmosEndpoint()
after(stop)

const paidIn = (amount: number): WalletEvent => ({ type: 'PaidIn', data: { amount, currency: 'EUR' } })
const paidOut = (amount: number): WalletEvent => ({ type: 'PaidOut', data: { amount } })
const now: WalletEvent = { type: 'PaidIn', data: { amount: 0, currency: 'EUR' } }

/** A wallet's events; the first has the first version of its schema. */
function story(id: string, ...amounts: readonly number[]): RecordedEvent[] {
  const events = amounts.map((amount) => ({
    ...(amount < 0 ? paidOut(-amount) : paidIn(amount)),
    schemaVersion: amount < 0 ? 1 : 2,
  }))
  const [first] = amounts
  const old = { type: 'PaidIn' as const, data: { amount: first ?? 0 }, schemaVersion: 1 }
  return recorded(`wallet-${id}`, old, ...events.slice(1))
}

const NOTHING = { behind: 0, parked: 0, givenUp: 0, moving: 0, unsure: 0 }

/** A clock that jumps forward by whatever is waited for. */
let waited = 0
const clock: Clock = {
  now: () => '2026-01-01T00:10:00.000Z',
  elapsed: () => waited,
  async wait(milliseconds) {
    waited += milliseconds
  },
}

/** A service with a log and its views, in a database of its own. */
class World {
  readonly service: { readonly views: readonly AnyView[]; readonly deciders: readonly (typeof wallet)[] }
  readonly database: Database
  readonly log: CosmosEventStore
  readonly generations: CosmosViewGenerations
  readonly views: LiveViews
  readonly #streams = new Map<string, readonly RecordedEvent[]>()

  private constructor(its: Database, views: readonly AnyView[]) {
    this.service = { views, deciders: [wallet] }
    this.database = its
    this.log = new CosmosEventStore(its.container('events'))
    this.generations = new CosmosViewGenerations({ exact: its, relaxed: its }, 3600)
    this.views = new LiveViews(this.generations, clock, (name) => {
      const view = views.find((each) => each.name === name)
      return view && findCursorView(views, view)
    })
  }

  static async create(views: readonly AnyView[] = [balanceView, turnoverView]): Promise<World> {
    const { database: its } = await database.client.databases.create({ id: randomUUID() })
    await its.containers.create({
      id: 'events',
      partitionKey: '/stream',
      uniqueKeyPolicy: { uniqueKeys: [{ paths: ['/key'] }] },
    })
    for (const { name } of views) await its.containers.create({ id: name, partitionKey: '/pk', defaultTtl: -1 })
    for (const id of ['progress', 'parked']) await its.containers.create({ id, partitionKey: '/pk' })
    return new World(its, views)
  }

  /** A world with three wallets, projected without a fault. */
  static async sound(views?: readonly AnyView[]): Promise<World> {
    const world = await World.create(views)
    for (const events of [story('1', 5, 7, -3), story('2', 1, 1), story('3', 9, -9, 4, 4)]) {
      await world.append(events)
      await world.project(events)
    }
    return world
  }

  async append(events: readonly RecordedEvent[]): Promise<void> {
    await appendStream(this.log, events)
    this.#streams.set(events[0]?.stream ?? '', events)
  }

  /** Appends one more event to a stream of the log, without projecting it. */
  async more(id: string, event: WalletEvent = now): Promise<RecordedEvent> {
    const before = this.#streams.get(`wallet-${id}`) ?? []
    const all = recorded(`wallet-${id}`, ...before, { ...event, schemaVersion: event.type === 'PaidIn' ? 2 : 1 })
    const last = all.at(-1)
    assert.ok(last)
    const result = await this.log.append(readHead(before.slice(-1)), [commit(`more ${last.version}`, [last])])
    assert.equal(result.outcome, 'appended')
    this.#streams.set(`wallet-${id}`, all)
    return last
  }

  async project(events: readonly RecordedEvent[]): Promise<void> {
    const { log, views } = this
    await projecting({ log, views, eventTypes: wallet.events, clock }, ...this.service.views)(events)
  }

  /**
   * The consumer of the views. It cannot process an event that is poison to one of them, and parks its
   * stream.
   */
  consumer(poison: (view: string, position: string, key: string) => boolean = () => false) {
    const { log, views, service } = this
    const poisoned = service.views.map((view) => ({
      ...view,
      evolve(document: unknown, event: RecordedEvent, key: string) {
        if (poison(view.name, `${event.stream}@${event.version}`, key)) throw new TypeError('poison')
        return view.evolve(document, event as never, key)
      },
    })) as readonly AnyView[]
    const store = new CosmosParking(this.container('parked'), 'wallets-views')
    const parking = new ConsumerParking({ store, consumer: 'wallets-views', service: 'wallets', build: 'b', clock })
    const projected = projection({ log, views, eventTypes: wallet.events, clock }, poisoned)
    const names = poisoned.map(({ name }) => name)
    const handler: Handler = { names, category: 'wallet', startsAt: 'now', ...projected }
    return {
      redrive: new Redrive({ consumer: 'wallets-views', store, parking, handlers: [handler], clock }),
      handle: (...events: readonly RecordedEvent[]) => projected.handle(events, { parking, trace: () => {} }),
    }
  }

  container(name: string): Container {
    return this.database.container(name)
  }

  /** Changes an item as nobody with the right to write views should. */
  async edit(view: string, key: string, change: (item: Item) => Item): Promise<void> {
    const item = this.container(view).item('document', `1|document|${key}`)
    const { resource } = await item.read()
    assert.ok(resource)
    const changed = change(resource)
    if (changed.pk === resource.pk) await item.replace(changed)
    else await this.container(view).items.create(changed)
  }

  /** @param before runs before a view's documents are read; the log was read by then. */
  async verify(limits?: Partial<Limits>, before?: (view: string) => Promise<void>) {
    const faults: Fault[] = []
    const unchecked: string[] = []
    let [announced, read] = [0, 0]
    const counts = await verifyViews(
      before ? delayed(this.database, before) : this.database,
      this.service,
      {
        begin(items) {
          announced += items
        },
        read(items) {
          read += items
        },
        fault: (fault) => faults.push(fault),
        unchecked: (view, why) => unchecked.push(`${view}: ${why}`),
      },
      limits,
    )
    return {
      counts,
      unchecked,
      announced,
      read,
      lines: faults.map(({ place, wrong, detail }) => `${place}: ${wrong}: ${detail}`),
    }
  }
}

// biome-ignore lint/suspicious/noExplicitAny: items as they are in the store.
type Item = any

/** A database that runs something before its documents are read. */
function delayed(its: Database, before: (view: string) => Promise<void>): Database {
  const query = (container: Container, ...args: Parameters<Container['items']['query']>) => {
    const pages = container.items.query(...args)
    if (!JSON.stringify(args[0]).includes("c.kind = 'document'")) return pages
    const fetchNext = async () => {
      await before(container.id)
      return pages.fetchNext()
    }
    return { hasMoreResults: () => pages.hasMoreResults(), fetchNext }
  }
  const container = (name: string) => {
    const found = its.container(name)
    return new Proxy(found, {
      get: (target, field) =>
        field === 'items' ? { query: query.bind(undefined, target) } : Reflect.get(target, field),
    })
  }
  return { container } as unknown as Database
}

/** The faults found in the views of a sound world after one change. */
async function found(
  harm: (world: World) => Promise<unknown>,
  views?: readonly AnyView[],
  limits?: Partial<Limits>,
): Promise<readonly string[]> {
  const world = await World.sound(views)
  await harm(world)
  const { lines, unchecked } = await world.verify(limits)
  assert.deepEqual(unchecked, [])
  return lines
}

// Each test waits for a whole second of the store's clock.
describe('views against the log: verification reports', { concurrency: 4 }, () => {
  it('a document of a stream that the log does not have', async () => {
    const [inLog, ofCategory] = ['the log has no such stream', 'its stream is not of the category of the view']
    for (const key of ['wallet-0', 'wallet-11', 'wallet-9', 'pledge-1', 'wallet-\u{1f600}', '~', ''])
      assert.deepEqual(
        await found(async (world) => {
          await world.append(recorded('pledge-1', { type: 'PledgeKept', data: {} }))
          await world.edit('balance', 'wallet-1', (item) => ({ ...item, pk: `1|document|${key}`, key }))
        }),
        [`balance ${key}: inserted: ${key.startsWith('wallet-') ? inLog : ofCategory}`],
      )
    // A receipt is not an event.
    const lines = await found(async (world) => {
      await world.log.append(EMPTY_STREAM, [receipt('wallet-0', 'refused', 0)])
      await world.edit('balance', 'wallet-1', (item) => ({ ...item, pk: '1|document|wallet-0', key: 'wallet-0' }))
    })
    assert.deepEqual(lines, ['balance wallet-0: inserted: the log has no such stream'])
  })

  it('the effect of a forged message in the service’s hub', async () => {
    const lines = await found((world) => world.project(story('8', 3)))
    assert.deepEqual(lines.toSorted(), [
      'balance wallet-8: inserted: the log has no such stream',
      'turnover all: changed: it differs from the result of its events: /amount is 46, not 43, /count is 10, not 9',
      'turnover in: changed: it differs from the result of its events: /amount is 34, not 31, /count is 8, not 7',
    ])
  })

  it('a removed stream, and removed newest commits, which the log alone cannot show', async () => {
    const remove = async (world: World, versions: readonly number[]) => {
      for (const version of versions)
        await world.container('events').item(String(version).padStart(16, '0'), 'wallet-1').delete()
    }
    const gone = await found((world) => remove(world, [1, 2, 3]))
    assert.ok(gone.includes('balance wallet-1: inserted: the log has no such stream'))
    const cut = await found((world) => remove(world, [3]))
    assert.ok(cut.includes('balance wallet-1: does not follow: it is at version 3, but the log ends with 2'))
  })

  it('the end of a stream that was rewritten with right hashes', async () => {
    const lines = await found(async (world) => {
      const [, , last] = story('1', 5, 7, -2)
      assert.ok(last)
      await world.container('events').item(last.id, 'wallet-1').delete()
      const head = readHead(story('1', 5, 7).slice(-1))
      await world.log.append(head, [commit('again', [last])])
    })
    assert.ok(
      lines.includes('balance wallet-1: does not follow: at version 3 the log has another event'),
      lines.join('\n'),
    )
  })

  it('a cursor that is missing, beyond the log or at another event', async () => {
    const withCursor = (change: object) =>
      found((world) =>
        world.edit('balance', 'wallet-2', (item) => ({ ...item, cursor: { ...item.cursor, ...change } })),
      )
    const [beyond] = await withCursor({ version: 7 })
    assert.equal(beyond, 'balance wallet-2: does not follow: it is at version 7, but the log ends with 2')
    for (const change of [
      { hash: 'f'.repeat(64) },
      { version: 1 },
      { time: '2026-01-01T00:00:09.000Z' },
      { version: 0 },
    ])
      assert.ok(
        (await withCursor(change)).some((line) =>
          / wallet-2: does not follow: at version \d the log has another/.test(line),
        ),
        JSON.stringify(change),
      )
    for (const change of [{ version: -1 }, { version: 'x' }, { passed: 3 }])
      assert.ok((await withCursor(change)).includes('balance wallet-2: changed: it has no valid cursor'))
    const [passed] = await withCursor({ passed: { 'turnover@1': 9 } })
    assert.equal(passed, 'balance wallet-2: does not follow: it has turnover@1 at version 9, but the log ends with 2')
  })

  it('a document that differs from what its events lead to, and where', async () => {
    const change = (document: object) =>
      found((world) =>
        world.edit('balance', 'wallet-3', (item) => ({ ...item, document: { ...item.document, ...document } })),
      )
    assert.deepEqual(await change({ balance: 9 }), [
      'balance wallet-3: changed: it differs from the result of its events up to version 4: /balance is 9, not 8',
    ])
    const [several] = await change({ balance: 'x'.repeat(200), movements: null, at: 1, more: {} })
    assert.match(
      several ?? '',
      /: \/balance is "x+…, not 8, \/movements is null, not 4, \/at is 1, not "[^"]+" and 1 more$/,
    )
  })

  it("a document with a wrong sort place, and a document in another document's item", async () => {
    assert.deepEqual(await found((world) => world.edit('balance', 'wallet-1', (item) => ({ ...item, sort: 'z' }))), [
      'balance wallet-1: changed: its place in lists is wrong',
    ])
    const lines = await found((world) =>
      world.edit('balance', 'wallet-1', (item) => ({ ...item, pk: '1|document|wallet-7' })),
    )
    assert.deepEqual(lines, ['balance 1|document|wallet-7: changed: its fields name "wallet-1" of generation 1'])
  })

  it('a multi-stream document that is changed, missing, misplaced or without an event', async () => {
    assert.deepEqual(
      await found((world) =>
        world.edit('turnover', 'in', (item) => ({ ...item, document: { ...item.document, count: 99 } })),
      ),
      ['turnover in: changed: it differs from the result of its events: /count is 99, not 7'],
    )
    assert.deepEqual(
      await found((world) => world.edit('turnover', 'in', (item) => ({ ...item, key: 'no', pk: '1|document|no' }))),
      ['turnover no: inserted: no event of the log leads to it'],
    )
    assert.deepEqual(await found((world) => world.container('turnover').item('document', '1|document|all').delete()), [
      'turnover all: missing: its events are in the log',
    ])
    assert.deepEqual(await found((world) => world.edit('turnover', 'out', (item) => ({ ...item, sort: 'z' }))), [
      'turnover out: changed: its place in lists is wrong',
    ])
  })

  it('a cursor in an item of its own, of an unknown stream or beyond the stream’s end', async () => {
    const alone = [turnoverView]
    const item = (stream: string, cursor: object) => ({
      id: 'cursor',
      pk: `1|cursor|${stream}`,
      kind: 'cursor',
      cursor,
    })
    const { hash, time } = story('1', 5, 7, -3)[2] ?? {}
    assert.deepEqual(
      await found(
        (world) => world.container('turnover').items.create(item('wallet-0', { version: 3, hash, time })),
        alone,
      ),
      ['turnover, its cursor of wallet-0: inserted: the log has no such stream'],
    )
    const [beyond] = await found(
      (world) => world.container('turnover').items.upsert(item('wallet-1', { version: 4, hash, time })),
      alone,
    )
    assert.equal(
      beyond,
      'turnover, its cursor of wallet-1: does not follow: it is at version 4, but the log ends with 3',
    )
  })

  it('a missing document and a lost event, once the view has processed much later events', async () => {
    const limits = { lateMs: 2_500 }
    const gone = (world: World) => world.container('balance').item('document', '1|document|wallet-2').delete()
    const detail =
      'the view has not applied version 1 of 2026-01-01T00:00:00.000Z, ' +
      'but has applied events of 2026-01-01T00:00:03.000Z'
    assert.deepEqual(await found(gone, undefined, limits), [
      `balance wallet-2: missing: ${detail}`,
      // Its cursors were in the same item.
      `turnover wallet-2: missing: ${detail}`,
    ])
    // Events this recent may still be on their way.
    assert.deepEqual(await found(gone), [])
    const lost = await found(
      async (world) => {
        await world.append(story('4', 3))
        await world.more('2', paidIn(1))
      },
      undefined,
      limits,
    )
    assert.deepEqual(
      lost,
      ['balance', 'turnover'].map((view) => `${view} wallet-4: missing: ${detail}`),
    )
  })

  it('an item of an unknown or another generation, or of a kind that no view has', async () => {
    const [to7, says2] = [{ pk: '7|document|wallet-1', generation: 7 }, { generation: 2 }]
    for (const [change, line] of [
      [to7, '7|document|wallet-1: inserted: it is of generation 7, but the newest is 1'],
      [says2, '1|document|wallet-1: changed: its fields name "wallet-1" of generation 2'],
      [{ kind: 'doc' }, '1|document|wallet-1: changed: its kind is "doc"'],
      [{ kind: undefined }, '1|document|wallet-1: changed: its kind is missing'],
      [{ id: 'copy', pk: '1|document|wallet-1 ' }, '1|document|wallet-1  copy: inserted: a view has no such item'],
      [{ pk: 'document|wallet-1' }, 'document|wallet-1: inserted: a view has no such item'],
    ] as const) {
      const lines = await found((world) => world.edit('balance', 'wallet-1', (item) => ({ ...item, ...change })))
      assert.deepEqual(lines, [`balance ${line}`])
    }
    const pointer = { id: 'pointer', pk: 'pointer', live: 'x' }
    assert.deepEqual(await found((world) => world.container('balance').items.upsert(pointer)), [
      'balance pointer: changed: it names no live generation',
    ])
  })

  it('a cursor that says its stream is parked when no such parked stream exists', async () => {
    for (const view of ['balance', 'turnover'])
      assert.deepEqual(
        await found((world) =>
          world.edit('balance', 'wallet-1', (item) => ({
            ...item,
            cursor: { ...item.cursor, parked: { [`${view}@1`]: 4 } },
          })),
        ),
        [`${view} wallet-1: changed: its cursor says that it is parked from version 4, but no stream is parked for it`],
      )
  })

  it('a missing container', async () => {
    const lines = await found((world) => world.container('turnover').delete())
    assert.deepEqual(lines, ['turnover: missing: its container does not exist'])
  })

  it('an event that this code cannot read, but no fault of the document', async () => {
    const world = await World.sound()
    const deciders = [{ events: wallet.events.filter(({ name }) => name !== 'PaidOut') }]
    Object.assign(world.service, { deciders })
    const { lines, unchecked } = await world.verify()
    assert.deepEqual(lines, [])
    assert.deepEqual(
      unchecked.map((line) => line.replace(/-\d@\d/, '')).toSorted(),
      ['balance', 'balance', 'turnover'].map((view) => `${view}: wallet: this build does not know PaidOut version 1`),
    )
  })
})

describe('views against the log: verification reports nothing', () => {
  it('of sound views, however small the parts it reads at a time', async () => {
    const world = await World.sound()
    for (const limits of [{}, { documents: 1 }, { documents: 2 }]) {
      const { lines, unchecked, counts, announced, read } = await world.verify(limits)
      assert.deepEqual([lines, unchecked], [[], []])
      assert.deepEqual(counts, [
        { view: 'balance', ...NOTHING, documents: 3 },
        { view: 'turnover', ...NOTHING, documents: 3 },
      ])
      assert.ok(read === announced && read >= 9)
    }
    const alone = await World.sound([turnoverView])
    assert.deepEqual((await alone.verify()).lines, [])
  })

  it('of views of renamed, split and retired events, whose documents it checks', async () => {
    const world = await World.create([vanView, itemView])
    Object.assign(world.service, { deciders: [van] })
    const events = recorded(
      'van-1',
      { type: 'Moved', data: { to: 'Ghent' } },
      { type: 'Exchanged', data: { out: 'tea', in: 'salt' } },
      { type: 'Exchanged', data: { out: 'salt', in: 'salt' } },
      { type: 'Washed', data: { soap: 3 } },
    )
    await world.append(events)
    const deps = { log: world.log, views: world.views, eventTypes: van.events, clock }
    await projecting(deps, vanView, itemView)(events)
    const { lines, unchecked, counts } = await world.verify()
    assert.deepEqual([lines, unchecked, counts.map(({ documents }) => documents)], [[], [], [1, 2]])
    await world.edit('item', 'salt', (item) => ({ ...item, document: { ...item.document, loads: 1 } }))
    await world.edit('van', 'van-1', (item) => ({ ...item, document: { seen: [] } }))
    assert.equal((await world.verify()).lines.length, 2)
  })

  it('of what a killed rebuild left in a generation that nobody reads', async () => {
    const lines = await found(async (world) => {
      await world
        .container('turnover')
        .items.upsert({ id: 'pointer', pk: 'pointer', live: 1, building: 3, cursorsIn: 'balance' })
      await world.edit('turnover', 'in', (item) => ({ ...item, pk: '2|document|in', generation: 2 }))
    })
    assert.deepEqual(lines, [])
  })

  it('of a document that an earlier build wrote with its sort key alone', async () => {
    assert.deepEqual(
      await found((world) => world.edit('balance', 'wallet-1', (item) => ({ ...item, sort: item.document.at }))),
      [],
    )
  })

  it('of streams that a view has not processed yet, except their number', async () => {
    const world = await World.sound()
    await world.append(story('4', 3))
    await world.more('2', paidIn(1))
    const { lines, counts } = await world.verify()
    assert.deepEqual(lines, [])
    assert.deepEqual(
      counts.map(({ behind }) => behind),
      [2, 2],
    )
  })

  it('of an event that only a document has, when its applied marker explains it', async () => {
    const world = await World.sound()
    const event = await world.more('2', paidIn(10))
    const store = world.generations.store('turnover', 1)
    const apply = async (key: string, marks: readonly string[]) => {
      const before = await store.read(key)
      const document = turnoverView.evolve(before?.document as never, event as never, key)
      const write = {
        document,
        sort: turnoverView.sort(document),
        ...(before ? { etag: before.etag } : { etag: undefined }),
      }
      assert.equal((await store.writeWithMarkers(key, write, marks)).outcome, 'written')
    }
    await apply('in', [`wallet-2@${event.version}`])
    assert.deepEqual((await world.verify()).lines, [])
    // Once the markers of that time are gone, the document can no longer be checked for this event.
    await apply('all', ['none'])
    const { lines, counts } = await world.verify()
    assert.deepEqual([lines, counts.map(({ unsure }) => unsure)], [[], [0, 1]])
    // A document that the event does not concern is checked all the same.
    await world.edit('turnover', 'out', (item) => ({ ...item, document: { ...item.document, count: 9 } }))
    assert.deepEqual((await world.verify()).lines, [
      'turnover out: changed: it differs from the result of its events: /count is 9, not 2',
    ])
  })

  it('of parked streams except their number, nor after a redrive or discard', async () => {
    for (const giveUp of [false, true]) {
      const world = await World.sound()
      const { handle } = world.consumer(
        (view, position, key) =>
          (view === 'balance' && position === 'wallet-3@5') ||
          // One of its documents has applied the event, with a marker.
          (view === 'turnover' && position === 'wallet-2@3' && key === 'all'),
      )
      await handle(await world.more('2', paidIn(10)), await world.more('3', paidIn(20)))
      await handle(await world.more('2', paidIn(1)), await world.more('3', paidIn(1)))
      const waiting = await world.verify({ lateMs: 0 })
      assert.deepEqual([waiting.lines, waiting.unchecked], [[], []])
      assert.deepEqual(
        waiting.counts.map(({ parked, behind, unsure }) => [parked, behind, unsure]),
        [
          [1, 0, 0],
          [1, 0, 0],
        ],
      )
      const { redrive } = world.consumer()
      for (const parked of (await redrive.waiting()).streams) {
        const why = { reason: 'a test', by: 'ann' }
        const done = await (giveUp
          ? redrive.discard(parked, 'first', why, () => {})
          : redrive.redrive(parked, () => {}))
        assert.equal(done.outcome, 'done')
      }
      const { lines, unchecked, counts } = await world.verify()
      assert.deepEqual([lines, unchecked], [[], []])
      assert.deepEqual(counts, [
        { view: 'balance', ...NOTHING, documents: 3, givenUp: giveUp ? 1 : 0 },
        { view: 'turnover', ...NOTHING, documents: 3, givenUp: giveUp ? 1 : 0 },
      ])
    }
  })

  it('of views that were rebuilt, one or both', async () => {
    const world = await World.sound()
    const { log, generations, views, service } = world
    const feed = new CosmosEventFeed(world.container('events'))
    const progress = new CosmosProgress(world.container('progress'), 'wallets-views')
    const its = { log, generations, views, feed, progress, declared: service.views, eventTypes: wallet.events, clock }
    for (const view of [turnoverView, balanceView, turnoverView]) {
      await rebuildView({ ...its, ids: randomUUID }, view, { begin() {}, read() {}, stage() {} })
      await clock.wait(POINTER_MS)
      await world.project([await world.more('1', paidIn(1)), await world.more('3', paidOut(1))])
      const { lines, unchecked, counts } = await world.verify()
      assert.deepEqual([lines, unchecked], [[], []])
      assert.deepEqual(
        counts.map(({ documents, behind }) => [documents, behind]),
        [
          [3, 0],
          [3, 0],
        ],
      )
    }
  })

  it('of events that arrive between the reads of the log and of the documents', async () => {
    const world = await World.sound()
    const came: string[] = []
    const { lines, unchecked } = await world.verify(undefined, async (view) => {
      came.push(view)
      if (came.length <= 4) await world.project([await world.more('2', paidIn(1))])
    })
    assert.deepEqual([lines, unchecked], [[], []])
    assert.deepEqual(new Set(came), new Set(['balance', 'turnover']))
  })

  it('while commands continue, in repeated runs', async () => {
    const world = await World.sound()
    let stop = false
    const writers = ['a', 'b', 'c'].map(async (id) => {
      await world.append(story(id, 1))
      for (let step = 0; !stop; step += 1)
        await world.project([await world.more(id, step % 3 === 2 ? paidOut(1) : paidIn(2))])
    })
    try {
      for (let round = 0; round < 4; round += 1) {
        const { lines, unchecked } = await world.verify(round % 2 === 0 ? {} : { documents: 2 })
        assert.deepEqual([lines, unchecked], [[], []])
      }
    } finally {
      stop = true
      await Promise.all(writers)
    }
    const { lines, counts } = await world.verify()
    assert.deepEqual(lines, [])
    assert.deepEqual(
      counts.map(({ documents, behind }) => [documents, behind]),
      [
        [6, 0],
        [3, 0],
      ],
    )
  })
})

const following: { readonly views: readonly AnyView[]; readonly deciders: readonly [] } = {
  views: [trail],
  deciders: [],
}

/** A view over two services, in a database of its own, and their archives and hubs in memory. */
class FollowingWorld {
  readonly sources: TrailWorld
  readonly database: Database
  readonly #handler: Handler

  private constructor(its: Database, sources: TrailWorld) {
    this.database = its
    this.sources = sources
    const views = new LiveViews(new CosmosViewGenerations({ exact: its, relaxed: its }, 3600), clock)
    const projected = sourceProjection({ history: sources.history, views, clock }, [trail])
    this.#handler = { names: [trail.name], category: 'order', startsAt: 'first', ...projected }
  }

  /** Four orders: the hub has dropped the older part, and the archive lacks the newer. */
  static async sound(): Promise<FollowingWorld> {
    const { database: its } = await database.client.databases.create({ id: randomUUID() })
    await its.containers.create({ id: trail.name, partitionKey: '/pk', defaultTtl: -1 })
    const world = new FollowingWorld(its, await TrailWorld.lived())
    for (const { log, service } of [
      { log: world.sources.shop.log, service: 'shop' },
      { log: world.sources.books.log, service: 'books' },
    ] as const)
      await world.deliver(service, ...log.all())
    return world
  }

  deliver(hub: 'shop' | 'books', ...events: readonly RecordedEvent[]): Promise<void> {
    return handleMessages([this.#handler], { hub, partition: '0', bodies: events.map(toCloudEvent) }, () => {})
  }

  async edit(pk: string, change: (item: Item) => Item): Promise<void> {
    const item = this.database.container(trail.name).item(pk.split('|')[1] ?? '', pk)
    const { resource } = await item.read()
    assert.ok(resource, pk)
    await item.replace(change(resource))
  }

  async verify(limits?: Partial<Limits>, lost: readonly number[] = []) {
    const lines: string[] = []
    const on = {
      begin() {},
      read() {},
      fault: ({ place, wrong, detail }: Fault) => lines.push(`${place}: ${wrong}: ${detail}`),
      unchecked: (view: string, why: string) => lines.push(`${view}: unchecked: ${why}`),
    }
    const sources = (name: string): SourceHistory => {
      const { archive, hub } = this.sources.source(name)
      let [number, next] = [0, 0]
      return {
        async *segments() {
          for (; archive.segments.has(number + 1); number += 1)
            yield { number: number + 1, bytes: archive.segments.get(number + 1) as Uint8Array }
        },
        async messages(take) {
          for (const { sequence, body } of hub.all('0')) if (sequence >= next && !lost.includes(sequence)) take(body)
          next = (hub.all('0').at(-1)?.sequence ?? -1) + 1
        },
      }
    }
    const counts = await verifyViews(this.database, following, on, { ...limits, sources })
    return { counts, lines: lines.toSorted() }
  }
}

describe('a view over two services against their archives and hubs', { concurrency: 4 }, () => {
  it('follows from them, also if it is read in parts, and if it is behind', async () => {
    const world = await FollowingWorld.sound()
    for (const limits of [{}, { documents: 1 }]) {
      const { counts, lines } = await world.verify(limits)
      assert.deepEqual([lines, counts], [[], [{ view: 'trail', ...NOTHING, documents: 4 }]])
    }
    // Another service has sent it to the hub, so it is no event of this one.
    world.sources.shop.publish(...(await world.sources.books.record('order-8', balanced('8'))))
    await world.sources.shop.record('order-2', closed('2'))
    world.sources.books.publish(...(await world.sources.books.record('order-9', balanced('9'))))
    await world.sources.shop.fillArchive()
    const { counts, lines } = await world.verify()
    assert.deepEqual([lines, counts], [[], [{ view: 'trail', ...NOTHING, documents: 4, behind: 2 }]])
  })

  it('is not compared without them', async () => {
    const world = await FollowingWorld.sound()
    const on = { begin() {}, read() {}, fault: () => assert.fail(), unchecked: () => assert.fail() }
    assert.deepEqual(await verifyViews(world.database, following, on), [])
  })

  it('has documents and cursors that were changed, removed or invented', async () => {
    const world = await FollowingWorld.sound()
    const container = world.database.container(trail.name)
    await world.edit('1|document|1', (item) => ({ ...item, document: { ...item.document, balance: 8 } }))
    await container.item('document', '1|document|2').delete()
    await world.edit('1|cursor|shop/order-3', (item) => ({ ...item, cursor: { ...item.cursor, version: 9 } }))
    await world.edit('1|cursor|shop/order-4', (item) => ({ ...item, cursor: { ...item.cursor, hash: 'x' } }))
    const { resource } = await container.item('cursor', '1|cursor|books/order-1').read()
    for (const stream of ['books/order-7', 'other/order-1', 'shop/wallet-1'])
      await container.items.create({ ...resource, pk: `1|cursor|${stream}` })
    const { lines } = await world.verify()
    assert.deepEqual(lines, [
      'trail 1: changed: it differs from the result of its events: /balance is 8, not 7',
      'trail 2: missing: its events are in its history',
      'trail, its cursor of books/order-7: inserted: its history has no such stream',
      'trail, its cursor of other/order-1: inserted: its stream is not of the category of the view',
      'trail, its cursor of shop/order-3: does not follow: it is at version 9, but its history ends with 3',
      'trail, its cursor of shop/order-4: does not follow: at version 1 its history has another event',
      'trail, its cursor of shop/wallet-1: inserted: its stream is not of the category of the view',
    ])
  })

  it('has events that are in neither, or were changed there', async () => {
    const world = await FollowingWorld.sound()
    const lost = await world.verify({}, [world.sources.shop.hub.all('0').at(-1)?.sequence ?? -1])
    assert.deepEqual(lost.lines, [
      'trail 4: inserted: no event of its history leads to it',
      'trail, its cursor of shop/order-4: inserted: its history has no such stream',
    ])
    const [message] = world.sources.books.hub.all('0')
    Object.assign(Object(message?.body), { data: { order: '1', balance: 70 } })
    const changed = await world.verify()
    assert.equal(
      changed.lines[0],
      'trail 1: changed: it differs from the result of its events: /balance is 7, not 0, /events is 2, not 1',
    )
    assert.ok(changed.lines.includes('trail: books, order-1@1: changed: in the hub it does not match its hash'))
    const segment = world.sources.shop.archive.segments
    const text = gunzipSync(segment.get(1) as Uint8Array).toString('utf8')
    const forged = text.replace('\\"amount\\":5', '\\"amount\\":6')
    assert.notEqual(forged, text)
    segment.set(1, gzipSync(forged))
    const { lines } = await world.verify()
    assert.ok(
      lines.includes('trail: shop, order-1@1: changed: in the archive it does not match its hash'),
      lines.join('\n'),
    )
  })
})
