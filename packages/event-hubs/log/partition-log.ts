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
 * Most bytes of one write, so that a read block holds it. Further appends wait for the next write. An append
 * is never split.
 */
const GROUP_LIMIT = READ_BLOCK / 2
/** Number of sealed segments, the last read, whose files stay open and whose indexes stay in memory. */
const OPEN_SEGMENTS = 4

const NO_PRODUCERS: readonly KnownProducer[] = []

/** Events of one transfer. All are stored, adjacent and in order, or none. */
export interface Append {
  readonly events: readonly PublishedEvent[]
  /** Size of the events as sent. */
  readonly bytes: number
  /** Only from an idempotent producer: its number of the first event. */
  readonly producer?: PublishingProperties | undefined
  /** Called once, in append order, when the events are on disk, or with the error that prevented it. */
  settled(error: Error | undefined): void
}

interface LogOptions {
  readonly tail: TailCache
  readonly segmentBytes?: number
  /** Appends settle before they are on disk. */
  readonly fast?: boolean
}

/** Appends that one write makes durable. */
interface Group {
  readonly appends: Append[]
  /** Most bytes that the group needs on disk. */
  bytes: number
  events: number
  /** Encoded early, while the previous group was being written. */
  record?: EncodedRecord
}

/**
 * The log of one partition: all acknowledged events in order, in segments. Retention drops whole old
 * segments. Appends that arrive during a write share the next one. An event is readable once it is on disk. A
 * position counts the log's bytes since its first segment, and stays valid when segments are dropped.
 */
export class PartitionLog {
  readonly #folder: string
  readonly #segmentBytes: number
  readonly #fast: boolean
  /** All stored segments, the oldest first. */
  readonly #segments: Segment[]
  /** The last segment, which receives new records. */
  #active: Segment
  #writer: SegmentWriter
  #last: LastEvent
  #info: LogInfo
  readonly #tail: LogTail
  /** State including the waiting appends; checks new appends. */
  readonly #producers: ProducerTable
  /** State of the records on disk, for the next segment's header. */
  readonly #durableProducers: ProducerTable
  /** Groups that wait to be written, in order. */
  readonly #waiting: Group[] = []
  /** The record being written. */
  #writing: EncodedRecord | undefined
  #flushing: Promise<void> | undefined
  #retaining: Promise<void> | undefined
  #failed: Error | undefined
  readonly #listeners = new Set<() => void>()
  /** Open sealed segments, the last read at the end. */
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
   * @throws StartError if the log is damaged before its tail.
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

  /** Why the log accepts no more appends until it is opened again; undefined while it accepts them. */
  get failed(): Error | undefined {
    return this.#failed
  }

  /**
   * Stores a batch, and calls `entry.settled` when it is on disk. A repeated batch of an idempotent producer
   * is not stored again. A batch out of order is refused with Refusal com.microsoft:out-of-order-sequence,
   * and one of an old epoch with com.microsoft:producer-epoch-stolen. After a failed write the log accepts no
   * more appends, because it cannot know what reached the disk.
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

  /** Calls `listener` whenever a group of appends has become readable, until the returned function is called. */
  onAppend(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Returns the position of a record at or before the first event of `start`. The caller skips earlier events. */
  seek(start: StartPosition): number | Promise<number> {
    if (start.min > this.#last[start.key]) return this.#active.end
    let at = this.#segments.length - 1
    while (at > 0 && (this.#segments[at] as Segment).before[start.key] >= start.min) at--
    const segment = this.#segments[at] as Segment
    this.#keepOpen(segment)
    return segment.seek(start)
  }

  /**
   * Reads at least one record from `position` on, without a promise if it is in memory; undefined at the end.
   * For a position that retention dropped, it reads from the first stored record.
   * @throws Error naming file and byte, if the record is damaged.
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

  /** Returns what an idempotent producer published last; undefined for an unknown producer. */
  producer(id: number): { readonly epoch: number; readonly sequence: number } | undefined {
    return this.#producers.get(id)
  }

  /**
   * Registers an idempotent producer that connects. With its known epoch it continues the known sequence;
   * with a new epoch it starts from `sequence`. The change reaches the disk with the producer's next append.
   * @throws Refusal com.microsoft:producer-epoch-stolen if a higher epoch is known.
   */
  openProducer(id: number, epoch: number, sequence: number): void {
    this.#producers.open(id, epoch, sequence)
  }

  /**
   * Drops whole old segments: those whose events are all older than `limits.ms`, and as many of the oldest as
   * leave at least `limits.bytes`. A call during another one only waits for that one. A failed or closed log
   * drops nothing.
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

  /** Waits for the appends, then closes the files. Running reads still complete. */
  async close(): Promise<void> {
    while (this.#flushing) await this.#flushing
    this.#failed ??= new Error('the log is closed')
    // The caller of `retain` gets its error.
    await Promise.allSettled([this.#retaining])
    for (const segment of this.#segments) segment.close()
    this.#tail.clear()
    await this.#writer.close()
  }

  #deduplicate(entry: Append, producer: PublishingProperties): Append {
    const verdict = this.#producers.checkSequence(producer, entry.events.length)
    if (verdict === 'new') return entry
    // Nothing to store, but the answer must wait for the appends before it.
    const refusal = verdict === 'repeated' ? undefined : verdict
    return { events: [], bytes: 0, settled: (error) => entry.settled(error ?? refusal) }
  }

  async #flush(): Promise<void> {
    // Sends from one socket read are appended in the same turn. Waiting lets them share the first write.
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
   * Returns the last waiting group, or a new one if that is full. Before adding a new group, it encodes the
   * next group to write, while the disk is busy.
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

  /** Encodes the group as the record after the one on disk or being written. */
  #encode({ appends }: Group): EncodedRecord {
    const before = this.#writing?.head
    const position = this.#active.end + (before?.length ?? 0)
    const sequence = before ? before.sequence + before.count : this.#last.sequence + 1
    // A clock that is set back must not break the order of enqueued times.
    const time = Math.max(Date.now(), before?.time ?? this.#last.time)
    return encodeRecord(appends, latestProducers(appends), { position, sequence, time })
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
    const start = { base: sealed.end, before: this.#last, producers: this.#durableProducers.entries() }
    const { segment, writer } = await SegmentWriter.create(this.#folder, start, this.#fast)
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
      // Sync each removal: a power loss must not leave a segment whose successor is gone.
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

/** Returns the state of the group's idempotent producers after its last event. */
function latestProducers(group: readonly Append[]): readonly KnownProducer[] {
  let latest: Map<number, KnownProducer> | undefined
  for (const { producer, events } of group) {
    if (!producer) continue
    latest ??= new Map()
    latest.set(producer.id, { ...producer, sequence: producer.sequence + events.length - 1 })
  }
  return latest ? [...latest.values()] : NO_PRODUCERS
}
