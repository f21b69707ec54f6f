import { syncFolder } from '../../kit/durable-files.ts'
import { type PublishedEvent, type PublishingProperties, STORED_EXTRA } from './event-message.ts'
import type { LastEvent, LogInfo } from './log-info.ts'
import { type EncodedRecord, encodeRecord, type LogChunk } from './log-record.ts'
import { type RecoveredLog, recoverLog } from './log-recovery.ts'
import type { Segment } from './log-segment.ts'
import { type KnownProducer, ProducerTable } from './producer-table.ts'
import { READ_BLOCK } from './read-blocks.ts'
import { SegmentWriter } from './segment-writer.ts'
import type { StartPosition } from './start-position.ts'
import { LogTail, type TailCache } from './tail-cache.ts'

export type { LogInfo } from './log-info.ts'
export type { LogChunk } from './log-record.ts'

const SEGMENT_BYTES = 64 * 1024 * 1024
/**
 * What one write may carry, so that a block of reading holds it; more waits for the next. One append is never
 * split.
 */
const GROUP_LIMIT = READ_BLOCK / 2
/** Sealed segments that keep their file open and their index in memory: those read last. */
const OPEN_SEGMENTS = 4

const NO_PRODUCERS: readonly KnownProducer[] = []

/** Events of one transfer: stored next to each other and in order, or not at all. */
export interface Append {
  readonly events: readonly PublishedEvent[]
  /** As they were sent. */
  readonly bytes: number
  /** Of an idempotent producer: which of its events the first one is. */
  readonly producer?: PublishingProperties | undefined
  /** Called once, in the order of appends, when the events are on disk, or with the reason why they are not. */
  settled(error: Error | undefined): void
}

export interface LogOptions {
  readonly tail: TailCache
  readonly segmentBytes?: number
  /** Appends settle before they are on disk. */
  readonly fast?: boolean
}

/** Appends that one write makes durable. */
interface Group {
  readonly appends: Append[]
  /** When stored, at most. */
  bytes: number
  events: number
  /** Made ahead, while the group before it was written. */
  record?: EncodedRecord
}

/**
 * The log of one partition: every event acknowledged, in order, in segments of which whole old ones are
 * dropped. Appends that come while a write runs share the next one; an event becomes readable when it is on
 * disk. A position is a byte of the log since its first segment, and stays valid whatever is dropped.
 */
export class PartitionLog {
  readonly #folder: string
  readonly #segmentBytes: number
  readonly #fast: boolean
  /** All that are kept, the oldest first. */
  readonly #segments: Segment[]
  /** The last of them, which is written to. */
  #active: Segment
  #writer: SegmentWriter
  #last: LastEvent
  #info: LogInfo
  readonly #tail: LogTail
  /** With what waits to be written; judges what comes. */
  readonly #producers: ProducerTable
  /** With what is on disk alone: for the next segment's header. */
  readonly #durableProducers: ProducerTable
  /** What waits for the disk, as it will be written. */
  readonly #waiting: Group[] = []
  /** What is being written. */
  #writing: EncodedRecord | undefined
  #flushing: Promise<void> | undefined
  #retaining: Promise<void> | undefined
  #failed: Error | undefined
  readonly #listeners = new Set<() => void>()
  /** Sealed ones, the last read last. */
  readonly #open: Segment[] = []

  private constructor(
    folder: string,
    { tail, segmentBytes, fast }: Required<LogOptions>,
    { segments, writer, last, producers }: RecoveredLog,
  ) {
    this.#folder = folder
    this.#segmentBytes = segmentBytes
    this.#fast = fast
    this.#segments = segments
    this.#active = segments.at(-1) as Segment
    this.#writer = writer
    this.#last = last
    this.#info = this.#describe()
    this.#tail = new LogTail(tail)
    this.#producers = new ProducerTable(producers)
    this.#durableProducers = new ProducerTable(producers)
  }

  /**
   * Opens the log in `folder`, or creates it, and recovers it.
   * @throws StartError when it is damaged before its tail.
   */
  static async open(
    folder: string,
    { tail, segmentBytes = SEGMENT_BYTES, fast = false }: LogOptions,
  ): Promise<PartitionLog> {
    return new PartitionLog(folder, { tail, segmentBytes, fast }, await recoverLog(folder, fast))
  }

  get info(): LogInfo {
    return this.#info
  }

  /** Why it takes nothing more until it is opened again; undefined while all is well. */
  get failed(): Error | undefined {
    return this.#failed
  }

  /**
   * Stores a batch; `entry.settled` tells when it is on disk. A batch of an idempotent producer that is there
   * already is not stored again; one out of order, or of an epoch that is over, is refused (Refusal
   * com.microsoft:out-of-order-sequence, com.microsoft:producer-epoch-stolen). After a failed write the log
   * takes nothing more: no one knows what reached the disk.
   */
  append(entry: Append): void {
    const append = entry.producer ? this.#deduplicate(entry, entry.producer) : entry
    const bytes = append.bytes + append.events.length * STORED_EXTRA
    const group = this.#groupFor(bytes)
    group.appends.push(append)
    group.bytes += bytes
    group.events += append.events.length
    this.#flushing ??= this.#flush()
  }

  /** Calls `listener` after every group of appends that became readable, until the returned function is called. */
  onAppend(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** The position of a record at or before the first event of `start`; events before it are to be skipped. */
  seek(start: StartPosition): number | Promise<number> {
    if (start.min > this.#last[start.key]) return this.#active.end
    let at = this.#segments.length - 1
    while (at > 0 && (this.#segments[at] as Segment).before[start.key] >= start.min) at--
    const segment = this.#segments[at] as Segment
    this.#keepOpen(segment)
    return segment.seek(start)
  }

  /**
   * Events from the record at `position` on, at least one record's; undefined at the end. At once when in
   * memory. A position that retention dropped gives the first kept record.
   * @throws naming file and byte when what was read is damaged.
   */
  read(position: number): LogChunk | undefined | Promise<LogChunk> {
    let at = this.#segments.length - 1
    while (at > 0 && (this.#segments[at] as Segment).base > position) at--
    const segment = this.#segments[at] as Segment
    const from = Math.max(position, segment.first)
    if (from >= this.#active.end) return undefined
    const cached = this.#tail.at(from)
    if (cached) return cached
    this.#keepOpen(segment)
    return segment.read(from)
  }

  /** What an idempotent producer published last; undefined when it is unknown. */
  producer(id: number): { readonly epoch: number; readonly sequence: number } | undefined {
    return this.#producers.get(id)
  }

  /**
   * An idempotent producer connects: with its epoch of before it goes on with the sequence that is known,
   * with a new one from `sequence`. On disk with its next append.
   * @throws Refusal com.microsoft:producer-epoch-stolen when its epoch is over.
   */
  openProducer(id: number, epoch: number, sequence: number): void {
    this.#producers.open(id, epoch, sequence)
  }

  /**
   * Drops whole old segments: those whose events are all older than `limits.ms`, and as many of the oldest as
   * leave at least `limits.bytes`. While one call runs, another waits for it and does nothing itself. A log
   * that failed or is closed keeps all.
   */
  retain(limits: { readonly ms?: number; readonly bytes?: number }, now: number): Promise<void> {
    this.#retaining ??= this.#retain(limits, now).finally(() => {
      this.#retaining = undefined
    })
    return this.#retaining
  }

  /** Settles when everything appended so far is on disk or has failed. */
  async flushed(): Promise<void> {
    await this.#flushing
  }

  /** Waits for what was appended, then closes the files. Readings that have begun end well. */
  async close(): Promise<void> {
    while (this.#flushing) await this.#flushing
    this.#failed ??= new Error('the log is closed')
    // How it ended, its caller hears.
    await Promise.allSettled([this.#retaining])
    for (const segment of this.#segments) segment.close()
    this.#tail.clear()
    await this.#writer.close()
  }

  #deduplicate(entry: Append, producer: PublishingProperties): Append {
    const verdict = this.#producers.checkSequence(producer, entry.events.length)
    if (verdict === 'new') return entry
    // Nothing to store; the answer waits for what came before it.
    const refusal = verdict === 'repeated' ? undefined : verdict
    return { events: [], bytes: 0, settled: (error) => entry.settled(error ?? refusal) }
  }

  async #flush(): Promise<void> {
    // Sends that came in one read of the socket are appended in the same turn: they share the first write too.
    await Promise.resolve()
    for (let group = this.#waiting.shift(); group; group = this.#waiting.shift()) {
      const isEmpty = group.events === 0
      if (!this.#failed && !isEmpty) await this.#store(group)
      for (const append of group.appends) append.settled(this.#failed)
      if (!this.#failed && !isEmpty) for (const listener of this.#listeners) listener()
    }
    this.#flushing = undefined
  }

  /**
   * The last group that waits, or a new one where it is full. The next to be written is then encoded, while
   * the disk is busy.
   */
  #groupFor(bytes: number): Group {
    const last = this.#waiting.at(-1)
    if (last && !last.record && (last.bytes === 0 || last.bytes + bytes <= GROUP_LIMIT)) return last
    const next = this.#waiting[0]
    if (next && this.#writing && !next.record && this.#fits(next)) next.record = this.#encode(next)
    const group: Group = { appends: [], bytes: 0, events: 0 }
    this.#waiting.push(group)
    return group
  }

  #fits(group: Group): boolean {
    const written = this.#active.size + (this.#writing?.record.length ?? 0)
    return (this.#active.isEmpty && !this.#writing) || group.bytes <= this.#segmentBytes - written
  }

  /** The record after what is on disk, or being written. */
  #encode({ appends }: Group): EncodedRecord {
    const before = this.#writing?.head
    const position = this.#active.end + (before?.length ?? 0)
    const sequence = before ? before.sequence + before.count : this.#last.sequence + 1
    // A clock that was set back must not break the order of enqueued times.
    const time = Math.max(Date.now(), before?.time ?? this.#last.time)
    return encodeRecord(appends, latestProducers(appends), position, sequence, time)
  }

  async #store(group: Group): Promise<void> {
    try {
      if (!group.record && !this.#fits(group)) await this.#roll()
      await this.#write(group.record ?? this.#encode(group))
    } catch (error) {
      this.#failed = error as Error
    }
  }

  async #write(encoded: EncodedRecord): Promise<void> {
    const { record, head, producers, lastOffset } = encoded
    const segment = this.#active
    this.#writing = encoded
    await this.#writer.write(record, segment.size)
    this.#writing = undefined
    const position = segment.end
    segment.extend(head)
    this.#tail.add({ bytes: record, position, next: segment.end })
    for (const producer of producers) this.#durableProducers.set(producer)
    this.#last = { sequence: head.sequence + head.count - 1, offset: lastOffset, time: head.time }
    this.#info = this.#describe()
  }

  /** Seals the active segment and begins the next one. */
  async #roll(): Promise<void> {
    const sealed = this.#active
    const { segment, writer } = await SegmentWriter.create(
      this.#folder,
      sealed.end,
      this.#last,
      this.#durableProducers.entries(),
      this.#fast,
    )
    const previous = this.#writer
    this.#active = segment
    this.#writer = writer
    this.#segments.push(segment)
    this.#keepOpen(sealed)
    await previous.close()
  }

  async #retain(limits: { readonly ms?: number; readonly bytes?: number }, now: number): Promise<void> {
    const oldest = limits.ms === undefined ? 0 : now - limits.ms
    while (!this.#failed && !this.#active.isEmpty && this.#last.time < oldest) {
      this.#flushing ??= this.#rollAlone()
      await this.#flushing
    }
    if (this.#failed) return
    let count = 0
    let bytes = this.#info.bytes
    for (const [i, segment] of this.#segments.entries()) {
      const next = this.#segments[i + 1]
      bytes -= segment.size
      if (!next || (next.before.time >= oldest && bytes < (limits.bytes ?? Number.POSITIVE_INFINITY))) break
      count++
    }
    const dropped = this.#segments.splice(0, count)
    this.#info = this.#describe()
    for (const segment of dropped) {
      await segment.remove()
      // Each by itself: a power loss must not leave an older one without its successor.
      await syncFolder(this.#folder)
    }
  }

  async #rollAlone(): Promise<void> {
    try {
      await this.#roll()
    } catch (error) {
      this.#failed = error as Error
    }
    await this.#flush()
  }

  #keepOpen(segment: Segment): void {
    if (segment === this.#active) return
    const at = this.#open.indexOf(segment)
    if (at >= 0) this.#open.splice(at, 1)
    this.#open.push(segment)
    if (this.#open.length > OPEN_SEGMENTS) this.#open.shift()?.release()
  }

  #describe(): LogInfo {
    const first = this.#segments[0] as Segment
    return {
      beginSequence: first.before.sequence + 1,
      lastSequence: this.#last.sequence,
      lastOffset: this.#last.offset,
      lastTime: this.#last.time,
      bytes: this.#active.end - first.base,
    }
  }
}

/** What a group makes known of its idempotent producers. */
function latestProducers(group: readonly Append[]): readonly KnownProducer[] {
  let latest: Map<number, KnownProducer> | undefined
  for (const { producer, events } of group) {
    if (!producer) continue
    latest ??= new Map()
    latest.set(producer.id, { ...producer, sequence: producer.sequence + events.length - 1 })
  }
  return latest ? [...latest.values()] : NO_PRODUCERS
}
