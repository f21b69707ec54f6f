import assert from 'node:assert/strict'
import { toCloudEvent } from '../../core/cloud-event.ts'
import type { DomainEvent, RecordedEvent } from '../../core/event.ts'
import type { Clock, HubReader } from '../../core/ports.ts'
import { MemoryArchive, MemoryItemFeed } from '../../memory/archive.ts'
import { MemoryEventStore } from '../../memory/event-store.ts'
import { MemoryParking } from '../../memory/parking.ts'
import { MemoryProgress } from '../../memory/progress.ts'
import { MemoryViewStores } from '../../memory/view-store.ts'
import { ArchiveWriter } from '../../runtime/archive.ts'
import { sourceHistory } from '../../runtime/archive-search.ts'
import { type Handler, handleMessages } from '../../runtime/consume.ts'
import { ConsumerParking } from '../../runtime/parking.ts'
import { sourceProjection } from '../../runtime/project.ts'
import type { RebuildDependencies } from '../../runtime/rebuild.ts'
import { Redrive } from '../../runtime/redrive.ts'
import { type HistorySource, sourceHistories } from '../../runtime/source-reader.ts'
import { appendGiven } from '../../testing/append-given.ts'
import { recordGiven } from '../../testing/record-given.ts'
import { books, shop, type Trail, trail } from '../domain/trails.ts'
import { ManualClock } from './fakes.ts'
import { MemoryHub } from './memory-hub.ts'

const PARTITION = '0'

/** A service whose events a view follows: its log, which the view cannot read, its archive and its hub. */
class SourceWorld {
  readonly log = new MemoryEventStore()
  readonly archive = new MemoryArchive()
  readonly hub = new MemoryHub([PARTITION])
  readonly store = new MemoryParking()
  readonly parking: ConsumerParking
  readonly #recorder: typeof shop | typeof books
  readonly #writer: ArchiveWriter
  readonly #clock: ManualClock
  readonly #heads = new Map<string, RecordedEvent>()

  constructor(recorder: typeof shop | typeof books, clock: ManualClock) {
    const { name: service } = recorder
    this.#recorder = recorder
    this.#clock = clock
    const feed = new MemoryItemFeed(this.log, () => clock.now())
    this.#writer = new ArchiveWriter({ service, archive: this.archive, feed, clock, full: { items: 2, bytes: 1e6 } })
    const consumer = `readers-views-${service}`
    this.parking = new ConsumerParking({ store: this.store, consumer, service: 'readers', build: 'b', clock })
  }

  /** Records events of a stream in the log. */
  async record(stream: string, ...events: readonly DomainEvent[]): Promise<RecordedEvent[]> {
    const recorded: RecordedEvent[] = []
    for (const event of events) {
      const place = { stream, before: this.#heads.get(stream), now: this.#clock.now() }
      const made = recordGiven(this.#recorder, event, place)
      this.#heads.set(stream, made)
      assert.deepEqual(await appendGiven(this.log, made), { outcome: 'appended' })
      recorded.push(made)
    }
    return recorded
  }

  publish(...events: readonly RecordedEvent[]): void {
    this.hub.send(PARTITION, ...events.map(toCloudEvent))
  }

  async fillArchive(): Promise<void> {
    assert.ok((await this.#writer.write(60_000)).atEnd)
  }
}

/** A service that follows two others with one view. */
export class TrailWorld {
  readonly clock = new ManualClock()
  readonly shop = new SourceWorld(shop, this.clock)
  readonly books = new SourceWorld(books, this.clock)
  readonly views = new MemoryViewStores()
  readonly progress = new MemoryProgress(() => this.clock.elapsed())
  readonly lines: string[] = []
  readonly history = sourceHistory((service) => this.source(service).archive)
  /** How many readers of hubs were opened. */
  opened = 0
  #stamps = 0

  /** The events of four orders, of which the hub has dropped the older part, and the archive lacks the newer. */
  static async lived(): Promise<TrailWorld> {
    const world = new TrailWorld()
    for (const order of ['1', '2', '3']) {
      const ordered = await world.shop.record(`order-${order}`, placed(order), noted(order))
      world.shop.publish(...ordered)
      await world.deliver('shop', ...ordered)
    }
    await world.shop.fillArchive()
    world.shop.hub.expire('0', 3)
    const balance = await world.books.record('order-1', balanced('1'))
    const late = await world.shop.record('order-3', closed('3'))
    const newest = await world.shop.record('order-4', placed('4'))
    world.books.publish(...balance)
    world.shop.publish(...late, ...newest)
    await world.deliver('books', ...balance)
    await world.deliver('shop', ...late, ...newest)
    return world
  }

  source(service: string): SourceWorld {
    assert.ok(service === 'shop' || service === 'books')
    return this[service]
  }

  handlers(): readonly Handler[] {
    const { history, views, clock } = this
    const its = sourceProjection({ history, views, clock }, [trail])
    return [{ names: [trail.name], category: 'order', startsAt: 'first', ...its }]
  }

  /** Delivers events as the trigger does: each call is another instance. */
  async deliver(service: 'shop' | 'books', ...events: readonly RecordedEvent[]): Promise<void> {
    await this.consumer(service)(...events)
  }

  /** An instance of the consumer of a hub. */
  consumer(service: 'shop' | 'books'): (...events: readonly RecordedEvent[]) => Promise<void> {
    const handlers = this.handlers()
    const { parking } = this.source(service)
    return (...events) => {
      const bodies = events.map(toCloudEvent)
      const messages = { hub: service, partition: PARTITION, bodies, sequences: bodies.map((_, index) => index) }
      return handleMessages(handlers, messages, (line) => this.lines.push(line), { parking })
    }
  }

  redrive(service: 'shop' | 'books'): Redrive {
    const { store, parking } = this.source(service)
    return new Redrive({ consumer: service, store, parking, handlers: this.handlers(), clock: this.clock })
  }

  async document(order: string): Promise<Trail | undefined> {
    const { store } = (await this.views.state(trail.name)).live
    return (await store.read(order))?.document as Trail | undefined
  }

  /** What looks at the past of the view. Without a log: reading one fails. */
  historyDeps(clock: Pick<Clock, 'elapsed'> = this.clock) {
    const { log } = this.rebuildDeps()
    const readDiscards = async () => () => false
    return { log, clock, readDiscards, eventTypes: [], service: 'readers', history: sourceHistories(this.sources()) }
  }

  sources(hubOf: (service: string) => HubReader = (service) => this.source(service).hub): readonly HistorySource[] {
    return ['shop', 'books'].map((service) => ({
      service,
      archive: this.source(service).archive,
      openHub: () => {
        this.opened += 1
        return hubOf(service)
      },
    }))
  }

  rebuildDeps(hubOf?: (service: string) => HubReader): RebuildDependencies {
    const { views, clock, progress, history } = this
    const list = () => this.sources(hubOf)
    // Whatever reads a log fails: a view's rebuild has no right to.
    const log = new Proxy(new MemoryEventStore(), {
      get: () => assert.fail('a log was read'),
    })
    return {
      ...{ log, feed: log, generations: views, views, declared: [trail], progress, eventTypes: [], clock },
      sources: { history, list },
      ids: () => {
        this.#stamps += 1
        return String(this.#stamps)
      },
    }
  }
}

export const placed = (order: string, amount = 5) => ({ type: 'PlacedBy', data: { order, amount, customer: 'ada' } })
export const closed = (order: string) => ({ type: 'Closed', data: { order } })
export const noted = (order: string) => ({ type: 'Noted', data: { order, note: 'private' } })
export const balanced = (order: string, balance = 7) => ({ type: 'Closed', data: { order, balance } })
