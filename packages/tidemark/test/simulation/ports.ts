import { hash } from 'node:crypto'
import { toCloudEvent } from 'tidemark/tools'
import type { ParkedKey, ParkingStore } from '../../core/parking.ts'
import type {
  EventFeed,
  EventHistory,
  EventPublisher,
  EventStore,
  HubReader,
  ProgressStore,
  RebuildStore,
  Schedule,
  ScheduleBrowser,
  Snapshots,
  ViewGenerations,
  ViewStore,
} from '../../core/ports.ts'
import { memoryKeys } from '../../memory/keys.ts'
import { MemoryLogBrowser } from '../../memory/log-browser.ts'
import type { RuntimePorts } from '../../runtime/service-runtime.ts'
import { type Ground, SendFailed } from './ground.ts'
import type { Hub } from './hub.ts'
import type { Process } from './process.ts'
import type { Stores } from './stores.ts'

/** The number of a hub's messages that a reader receives at once. */
const PAGE = 3

/**
 * The ports of a service for one of its processes. The stores behind them are shared, and each call of a port
 * is a call of the process.
 * @param findStores finds the stores of a service, for its hub and its keys.
 */
export function createPorts(
  ground: Ground,
  process: Process,
  stores: Stores,
  findStores: (service: string) => Stores,
): RuntimePorts {
  type Ask = <Answer>(store: string, method: string, about: string, effect: () => Promise<Answer>) => Promise<Answer>
  const callRead: Ask = (store, method, about, effect) =>
    process.call({ name: `${store}.${method}`, about, isWrite: false, store }, effect)
  const callWrite: Ask = (store, method, about, effect) =>
    process.call({ name: `${store}.${method}`, about, isWrite: true, store }, effect)

  const log: EventStore & EventHistory = {
    limits: stores.log.limits,
    async *read(stream, after) {
      for (let end = after; ; ) {
        const page = await callRead('log', 'read', stream, async () => readFirst(stores.log.read(stream, end)))
        const last = page?.at(-1)
        if (page === undefined || last === undefined) return
        yield page
        end = last.to
      }
    },
    readRange: (stream, range) => callRead('log', 'readRange', stream, () => stores.log.readRange(stream, range)),
    findOutcome: (stream, key) => callRead('log', 'findOutcome', stream, () => stores.log.findOutcome(stream, key)),
    append: (after, entries) =>
      callWrite('log', 'append', entries[0]?.stream ?? '', async () => {
        try {
          stores.noteDates(entries)
          return await stores.log.append(after, entries)
        } finally {
          stores.grown.raise()
        }
      }),
  }
  const feed: EventFeed = {
    count: () => callRead('log', 'count', '', () => stores.log.count()),
    open(start) {
      const reader = stores.log.open(start)
      return {
        next: () => callRead('log', 'next', '', () => reader.next()),
        get offset() {
          return reader.offset
        },
      }
    },
  }
  const snapshots: Snapshots = {
    read: (stream, id) => callRead('snapshots', 'read', stream, () => stores.snapshots.read(stream, id)),
    write: (stream, id, snapshot) =>
      callWrite('snapshots', 'write', stream, () => stores.snapshots.write(stream, id, snapshot)),
  }
  const viewStore = (view: string, generation: number): ViewStore => {
    const inner = stores.views.store(view, generation)
    const of = (key: string): string => `${view}@${generation} ${key}`
    return {
      maxMarkersPerWrite: inner.maxMarkersPerWrite,
      read: (key) => callRead('views', 'read', of(key), () => inner.read(key)),
      writeDocument: (key, write, cursor) =>
        callWrite('views', 'writeDocument', of(key), () => inner.writeDocument(key, write, cursor)),
      writeWithMarkers: (key, write, markers) =>
        callWrite('views', 'writeWithMarks', of(key), () => inner.writeWithMarkers(key, write, markers)),
      readMarkers: (key, markers) => callRead('views', 'readMarks', of(key), () => inner.readMarkers(key, markers)),
      readCursor: (stream) => callRead('views', 'readCursor', of(stream), () => inner.readCursor(stream)),
      writeCursor: (stream, cursor, etag) =>
        callWrite('views', 'writeCursor', of(stream), () => inner.writeCursor(stream, cursor, etag)),
      list: (list) => callRead('views', 'list', view, () => inner.list(list)),
    }
  }
  const generations: ViewGenerations = {
    readPointer: (view) => callRead('views', 'readPointer', view, () => stores.views.readPointer(view)),
    writePointer: (view, pointer, etag) =>
      callWrite('views', 'writePointer', view, () => stores.views.writePointer(view, pointer, etag)),
    store: viewStore,
    async *passed(view, generation) {
      const [page] = [await callRead('views', 'passed', view, async () => stores.views.store(view, generation).passed)]
      yield page
    },
    sweep: (view, pointer) => callWrite('views', 'sweep', view, () => stores.views.sweep(view, pointer)),
    readCodes: (view) => callRead('views', 'readCodes', view, () => stores.views.readCodes(view)),
    writeCodes: (view, codes, etag) =>
      callWrite('views', 'writeCodes', view, () => stores.views.writeCodes(view, codes, etag)),
  }
  const schedule: Schedule & ScheduleBrowser = {
    add: (scheduled) => callWrite('schedule', 'add', scheduled.stream, () => stores.schedule.add(scheduled)),
    async *due(size) {
      const pages = stores.schedule.due(size)[Symbol.asyncIterator]()
      for (;;) {
        const page = await callRead('schedule', 'due', '', () => pages.next())
        if (page.done) return
        yield page.value
      }
    },
    list: (...page) => stores.schedule.list(...page),
    remove: (scheduled) => callWrite('schedule', 'remove', scheduled.stream, () => stores.schedule.remove(scheduled)),
  }
  const progress = (consumer: string): ProgressStore => {
    const inner = stores.progress(consumer)
    return {
      read: () => callRead('progress', 'read', consumer, () => inner.read()),
      write: (written) => callWrite('progress', 'write', consumer, () => inner.write(written)),
      remove: (instance) => callWrite('progress', 'remove', consumer, () => inner.remove(instance)),
    }
  }
  const parking = (consumer: string): ParkingStore => {
    const inner = stores.parking(consumer)
    const of = ({ handler, stream }: ParkedKey): string => `${handler} ${stream}`
    return {
      maxEventsPerChange: inner.maxEventsPerChange,
      streams: () => callRead('parking', 'streams', consumer, () => inner.streams()),
      stream: (key) => callRead('parking', 'stream', of(key), () => inner.stream(key)),
      events: (key, limit) => callRead('parking', 'events', of(key), () => inner.events(key, limit)),
      write: (parked, etag, change) =>
        callWrite('parking', 'write', of(parked), async () => {
          const result = await inner.write(parked, etag, change)
          if (etag === undefined && result.outcome === 'written') stores.parked.push(parked)
          return result
        }),
      remove: (key, etag, change) => callWrite('parking', 'remove', of(key), () => inner.remove(key, etag, change)),
      keepMessage: (message) => callWrite('parking', 'keepMessage', message.id, () => inner.keepMessage(message)),
      messages: () => callRead('parking', 'messages', consumer, () => inner.messages()),
      dropMessage: (id, discard) => callWrite('parking', 'dropMessage', id, () => inner.dropMessage(id, discard)),
      discards: () => callRead('parking', 'discards', consumer, () => inner.discards()),
    }
  }
  const rebuilds: RebuildStore = {
    read: (view) => callRead('views', 'readRebuild', view, () => stores.rebuilds.read(view)),
    write: (view, rebuild, etag) =>
      callWrite('views', 'writeRebuild', view, async () => {
        const result = await stores.rebuilds.write(view, rebuild, etag)
        if (result.outcome === 'written') stores.rebuilt.set(view, rebuild)
        return result
      }),
  }
  const publisher: EventPublisher = {
    async publish(stream, events) {
      const partition = stores.hub.findPartition(stream)
      // Batches have a size limit and are sent one after another, as by the client.
      for (let sent = 0; sent < events.length; ) {
        const size = ground.dice.between(`batch of ${stream}@${events[sent]?.version}`, 1, 4)
        const bodies = events.slice(sent, sent + size).map((event) => JSON.parse(JSON.stringify(toCloudEvent(event))))
        await process.call(
          { name: 'hub.send', about: stream, isWrite: true, store: 'hub', failure: (why) => new SendFailed(why) },
          async () => partition.append(bodies, ground.now),
        )
        sent += bodies.length
      }
    },
  }
  const ids = createIds(process)
  return {
    log: () => log,
    feed: () => feed,
    snapshots: () => snapshots,
    generations: () => generations,
    schedule: () => schedule,
    // Only people use these ports, and the simulation has none.
    browser: () => new MemoryLogBrowser(stores.log),
    verifier: () => {
      throw new Error('nothing is verified here')
    },
    rebuilds: () => rebuilds,
    // Keys are read at once, and never fail: a call of the process would change the histories of all seeds.
    keys: { of: (name) => memoryKeys(findStores(name).keys), random: createKeys(process) },
    // All processes run the same code. Trying it would cost more than the history.
    viewCode: ({ name }) => name,
    progress,
    parking,
    publisher: () => publisher,
    hub: (name) => createReader(process, findStores(name).hub),
    relayLag: () => ({ read: async () => ({ commits: 0, more: false }) }),
    clock: process.clock,
    instance: ids(),
    // Waiting times must follow from the history alone.
    random: () => 0.5,
    ids,
    every: (milliseconds, task) => process.every(milliseconds, task),
    warn: (line) => ground.log(process.name, line),
  }
}

function createReader(process: Process, hub: Hub): HubReader {
  const ask = <Answer>(method: string, about: string, effect: () => Promise<Answer>): Promise<Answer> =>
    process.call({ name: `hub.${method}`, about, isWrite: false, store: 'hub' }, effect)
  const reading = new Set<string>()
  return {
    partitions: () => ask('partitions', hub.name, async () => hub.partitions.map(({ id }) => id)),
    madeAt: () => ask('madeAt', hub.name, async () => hub.madeAt),
    close: async () => {},
    bounds: (id) =>
      ask('bounds', `${hub.name} ${id}`, async () => ({
        first: hub.partition(id).first,
        last: hub.partition(id).end - 1,
      })),
    async *read(id, from, to) {
      // The error of the Event Hubs client.
      if (reading.has(id)) throw new Error('Partition already has a subscriber.')
      reading.add(id)
      try {
        for (let next = from; next <= to; ) {
          const start = next
          const page = await ask('read', `${hub.name} ${id}`, async () =>
            hub
              .partition(id)
              .between(start, to + 1)
              .slice(0, PAGE),
          )
          const last = page.at(-1)
          if (last === undefined) return
          yield page
          next = last.sequence + 1
        }
      } finally {
        reading.delete(id)
      }
    },
  }
}

function createKeys({ name }: Process): () => Uint8Array {
  let made = 0
  return () => {
    made += 1
    return hash('sha256', `key ${made} of ${name}`, 'buffer')
  }
}

function createIds({ name }: Process): () => string {
  let made = 0
  return () => {
    made += 1
    return `${name.replace('/', '-')}-${made}`
  }
}

async function readFirst<Page>(pages: AsyncIterable<Page>): Promise<Page | undefined> {
  for await (const page of pages) return page
  return undefined
}
