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
import { MemoryLogBrowser } from '../../memory/log-browser.ts'
import type { RuntimePorts } from '../../runtime/service-runtime.ts'
import { type Ground, SendFailed } from './ground.ts'
import type { Hub } from './hub.ts'
import type { Call, Process } from './process.ts'
import type { Stores } from './stores.ts'

/** The number of a hub's messages that a reader receives at once. */
const PAGE = 3

/**
 * The ports of a service for one of its processes. The stores behind them are shared, and each call of a port
 * is a call of the process.
 * @param findHub finds the hub of a service.
 */
export function createPorts(
  ground: Ground,
  process: Process,
  stores: Stores,
  findHub: (service: string) => Hub,
): RuntimePorts {
  const ask = <Answer>(
    store: string,
    method: string,
    about: string,
    isWrite: boolean,
    effect: () => Promise<Answer>,
    failure?: Call['failure'],
  ): Promise<Answer> =>
    process.call({ name: `${store}.${method}`, about, isWrite, store, ...(failure ? { failure } : {}) }, effect)

  const log: EventStore & EventHistory = {
    limits: stores.log.limits,
    async *read(stream, after) {
      for (let end = after; ; ) {
        const page = await ask('log', 'read', stream, false, async () => readFirst(stores.log.read(stream, end)))
        const last = page?.at(-1)
        if (page === undefined || last === undefined) return
        yield page
        end = last.to
      }
    },
    readRange: (stream, range) => ask('log', 'readRange', stream, false, () => stores.log.readRange(stream, range)),
    findOutcome: (stream, key) => ask('log', 'findOutcome', stream, false, () => stores.log.findOutcome(stream, key)),
    append: (after, entries) =>
      ask('log', 'append', entries[0]?.stream ?? '', true, async () => {
        try {
          stores.noteDates(entries)
          return await stores.log.append(after, entries)
        } finally {
          stores.grown.raise()
        }
      }),
  }
  const feed: EventFeed = {
    count: () => ask('log', 'count', '', false, () => stores.log.count()),
    open(start) {
      const reader = stores.log.open(start)
      return {
        next: () => ask('log', 'next', '', false, () => reader.next()),
        get offset() {
          return reader.offset
        },
      }
    },
  }
  const snapshots: Snapshots = {
    read: (stream, id) => ask('snapshots', 'read', stream, false, () => stores.snapshots.read(stream, id)),
    write: (stream, id, snapshot) =>
      ask('snapshots', 'write', stream, true, () => stores.snapshots.write(stream, id, snapshot)),
  }
  const viewStore = (view: string, generation: number): ViewStore => {
    const inner = stores.views.store(view, generation)
    const of = (key: string): string => `${view}@${generation} ${key}`
    return {
      maxMarkersPerWrite: inner.maxMarkersPerWrite,
      read: (key) => ask('views', 'read', of(key), false, () => inner.read(key)),
      writeDocument: (key, write, cursor) =>
        ask('views', 'writeDocument', of(key), true, () => inner.writeDocument(key, write, cursor)),
      writeWithMarkers: (key, write, markers) =>
        ask('views', 'writeWithMarks', of(key), true, () => inner.writeWithMarkers(key, write, markers)),
      readMarkers: (key, markers) => ask('views', 'readMarks', of(key), false, () => inner.readMarkers(key, markers)),
      readCursor: (stream) => ask('views', 'readCursor', of(stream), false, () => inner.readCursor(stream)),
      writeCursor: (stream, cursor, etag) =>
        ask('views', 'writeCursor', of(stream), true, () => inner.writeCursor(stream, cursor, etag)),
      list: (list) => ask('views', 'list', view, false, () => inner.list(list)),
    }
  }
  const generations: ViewGenerations = {
    readPointer: (view) => ask('views', 'readPointer', view, false, () => stores.views.readPointer(view)),
    writePointer: (view, pointer, etag) =>
      ask('views', 'writePointer', view, true, () => stores.views.writePointer(view, pointer, etag)),
    store: viewStore,
    async *passed(view, generation) {
      const [page] = [
        await ask('views', 'passed', view, false, async () => stores.views.store(view, generation).passed),
      ]
      yield page
    },
    sweep: (view, pointer) => ask('views', 'sweep', view, true, () => stores.views.sweep(view, pointer)),
  }
  const schedule: Schedule & ScheduleBrowser = {
    add: (scheduled) => ask('schedule', 'add', scheduled.stream, true, () => stores.schedule.add(scheduled)),
    async *due(size) {
      const pages = stores.schedule.due(size)[Symbol.asyncIterator]()
      for (;;) {
        const page = await ask('schedule', 'due', '', false, () => pages.next())
        if (page.done) return
        yield page.value
      }
    },
    list: (...page) => stores.schedule.list(...page),
    remove: (scheduled) => ask('schedule', 'remove', scheduled.stream, true, () => stores.schedule.remove(scheduled)),
  }
  const progress = (consumer: string): ProgressStore => {
    const inner = stores.progress(consumer)
    return {
      read: () => ask('progress', 'read', consumer, false, () => inner.read()),
      write: (written) => ask('progress', 'write', consumer, true, () => inner.write(written)),
      remove: (instance) => ask('progress', 'remove', consumer, true, () => inner.remove(instance)),
    }
  }
  const parking = (consumer: string): ParkingStore => {
    const inner = stores.parking(consumer)
    const of = ({ handler, stream }: ParkedKey): string => `${handler} ${stream}`
    return {
      maxEventsPerChange: inner.maxEventsPerChange,
      streams: () => ask('parking', 'streams', consumer, false, () => inner.streams()),
      stream: (key) => ask('parking', 'stream', of(key), false, () => inner.stream(key)),
      events: (key, limit) => ask('parking', 'events', of(key), false, () => inner.events(key, limit)),
      write: (parked, etag, change) =>
        ask('parking', 'write', of(parked), true, async () => {
          const result = await inner.write(parked, etag, change)
          if (etag === undefined && result.outcome === 'written') stores.parked.push(parked)
          return result
        }),
      remove: (key, etag, change) => ask('parking', 'remove', of(key), true, () => inner.remove(key, etag, change)),
      keepMessage: (message) => ask('parking', 'keepMessage', message.id, true, () => inner.keepMessage(message)),
      messages: () => ask('parking', 'messages', consumer, false, () => inner.messages()),
      dropMessage: (id, discard) => ask('parking', 'dropMessage', id, true, () => inner.dropMessage(id, discard)),
      discards: () => ask('parking', 'discards', consumer, false, () => inner.discards()),
    }
  }
  const rebuilds: RebuildStore = {
    read: (view) => ask('views', 'readRebuild', view, false, () => stores.rebuilds.read(view)),
    write: (view, rebuild, etag) =>
      ask('views', 'writeRebuild', view, true, async () => {
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
        await ask(
          'hub',
          'send',
          stream,
          true,
          async () => partition.append(bodies, ground.now),
          (why) => new SendFailed(why),
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
    progress,
    parking,
    publisher: () => publisher,
    hub: (name) => createReader(process, findHub(name)),
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
