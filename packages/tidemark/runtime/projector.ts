import { toCloudEvent } from '../core/cloud-event.ts'
import { checkKey } from '../core/document-key.ts'
import { isTidemarkError } from '../core/errors.ts'
import type { DomainEvent, EventType, Recorded, RecordedEvent } from '../core/event.ts'
import { GENESIS } from '../core/hash-chain.ts'
import type { ParkedEvent } from '../core/parking.ts'
import type { Clock, Cursor, StoredCursor, ViewDocument, ViewGeneration, ViewStore } from '../core/ports.ts'
import type { Position } from '../core/stream.ts'
import {
  type AnyKeyedView,
  type AnySingleStreamView,
  type AnyView,
  isKeyedView,
  isOwnView,
  storedDocument,
} from '../core/view.ts'
import { HandlersFailed, type Handling } from './consume.ts'
import { contended, MAX_ATTEMPTS } from './contended.ts'
import { mergeParked, mergePassed, parseViewName, sameVersions } from './cursors.ts'
import { DocumentWriter, type ReadEvents } from './document-writer.ts'
import { CONCURRENCY, forEachLimited } from './limited.ts'
import { callPure, cannotApply, type StreamFailure, selectWorst } from './parking.ts'
import { MAX_RECENTLY_WRITTEN, recentlyWritten } from './recently-written.ts'
import { findUnseenEvents, type GapSource } from './unseen-events.ts'
import { fromSourceEvent, namePublicType, type ViewEvents, viewEvents } from './view-events.ts'
import type { BatchWatch } from './watch.ts'

/** A generation of a view that is written. */
export interface Target extends ViewGeneration {
  readonly view: AnyView
  /** Its name in cursors. */
  readonly entry: string
  /** The names in cursors of all generations of its view that are in use. */
  readonly named: ReadonlySet<string>
  /** The view whose documents store its cursors. Absent: it stores its own. */
  readonly cursorsIn?: string
  /** Generations of that view which are not written, and may have newer cursors of a stream. */
  readonly elsewhere?: readonly ViewStore[]
}

/** Options of a rebuild's projection. */
export interface RebuildOptions {
  /**
   * Whether to read the stored cursors first. False for a new generation, which only this rebuild has
   * written.
   */
  readonly readsFirst: boolean
  /** Whether an event was discarded for the view. */
  readonly isDiscarded?: (stream: string, version: number) => boolean
  /** Returns the stream version that the generation has applied, from cursors stored elsewhere. */
  readonly passed?: (stream: string) => Promise<number>
}

type SingleStreamTarget = Target & { readonly view: AnySingleStreamView }
type KeyedTarget = Target & { readonly view: AnyKeyedView }

/**
 * A younger event has its applied marker, if it was applied. For an older event only the cursor shows that,
 * and a cached cursor may be outdated. Milliseconds.
 */
const MARKERS_VALID_MS = 12 * 3_600_000

/** A rebuild's store writes many documents with one request. */
const REBUILD_CONCURRENCY = 400

/** The cursor of a stream from which a view has read nothing. */
const UNREAD: Cursor = { version: 0, hash: GENESIS, time: '' }

interface ProjectorDependencies {
  /** Fills gaps: the own log, or what can be read of other services' logs. */
  readonly log: GapSource
  readonly eventTypes: readonly EventType[]
  readonly clock: Pick<Clock, 'now'>
}

/** The context of one projection of events. */
interface Projecting extends Pick<Handling, 'parking' | 'place' | 'trace' | 'watch'> {
  /** The stream to redrive, and the generations parked for it, by their names in cursors. */
  readonly retried?: { readonly stream: string; readonly waiting: ReadonlySet<string> }
  /** Whether an event was discarded for a view. */
  readonly isDiscarded?: (view: string, stream: string, version: number) => boolean
  /** Receives the failure of a redriven generation. Without it and without parking, failures are thrown. */
  readonly onFailed?: (failure: StreamFailure) => void
}

/**
 * A stream's part of a batch: how far each target is, and the events after the one that is furthest
 * behind.
 */
interface Slice {
  readonly stream: string
  readonly documents: ReadonlyMap<Target, ViewDocument | undefined>
  readonly cursors: ReadonlyMap<Target, StoredCursor | undefined>
  /** The versions that cursors store for multi-stream views. */
  readonly passed: Readonly<Record<string, number>>
  readonly versions: ReadonlyMap<Target, number>
  /** The parked generations in cursors, including those of views that this code does not have. */
  readonly waits: Readonly<Record<string, number>>
  /** The generations that are parked, each with the first parked version. */
  readonly parked: ReadonlyMap<Target, number>
  readonly events: readonly RecordedEvent[]
  /** All events of the batch, also those that cannot be read in order. */
  readonly arrived: readonly RecordedEvent[]
}

/** The cache and helpers of one generation. */
interface Memory {
  readonly documents: ReturnType<typeof recentlyWritten<ViewDocument>>
  readonly cursors: ReturnType<typeof recentlyWritten<StoredCursor>>
  readonly writer: DocumentWriter | undefined
  readonly reader: ViewEvents
}

/** Applies batches of events of one category to generations of its views. */
export class Projector {
  readonly #deps: ProjectorDependencies
  readonly #rebuild: RebuildOptions | undefined
  readonly #memories = new WeakMap<ViewStore, Memory>()

  /** @param rebuild options of a rebuild; absent: other instances project too, and all write cursors. */
  constructor(deps: ProjectorDependencies, rebuild?: RebuildOptions) {
    this.#deps = deps
    this.#rebuild = rebuild
  }

  /**
   * @param targets in the order in which they are written.
   * @throws HandlersFailed which names the views that failed. The others are done.
   */
  async project(targets: readonly Target[], events: readonly RecordedEvent[], run: Projecting): Promise<void> {
    const batch = new Batch(targets, run)
    let left: ReadonlyMap<string, readonly RecordedEvent[]> = run.retried
      ? new Map([[run.retried.stream, events]])
      : Map.groupBy(events, ({ stream }) => stream)
    for (let attempt = 1; left.size > 0; attempt += 1) {
      if (attempt > MAX_ATTEMPTS) {
        for (const [stream, [first]] of left)
          for (const target of targets) batch.fail(target, stream, first, contended(target.view, stream))
        break
      }
      // A retry starts without the earlier failures of these streams.
      if (attempt > 1) batch.forget(left.keys())
      const slices = await this.#load(left, attempt > 1, batch)
      for (const target of targets.filter(isKeyed)) await this.#applyToDocuments(target, slices, batch)
      const behind = new Set<string>()
      await forEachLimited(slices, this.#rebuild ? REBUILD_CONCURRENCY : CONCURRENCY, async (slice) => {
        if (!(await this.#writeCursors(slice, batch))) behind.add(slice.stream)
      })
      left = new Map([...left].filter(([stream]) => behind.has(stream)))
    }
    batch.throwFailures(this.#rebuild !== undefined)
  }

  /** @param again whether another instance has written, so that the cache is outdated. */
  async #load(
    arrived: ReadonlyMap<string, readonly RecordedEvent[]>,
    again: boolean,
    batch: Batch,
  ): Promise<readonly Slice[]> {
    const slices: Slice[] = []
    await forEachLimited(arrived, CONCURRENCY, async ([stream, events]) => {
      try {
        const slice = await this.#loadStream(stream, events, again, batch)
        if (slice) slices.push(slice)
      } catch (error) {
        for (const target of batch.targets) batch.fail(target, stream, events[0], error)
      }
    })
    return slices
  }

  async #loadStream(
    stream: string,
    arrived: readonly RecordedEvent[],
    again: boolean,
    batch: Batch,
  ): Promise<Slice | undefined> {
    const { targets } = batch
    const isYoung = this.#rebuild !== undefined || this.#areYoung(arrived)
    // A stream's first event most likely has no document yet; if it does, the create shows it at no extra
    // cost.
    const isNew =
      !again && !batch.isRetry && isYoung && !this.#rebuild?.readsFirst && arrived.some(({ version }) => version === 1)
    const load = async <Value>(known: Value | undefined, read: () => Promise<Value | undefined>) =>
      (again || !isYoung ? undefined : known) ?? (isNew ? undefined : await read())

    const singles = targets.filter(isSingleStream)
    const documents = new Map<Target, ViewDocument | undefined>()
    let isCached = isNew
    for (const target of singles) {
      const known = this.#findMemory(target).documents.get(stream)
      documents.set(target, await load(known, () => target.store.read(stream)))
      isCached ||= known !== undefined && documents.get(target) === known
    }
    const elsewhere = isCached ? [] : [...new Set(targets.flatMap((target) => target.elsewhere ?? []))]
    const stored = [
      ...[...documents.values()].map((document) => document?.cursor),
      ...(await Promise.all(elsewhere.map(async (store) => (await store.read(stream))?.cursor))),
    ]
    const passed = mergePassed(stored)

    const cursors = new Map<Target, StoredCursor | undefined>()
    const versions = new Map<Target, number>()
    for (const target of singles) versions.set(target, documents.get(target)?.cursor?.version ?? 0)
    for (const target of targets.filter(isKeyed)) {
      // If the other view's documents do not name this target, a rebuild has stored its cursors.
      if (target.cursorsIn === undefined || passed[target.entry] === undefined)
        cursors.set(
          target,
          await load(this.#findMemory(target).cursors.get(stream), () => target.store.readCursor(stream)),
        )
      const storedVersion = this.#rebuild?.passed ? await this.#rebuild.passed(stream) : 0
      versions.set(target, Math.max(storedVersion, passed[target.entry] ?? 0, cursors.get(target)?.cursor.version ?? 0))
    }

    const waits = mergeParked([...stored, ...[...cursors.values()].map((each) => each?.cursor)])
    const parked = new Map<Target, number>()
    for (const target of targets) {
      const version = waits[target.entry]
      const isPassed = version === undefined || (versions.get(target) ?? 0) >= version
      // A rebuild skips only discarded events.
      if (!isPassed && !batch.isRetried(target) && this.#rebuild === undefined) parked.set(target, version)
    }
    // The cache may be older than a redrive. Without this second read, nobody would come back to these
    // events.
    if (parked.size > 0 && !again) return this.#loadStream(stream, arrived, true, batch)
    for (const [target, version] of parked)
      if (!(await batch.keepParked(target, { stream, version }, arrived))) parked.delete(target)
    const due = targets.filter((target) => !parked.has(target))
    if (due.length === 0) {
      for (const target of targets)
        for (const event of arrived) batch.watch?.traceEvent(target.view.name, event, 'parked')
      return undefined
    }

    const seen = [...documents.values(), ...cursors.values()]
      .map((each) => each?.cursor)
      .filter((each) => each !== undefined)
    const after = Math.min(...due.map((target) => versions.get(target) ?? 0))
    const slice = { stream, documents, cursors, passed, waits, versions, parked, arrived }
    try {
      const events = await findUnseenEvents(this.#deps.log, { stream, after, seen }, arrived)
      // If the log has no parked event, nothing is parked any more.
      return events.length === 0 && !batch.isRetry ? undefined : { ...slice, events }
    } catch (error) {
      const [first] = arrived.toSorted((one, other) => one.version - other.version)
      for (const target of due) {
        // The events already applied are not the cause: the next one is parked.
        const next = (versions.get(target) ?? 0) + 1
        const version = isTidemarkError(error, 'gap-unfilled') ? next : Math.max(first?.version ?? 1, next)
        batch.fail(target, stream, { ...first, version, type: first?.type ?? '' }, error)
      }
      return { ...slice, events: [] }
    }
  }

  #areYoung(events: readonly RecordedEvent[]): boolean {
    const now = Date.parse(this.#deps.clock.now())
    return events.every(({ time }) => now - Date.parse(time) < MARKERS_VALID_MS)
  }

  /**
   * Applies new events to a multi-stream view. A failure keeps the cursor of its stream from passing that
   * event.
   */
  async #applyToDocuments(target: KeyedTarget, slices: readonly Slice[], batch: Batch): Promise<void> {
    const { view } = target
    const byKey = new Map<string, ReadEvents[]>()
    for (const slice of slices) {
      if (slice.parked.has(target)) continue
      for (const recorded of slice.events)
        try {
          const byDocument = groupByDocument(view, this.#readNew(target, slice, recorded, batch))
          // Checks all keys first, so that an event with an invalid key is applied to none of its documents.
          for (const key of byDocument.keys()) checkKey(key)
          for (const [key, read] of byDocument) {
            const events = byKey.get(key)
            if (events) events.push({ event: recorded, read })
            else byKey.set(key, [{ event: recorded, read }])
          }
        } catch (error) {
          batch.fail(target, slice.stream, recorded, error)
          break
        }
    }
    const { writer } = this.#findMemory(target)
    await forEachLimited(byKey, CONCURRENCY, async ([key, events]) => {
      try {
        for (const { event, cause } of (await writer?.apply(key, events)) ?? [])
          batch.fail(target, event.stream, event, cause)
      } catch (error) {
        for (const [stream, [first]] of Map.groupBy(events, ({ event }) => event.stream))
          batch.fail(target, stream, first?.event, error)
      }
    })
  }

  /** Reads an event for a view. Returns nothing if the view has applied it or does not handle it. */
  #readNew(target: Target, slice: Slice, event: RecordedEvent, batch: Batch): readonly Recorded<DomainEvent>[] {
    return this.#isNew(target, slice, event, batch) ? this.#findMemory(target).reader.read(event) : []
  }

  #isNew(target: Target, { versions, stream }: Slice, event: RecordedEvent, batch: Batch): boolean {
    const { version } = event
    if (version <= (versions.get(target) ?? 0)) return false
    if (!this.#findMemory(target).reader.handles(event)) return false
    return !batch.isDiscarded(target.view.name, stream, version)
  }

  /** Writes a stream's documents and cursors. @returns false if another instance wrote them meanwhile. */
  async #writeCursors(slice: Slice, batch: Batch): Promise<boolean> {
    const { targets } = batch
    // Views that store other views' cursors come last; among their generations the live one does.
    const homes = new Set(targets.map(({ cursorsIn }) => cursorsIn))
    const singles = targets
      .filter(isSingleStream)
      .sort((a, b) => Number(homes.has(a.view.name)) - Number(homes.has(b.view.name)))
    try {
      const evolved = singles.map((target) => [target, this.#evolve(target, slice, batch)] as const)
      // Parks the stream before a cursor passes the event, so that no parked event is unknown.
      await batch.parkFailed(targets, slice)
      const storedProgress = progressAfter(slice, batch)
      for (const [target, document] of evolved) {
        const others = homes.has(target.view.name) ? storedProgress : undefined
        if (!(await this.#writeDocument(target, slice, { ...document, others }, batch))) return false
      }
      for (const target of targets.filter(isKeyed))
        if (target.cursorsIn === undefined && !(await this.#writeCursor(target, slice, batch))) return false
      batch.reportSucceeded(slice)
      if (batch.watch) this.#traceEvents(batch.watch, slice, batch)
    } catch (error) {
      for (const target of targets) batch.fail(target, slice.stream, slice.events[0], error)
    }
    return true
  }

  /** Records what each view did with a stream's events. */
  #traceEvents(watch: BatchWatch, slice: Slice, batch: Batch): void {
    for (const target of batch.targets) {
      const parked = batch.parkedVersion(target, slice) ?? Number.POSITIVE_INFINITY
      const failed = batch.failedVersion(target, slice.stream) ?? Number.POSITIVE_INFINITY
      for (const event of slice.events)
        if (event.version >= parked) watch.traceEvent(target.view.name, event, 'parked')
        else if (event.version < failed && this.#isNew(target, slice, event, batch))
          watch.traceEvent(target.view.name, event, 'handled')
    }
  }

  /** Applies new events to a stream's document, up to the first that the view cannot apply. */
  #evolve(target: SingleStreamTarget, slice: Slice, batch: Batch): Evolved {
    const { view } = target
    const before = slice.documents.get(target)
    let [document, cursor] = [before?.document, before?.cursor ?? UNREAD]
    const events = slice.parked.has(target) ? [] : slice.events
    for (const recorded of events)
      try {
        // A failure leaves the document as it was before all events that this one is read as.
        document = this.#readNew(target, slice, recorded, batch).reduce<unknown>(
          (before, event) => callPure(view.name, () => storedDocument(view, slice.stream, view.evolve(before, event))),
          document,
        )
        if (recorded.version > cursor.version) cursor = toCursor(recorded)
      } catch (error) {
        // Still stores the versions of the other views: after a day their applied markers are gone.
        batch.fail(target, slice.stream, recorded, error)
        break
      }
    try {
      return { document, sort: readSortKey(target, document), cursor }
    } catch (error) {
      return this.#leaveAsItWas(target, slice, error, batch)
    }
  }

  #leaveAsItWas(target: SingleStreamTarget, slice: Slice, error: unknown, batch: Batch): Evolved {
    const { document, cursor = UNREAD } = slice.documents.get(target) ?? { document: undefined }
    const first = slice.events.find(({ version }) => version > cursor.version)
    batch.fail(target, slice.stream, first, error)
    return { document, sort: readSortKey(target, document), cursor }
  }

  async #writeDocument(
    target: SingleStreamTarget,
    slice: Slice,
    { document, sort, cursor: head, others }: DocumentItem,
    batch: Batch,
  ): Promise<boolean> {
    const { stream } = slice
    const { store, entry } = target
    const { documents } = this.#findMemory(target)
    const before = slice.documents.get(target)
    const { version, hash, time } = head
    const waits = batch.parkedVersion(target, slice)
    const passed = others?.passed ?? {}
    const parked = { ...others?.parked, ...(waits === undefined ? {} : { [entry]: waits }) }
    const stays = version === (before?.cursor?.version ?? 0)
    if (stays && sameVersions(passed, before?.cursor?.passed) && sameVersions(parked, before?.cursor?.parked))
      return true
    const cursor = { version, hash, time, ...toCursorField('passed', passed), ...toCursorField('parked', parked) }
    try {
      const result = await store.writeDocument(stream, { document, sort, etag: before?.etag }, cursor)
      if (result.outcome === 'written') documents.set(stream, { document, cursor, etag: result.etag })
      else documents.delete(stream)
      return result.outcome === 'written'
    } catch (error) {
      if (stays || !isTidemarkError(error, 'document-too-large')) throw error
      const unchanged = this.#leaveAsItWas(target, slice, error, batch)
      await batch.parkFailed([target], slice)
      return this.#writeDocument(target, slice, { ...unchanged, others }, batch)
    }
  }

  /** Writes a cursor that is an item of its own. It stays unchanged if the view could not pass any event. */
  async #writeCursor(target: KeyedTarget, slice: Slice, batch: Batch): Promise<boolean> {
    const { stream, cursors: read, events } = slice
    const before = read.get(target)
    const waits = batch.parkedVersion(target, slice)
    const failed = batch.failedVersion(target, stream)
    const last = slice.parked.has(target)
      ? undefined
      : events.findLast(({ version }) => failed === undefined || version < failed)
    const isFurther = last !== undefined && last.version > (slice.versions.get(target) ?? 0)
    const parked = waits === undefined ? {} : { [target.entry]: waits }
    if (!isFurther && sameVersions(parked, before?.cursor.parked)) return true
    const { version, hash, time } = isFurther ? toCursor(last) : (before?.cursor ?? UNREAD)
    const cursor = { version, hash, time, ...toCursorField('parked', parked) }
    const { cursors } = this.#findMemory(target)
    const result = await target.store.writeCursor(stream, cursor, before?.etag)
    if (result.outcome === 'written') cursors.set(stream, { cursor, etag: result.etag })
    else cursors.delete(stream)
    return result.outcome === 'written'
  }

  #findMemory({ view, store }: Target): Memory {
    const known = this.#memories.get(store)
    if (known) return known
    const memory: Memory = {
      documents: recentlyWritten<ViewDocument>(MAX_RECENTLY_WRITTEN),
      cursors: recentlyWritten<StoredCursor>(MAX_RECENTLY_WRITTEN),
      writer: isKeyedView(view) ? new DocumentWriter(view, store) : undefined,
      reader: viewEvents(view, this.#deps.eventTypes),
    }
    this.#memories.set(store, memory)
    return memory
  }
}

/** The events that one stored event is read as, by the documents that they change. */
function groupByDocument(
  view: AnyKeyedView,
  events: readonly Recorded<DomainEvent>[],
): ReadonlyMap<string, readonly Recorded<DomainEvent>[]> {
  const byKey = new Map<string, Recorded<DomainEvent>[]>()
  for (const event of events)
    for (const key of new Set(callPure(view.name, () => view.documentKeys(event))))
      byKey.set(key, [...(byKey.get(key) ?? []), event])
  return byKey
}

/** A document after events, with its cursor. */
interface Evolved {
  readonly document: unknown
  readonly sort: string
  readonly cursor: Cursor
}

/** What the cursors store about other views: their versions, and the parked ones. */
type StoredProgress = Readonly<Record<'passed' | 'parked', Readonly<Record<string, number>>>>

/** What a document's item stores. */
interface DocumentItem extends Evolved {
  /** Undefined: its cursor stores nothing about other views. */
  readonly others: StoredProgress | undefined
}

interface Failed {
  readonly version: number
  readonly type: string
  readonly cause: unknown
  /** True: the stream is parked for the view. False: the batch is redelivered. */
  readonly isParked: boolean
}

/** A batch that is applied to generations of views, and its failures, by view and stream. */
class Batch {
  /** In the order in which they are written. */
  readonly targets: readonly Target[]
  readonly #run: Projecting
  readonly #failed = new Map<Target, Map<string, Failed>>()

  constructor(targets: readonly Target[], run: Projecting) {
    this.targets = targets
    this.#run = run
  }

  get watch(): BatchWatch | undefined {
    return this.#run.watch
  }

  /** Whether to ignore the cache and read everything from the store. */
  get isRetry(): boolean {
    return this.#run.retried !== undefined
  }

  isRetried({ entry }: Target): boolean {
    return this.#run.retried?.waiting.has(entry) ?? false
  }

  isDiscarded(view: string, stream: string, version: number): boolean {
    return this.#run.isDiscarded?.(view, stream, version) ?? false
  }

  /** Records the first event of a stream that a view could not process. */
  fail(
    target: Target,
    stream: string,
    event: Pick<RecordedEvent, 'version' | 'type' | 'published'> | undefined,
    cause: unknown,
  ): void {
    const version = event?.version ?? 1
    const type = event === undefined ? '' : isOwnView(target.view) ? event.type : namePublicType(event)
    const failed = this.#failed.get(target) ?? new Map<string, Failed>()
    const before = failed.get(stream)
    // A stream whose write failed counts as not parked.
    if (before === undefined || before.isParked || version <= before.version)
      failed.set(stream, { version: before?.isParked ? before.version : version, type, cause, isParked: false })
    this.#failed.set(target, failed)
  }

  /** The first version of a stream that a view could not process. */
  failedVersion(target: Target, stream: string): number | undefined {
    return this.#failed.get(target)?.get(stream)?.version
  }

  /** The version from which a stream is parked for a view, before or by this batch. */
  parkedVersion(target: Target, { stream, parked }: Slice): number | undefined {
    const failed = this.#failed.get(target)?.get(stream)
    return parked.get(target) ?? (failed?.isParked ? failed.version : undefined)
  }

  /** Parks a stream for the views that could not process it, if their failures allow that. */
  async parkFailed(targets: readonly Target[], { stream, parked, events, arrived }: Slice): Promise<void> {
    const { parking, place, trace, onFailed } = this.#run
    for (const target of targets) {
      if (parked.has(target)) continue
      const failed = this.#failed.get(target)?.get(stream)
      if (failed === undefined || failed.isParked) continue
      const { version, type, cause } = failed
      const failure: StreamFailure = { handler: target.entry, stream, version, type, cause }
      const stored = listStored(target, version, [...events, ...arrived])
      if (parking?.shouldPark(failure)) await parking.park(failure, place?.(failure), stored, trace)
      else if (onFailed && this.isRetried(target)) onFailed(failure)
      else continue
      this.#failed.get(target)?.set(stream, { ...failed, isParked: true })
    }
  }

  /**
   * Adds events to a parked stream.
   * @returns false if it is no longer parked, and this code must process them.
   */
  async keepParked(target: Target, from: Position, arrived: readonly RecordedEvent[]): Promise<boolean> {
    const { parking, trace } = this.#run
    const events = listStored(target, from.version, arrived)
    if (parking === undefined || events.length === 0) return true
    const key = { handler: target.entry, stream: from.stream }
    if (await parking.add(key, events, trace)) return true
    // The cache of this process may be older than the park.
    parking.forget()
    return parking.add(key, events, trace)
  }

  /** Records which views have processed a stream's events. */
  reportSucceeded({ stream, parked }: Slice): void {
    const { parking } = this.#run
    for (const target of this.targets)
      if (!parked.has(target) && this.failedVersion(target, stream) === undefined)
        parking?.succeeded({ handler: target.entry, stream })
  }

  forget(streams: Iterable<string>): void {
    for (const stream of streams) for (const failed of this.#failed.values()) failed.delete(stream)
  }

  /** @param names whether to name the events. A consumer names them when it parks them; a rebuild does not park. */
  throwFailures(names: boolean): void {
    const failures = [...this.#failed].flatMap(([target, failed]) => {
      const { view } = target
      // The failures of other views recur when those views process the events themselves.
      if (this.isRetry && !this.isRetried(target)) return []
      const causes = [...failed]
        .filter(([, { isParked }]) => !isParked)
        .map(([stream, each]) => (names ? nameEvent(view.name, { stream, ...each }) : each.cause))
      return causes.length > 0 ? [{ name: view.name, cause: selectWorst(causes) }] : []
    })
    if (failures.length > 0) throw new HandlersFailed(failures)
  }
}

/**
 * The events to store with a parked stream, by version. Those of the own log are not stored: they are read
 * there again.
 */
function listStored({ view }: Target, from: number, events: readonly RecordedEvent[]): readonly ParkedEvent[] {
  if (isOwnView(view)) return []
  const byVersion = new Map(events.filter(({ version }) => version >= from).map((event) => [event.version, event]))
  return [...byVersion.values()]
    .sort((a, b) => a.version - b.version)
    .map((event) => ({ version: event.version, text: JSON.stringify(toCloudEvent(fromSourceEvent(event))) }))
}

/** Failed writes are not named: they are not about one event. */
function nameEvent(view: string, { cause, ...event }: Omit<StreamFailure, 'handler'>): unknown {
  const isAboutEvent =
    isTidemarkError(cause, 'handler-failed') ||
    isTidemarkError(cause, 'event-unreadable') ||
    isTidemarkError(cause, 'event-unknown')
  return isAboutEvent ? cannotApply(view, event, cause) : cause
}

/** The progress of multi-stream views for the cursors to write: the stored progress, updated by this batch. */
function progressAfter(slice: Slice, batch: Batch): StoredProgress {
  const { targets } = batch
  const { stream, passed, versions, events } = slice
  const known = new Map(targets.map(({ view, named }) => [view.name, named]))
  const after: Record<string, number> = {}
  for (const [entry, version] of Object.entries(passed)) {
    const named = known.get(parseViewName(entry))
    // Keeps the entries of views that only another build knows.
    if (named === undefined || named.has(entry)) after[entry] = version
  }
  const parked: Record<string, number> = {}
  for (const [entry, version] of Object.entries(slice.waits))
    if (!known.has(parseViewName(entry))) parked[entry] = version
  const last = events.at(-1)?.version ?? 0
  for (const target of targets) {
    if (target.cursorsIn === undefined) continue
    const version = versions.get(target) ?? 0
    const failed = batch.failedVersion(target, stream)
    const waits = batch.parkedVersion(target, slice)
    if (waits !== undefined) parked[target.entry] = waits
    after[target.entry] = slice.parked.has(target)
      ? version
      : Math.max(failed === undefined ? last : Math.min(last, failed - 1), version)
  }
  return { passed: after, parked }
}

function readSortKey({ view }: SingleStreamTarget, document: unknown): string {
  return document === undefined ? '' : callPure(view.name, () => view.sort(document))
}

function toCursor({ version, hash, time }: RecordedEvent): Cursor {
  return { version, hash, time }
}

function toCursorField(name: 'passed' | 'parked', versions: Readonly<Record<string, number>>): Partial<Cursor> {
  return Object.keys(versions).length > 0 ? { [name]: versions } : {}
}

function isSingleStream(target: Target): target is SingleStreamTarget {
  return target.view.kind === 'one-stream'
}

function isKeyed(target: Target): target is KeyedTarget {
  return isKeyedView(target.view)
}
