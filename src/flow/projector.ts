import { isTidemarkError } from '../core/errors.ts'
import type { DomainEvent, EventType, Recorded, RecordedEvent } from '../core/event.ts'
import { type EventReader, eventReader } from '../core/event-reader.ts'
import { GENESIS } from '../core/hash-chain.ts'
import type {
  Clock,
  Cursor,
  EventHistory,
  StoredCursor,
  ViewDocument,
  ViewGeneration,
  ViewStore,
} from '../core/ports.ts'
import { type AnyManyStreamView, type AnyOneStreamView, type AnyView, storedDocument } from '../core/view.ts'
import { HandlersFailed } from './consume.ts'
import { contended, MAX_ATTEMPTS } from './contended.ts'
import { mergePassed, samePassed } from './cursors.ts'
import { DocumentWriter } from './document-writer.ts'
import { AT_ONCE, forEachLimited } from './limited.ts'
import { eventsAfter } from './pending.ts'
import { REMEMBERED, remembered } from './remembered.ts'

/** A generation of a view that is written. */
export interface Target extends ViewGeneration {
  readonly view: AnyView
  /** What names it in cursors. */
  readonly entry: string
  /** What names the generations of its view that are still used. */
  readonly named: ReadonlySet<string>
  /** The view whose documents have its cursors. Absent: it has its own. */
  readonly cursorsIn?: string
  /** Generations of that view which are not written, and may know more of a stream. */
  readonly elsewhere?: readonly ViewStore[]
}

/** How a rebuild projects. */
export interface RebuildOptions {
  /** Whether what is stored tells how far the generation has come. Otherwise it is new, and all that is in it was written by this rebuild. */
  readonly looks: boolean
  /** How far the generation has come in a stream, by what others have stored of it. */
  readonly passed?: (stream: string) => Promise<number>
}

type OneStreamTarget = Target & { readonly view: AnyOneStreamView }
type ManyStreamTarget = Target & { readonly view: AnyManyStreamView }

/**
 * An event that is younger was applied, if at all, within the time that marks live: they tell. Of one that is older only the cursor tells, and what
 * an instance remembers of that may be old. Milliseconds.
 */
const MARKS_TELL_MS = 12 * 3_600_000

/** Of a stream of which a view has read nothing. */
const UNREAD: Cursor = { version: 0, hash: GENESIS, time: '' }

interface ProjectorDependencies {
  readonly log: EventHistory
  readonly eventTypes: readonly EventType[]
  readonly clock: Pick<Clock, 'now'>
}

/** A stream's part of a batch: how far each target has come, and what comes after the one that is least far. */
interface Slice {
  readonly stream: string
  readonly documents: ReadonlyMap<Target, ViewDocument | undefined>
  readonly cursors: ReadonlyMap<Target, StoredCursor | undefined>
  /** What cursors say of views of many streams. */
  readonly passed: Readonly<Record<string, number>>
  readonly versions: ReadonlyMap<Target, number>
  readonly events: readonly RecordedEvent[]
}

/** What this instance remembers of a generation. */
interface Memory {
  readonly documents: ReturnType<typeof remembered<ViewDocument>>
  readonly cursors: ReturnType<typeof remembered<StoredCursor>>
  readonly writer: DocumentWriter | undefined
  readonly reader: EventReader
}

/** Applies batches of events of one category to generations of its views. */
export class Projector {
  readonly #deps: ProjectorDependencies
  readonly #rebuild: RebuildOptions | undefined
  readonly #memories = new WeakMap<ViewStore, Memory>()

  /** @param rebuild how a rebuild projects; absent: beside other instances, all of which keep cursors. */
  constructor(deps: ProjectorDependencies, rebuild?: RebuildOptions) {
    this.#deps = deps
    this.#rebuild = rebuild
  }

  /**
   * @param targets in the order in which they are written.
   * @throws HandlersFailed which names the views that failed. The others are done.
   */
  async project(targets: readonly Target[], events: readonly RecordedEvent[]): Promise<void> {
    const batch = new Batch()
    let left: ReadonlyMap<string, readonly RecordedEvent[]> = Map.groupBy(events, ({ stream }) => stream)
    for (let attempt = 1; left.size > 0; attempt += 1) {
      if (attempt > MAX_ATTEMPTS) {
        for (const target of targets)
          batch.fail(target, left.keys(), contended(target.view, [...left.keys()].join(', ')))
        break
      }
      const slices = await this.#load(targets, left, attempt > 1, batch)
      for (const target of targets.filter(isManyStream)) await this.#applyToDocuments(target, slices, batch)
      const behind = new Set<string>()
      await forEachLimited(slices, AT_ONCE, async (slice) => {
        if (!(await this.#writeCursors(targets, slice, batch))) behind.add(slice.stream)
      })
      left = new Map([...left].filter(([stream]) => behind.has(stream)))
    }
    batch.throwFailures()
  }

  /** @param again whether another instance has written: what is remembered is not the newest. */
  async #load(
    targets: readonly Target[],
    arrived: ReadonlyMap<string, readonly RecordedEvent[]>,
    again: boolean,
    batch: Batch,
  ): Promise<readonly Slice[]> {
    const slices: Slice[] = []
    await forEachLimited(arrived, AT_ONCE, async ([stream, events]) => {
      try {
        const slice = await this.#loadStream(targets, stream, events, again)
        if (slice) slices.push(slice)
      } catch (error) {
        for (const target of targets) batch.fail(target, [stream], error)
      }
    })
    return slices
  }

  async #loadStream(
    targets: readonly Target[],
    stream: string,
    arrived: readonly RecordedEvent[],
    again: boolean,
  ): Promise<Slice | undefined> {
    const isYoung = this.#rebuild !== undefined || this.#areYoung(arrived)
    // A stream's first event has most likely no document: to create one finds out as well as to read does.
    const isNew = !again && isYoung && !this.#rebuild?.looks && arrived.some(({ version }) => version === 1)
    const load = async <Value>(known: Value | undefined, read: () => Promise<Value | undefined>) =>
      (again || !isYoung ? undefined : known) ?? (isNew ? undefined : await read())

    const singles = targets.filter(isOneStream)
    const documents = new Map<Target, ViewDocument | undefined>()
    let isRemembered = isNew
    for (const target of singles) {
      const known = this.#memoryOf(target).documents.get(stream)
      documents.set(target, await load(known, () => target.store.read(stream)))
      isRemembered ||= known !== undefined && documents.get(target) === known
    }
    const elsewhere = isRemembered ? [] : [...new Set(targets.flatMap((target) => target.elsewhere ?? []))]
    const passed = mergePassed([
      ...[...documents.values()].map((document) => document?.cursor),
      ...(await Promise.all(elsewhere.map(async (store) => (await store.read(stream))?.cursor))),
    ])

    const cursors = new Map<Target, StoredCursor | undefined>()
    const versions = new Map<Target, number>()
    for (const target of singles) versions.set(target, documents.get(target)?.cursor?.version ?? 0)
    for (const target of targets.filter(isManyStream)) {
      // Where another view's documents do not name it, a rebuild has written how far it has come.
      if (target.cursorsIn === undefined || passed[target.entry] === undefined)
        cursors.set(
          target,
          await load(this.#memoryOf(target).cursors.get(stream), () => target.store.readCursor(stream)),
        )
      const told = this.#rebuild?.passed ? await this.#rebuild.passed(stream) : 0
      versions.set(target, Math.max(told, passed[target.entry] ?? 0, cursors.get(target)?.cursor.version ?? 0))
    }

    const known = [...documents.values(), ...cursors.values()]
      .map((each) => each?.cursor)
      .filter((each) => each !== undefined)
    const least = Math.min(...versions.values())
    const events = await eventsAfter(this.#deps.log, stream, least, known, arrived)
    return events.length === 0 ? undefined : { stream, documents, cursors, passed, versions, events }
  }

  #areYoung(events: readonly RecordedEvent[]): boolean {
    const now = Date.parse(this.#deps.clock.now())
    return events.every(({ time }) => now - Date.parse(time) < MARKS_TELL_MS)
  }

  /** Applies what is new to a view of many streams. What fails keeps its streams from counting as passed. */
  async #applyToDocuments(target: ManyStreamTarget, slices: readonly Slice[], batch: Batch): Promise<void> {
    const byKey = new Map<string, Recorded<DomainEvent>[]>()
    for (const slice of slices) {
      try {
        for (const event of this.#readNew(target, slice))
          for (const key of new Set(target.view.targets(event))) {
            const events = byKey.get(key)
            if (events) events.push(event)
            else byKey.set(key, [event])
          }
      } catch (error) {
        batch.fail(target, [slice.stream], error)
      }
    }
    const { writer } = this.#memoryOf(target)
    await forEachLimited(byKey, AT_ONCE, async ([key, events]) => {
      const applied = events.filter(({ stream }) => !batch.hasFailed(target, stream))
      await writer?.apply(key, applied).catch((error: unknown) => {
        batch.fail(target, new Set(applied.map(({ stream }) => stream)), error)
      })
    })
  }

  /** The events that a view is made of, of those it has not passed, as it reads them. */
  #readNew(target: Target, { versions, events }: Slice): readonly Recorded<DomainEvent>[] {
    const { view } = target
    const { reader } = this.#memoryOf(target)
    const after = versions.get(target) ?? 0
    return events
      .filter(({ version, type }) => version > after && (view.events === undefined || reader.knows(type)))
      .map(reader.readEvent)
  }

  /** Writes a stream's documents and cursors. @returns whether nobody else has written them meanwhile. */
  async #writeCursors(targets: readonly Target[], slice: Slice, batch: Batch): Promise<boolean> {
    const { stream, events } = slice
    const last = events.at(-1)
    if (last === undefined) return true
    const head = { version: last.version, hash: last.hash, time: last.time }
    const passed = passedAfter(targets, slice, batch)
    // The views that have others' cursors come last, and of their generations the live one.
    const homes = new Set(targets.map(({ cursorsIn }) => cursorsIn))
    const singles = targets
      .filter(isOneStream)
      .sort((a, b) => Number(homes.has(a.view.name)) - Number(homes.has(b.view.name)))
    try {
      for (const target of singles) {
        const others = homes.has(target.view.name) ? passed : undefined
        if (!(await this.#writeDocument(target, slice, head, others, batch))) return false
      }
      for (const target of targets.filter(isManyStream)) {
        if (target.cursorsIn !== undefined || batch.hasFailed(target, stream)) continue
        if ((slice.versions.get(target) ?? 0) >= head.version) continue
        if (!(await this.#writeCursor(target, slice, head))) return false
      }
    } catch (error) {
      for (const target of targets) batch.fail(target, [stream], error)
    }
    return true
  }

  async #writeDocument(
    target: OneStreamTarget,
    slice: Slice,
    head: Cursor,
    passed: Readonly<Record<string, number>> | undefined,
    batch: Batch,
  ): Promise<boolean> {
    const { stream } = slice
    const { view, store } = target
    const { documents } = this.#memoryOf(target)
    const before = slice.documents.get(target)
    let after = { document: before?.document, cursor: before?.cursor ?? UNREAD }
    try {
      const evolved = this.#readNew(target, slice).reduce(
        (current, event) => view.evolve(current, event),
        after.document,
      )
      const document = evolved === after.document ? evolved : storedDocument(view, stream, evolved)
      if (after.cursor.version < head.version) after = { document, cursor: head }
    } catch (error) {
      // What other views have passed is kept all the same: in a day their marks no longer tell.
      batch.fail(target, [stream], error)
    }
    const { document } = after
    const stays = after.cursor.version === (before?.cursor?.version ?? 0)
    if (stays && (passed === undefined || samePassed(passed, before?.cursor?.passed))) return true
    const sort = document === undefined ? '' : view.sort(document)
    const { version, hash, time } = after.cursor
    const cursor = { version, hash, time, ...(passed && Object.keys(passed).length > 0 ? { passed } : {}) }
    const result = await store.writeDocument(stream, { document, sort, etag: before?.etag }, cursor)
    if (result.outcome === 'written') documents.set(stream, { document, cursor, etag: result.etag })
    else documents.delete(stream)
    return result.outcome === 'written'
  }

  async #writeCursor(target: ManyStreamTarget, { stream, cursors: read }: Slice, cursor: Cursor): Promise<boolean> {
    const { cursors } = this.#memoryOf(target)
    const result = await target.store.writeCursor(stream, cursor, read.get(target)?.etag)
    if (result.outcome === 'written') cursors.set(stream, { cursor, etag: result.etag })
    else cursors.delete(stream)
    return result.outcome === 'written'
  }

  #memoryOf({ view, store }: Target): Memory {
    const known = this.#memories.get(store)
    if (known) return known
    const memory: Memory = {
      documents: remembered<ViewDocument>(REMEMBERED),
      cursors: remembered<StoredCursor>(REMEMBERED),
      writer: view.kind === 'many-streams' ? new DocumentWriter(view, store) : undefined,
      reader: eventReader(view.events ?? this.#deps.eventTypes, 'own'),
    }
    this.#memories.set(store, memory)
    return memory
  }
}

/** What a batch's views could not do. */
class Batch {
  readonly #causes = new Map<string, unknown>()
  readonly #streams = new Map<Target, Set<string>>()

  fail(target: Target, streams: Iterable<string>, cause: unknown): void {
    // The first failure of a view is told; one that may pass is no reason beside one that does not.
    const before = this.#causes.get(target.view.name)
    if (before === undefined || (isTidemarkError(before) && before.retriable)) this.#causes.set(target.view.name, cause)
    const failed = this.#streams.get(target) ?? new Set()
    for (const stream of streams) failed.add(stream)
    this.#streams.set(target, failed)
  }

  hasFailed(target: Target, stream: string): boolean {
    return this.#streams.get(target)?.has(stream) ?? false
  }

  throwFailures(): void {
    if (this.#causes.size > 0) throw new HandlersFailed([...this.#causes].map(([name, cause]) => ({ name, cause })))
  }
}

/** What the cursors that are written say of views of many streams: what they said, and what this batch has brought about. */
function passedAfter(
  targets: readonly Target[],
  { stream, passed, versions, events }: Slice,
  batch: Batch,
): Readonly<Record<string, number>> {
  const known = new Map(targets.map(({ view, named }) => [view.name, named]))
  const after: Record<string, number> = {}
  for (const [entry, version] of Object.entries(passed)) {
    const named = known.get(entry.slice(0, entry.lastIndexOf('@')))
    // Of a view that this code does not know, another build's word stays.
    if (named === undefined || named.has(entry)) after[entry] = version
  }
  const last = events.at(-1)?.version ?? 0
  for (const target of targets)
    if (target.cursorsIn !== undefined)
      after[target.entry] = batch.hasFailed(target, stream)
        ? (versions.get(target) ?? 0)
        : Math.max(last, versions.get(target) ?? 0)
  return after
}

function isOneStream(target: Target): target is OneStreamTarget {
  return target.view.kind === 'one-stream'
}

function isManyStream(target: Target): target is ManyStreamTarget {
  return target.view.kind === 'many-streams'
}
