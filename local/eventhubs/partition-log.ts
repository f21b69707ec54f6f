import { type FileHandle, open } from 'node:fs/promises'
import { encodeRecord, type LogEvent, type RecordHead, readEvents, readHead } from './log-record.ts'
import { recover } from './log-recovery.ts'
import type { StartPosition } from './start-position.ts'

export type { LogEvent } from './log-record.ts'

const READ_BLOCK = 256 * 1024
const INDEX_SPACING = 64 * 1024
const TAIL_LIMIT = 2 * 1024 * 1024
/** What one sync may carry; more waits for the next, so that a record stays small enough to be read whole. */
const GROUP_LIMIT = 1024 * 1024

/** What a partition holds. `lastSequence`, `lastOffset` are -1 and `lastTime` is 0 while it is empty. */
export interface LogInfo {
  readonly beginSequence: number
  readonly lastSequence: number
  readonly lastOffset: number
  readonly lastTime: number
}

/** Events of some whole records, and the position of the record after them. */
export interface LogChunk {
  readonly events: readonly LogEvent[]
  readonly next: number
}

interface Waiting {
  readonly events: readonly Buffer[]
  readonly bytes: number
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/**
 * The append file of one partition: every event acknowledged, in order, for ever. Appends that arrive while a sync runs share
 * the next one; an event becomes readable when it is on disk.
 */
export class PartitionLog {
  readonly #file: FileHandle
  /** One entry per 64 KiB: the records in between are found by reading on. */
  readonly #index: RecordHead[] = []
  /** The newest records, so that live consumers need no disk. */
  readonly #tail: { readonly position: number; readonly record: Buffer }[] = []
  #tailBytes = 0
  /** Position after the last durable record. */
  #end = 0
  #info: LogInfo = { beginSequence: 0, lastSequence: -1, lastOffset: -1, lastTime: 0 }
  #waiting: Waiting[] = []
  #flushing: Promise<void> | undefined
  #failed: Error | undefined
  readonly #listeners = new Set<() => void>()

  private constructor(file: FileHandle) {
    this.#file = file
  }

  /**
   * Opens the log at `path`, or creates it, and recovers it.
   * @throws StartError when it is damaged before its tail.
   */
  static async open(path: string): Promise<PartitionLog> {
    const file = await open(path, 'a+', 0o600)
    try {
      const log = new PartitionLog(file)
      let last: RecordHead | undefined
      log.#end = await recover(file, path, (head) => {
        log.#indexRecord(head)
        last = head
      })
      if (last) {
        const { events } = await log.#readFile(last.position)
        log.#advance(events)
      }
      return log
    } catch (error) {
      await file.close()
      throw error
    }
  }

  get info(): LogInfo {
    return this.#info
  }

  /**
   * Stores events together, in order and next to each other; settles when they are on disk.
   * @throws when they could not be written. The log then takes nothing more until it is opened again: after a failed sync no
   * one knows which pages reached the disk.
   */
  append(events: readonly Buffer[]): Promise<void> {
    const bytes = events.reduce((sum, event) => sum + event.length, 0)
    return new Promise((resolve, reject) => {
      this.#waiting.push({ events, bytes, resolve, reject })
      this.#flushing ??= this.#flush()
    })
  }

  /** Calls `listener` after every append that became readable, until the returned function is called. */
  onAppend(listener: () => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** The position of a record at or before the first event of `start`; events before it are to be skipped. */
  seek(start: StartPosition): number {
    let low = 0
    let high = this.#index.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const head = this.#index[middle] as RecordHead
      if ((start.key === 'offset' ? head.position : head[start.key]) < start.min) low = middle + 1
      else high = middle
    }
    return this.#index[low - 1]?.position ?? 0
  }

  /** The events from the record at `position` on, at least one record's; undefined at the end. At once when in memory. */
  read(position: number): LogChunk | undefined | Promise<LogChunk> {
    if (position >= this.#end) return undefined
    const first = this.#tail[0]
    return first && position >= first.position ? this.#readTail(position) : this.#readFile(position)
  }

  /** Settles when everything appended so far is on disk or has failed. */
  async flushed(): Promise<void> {
    await this.#flushing
  }

  /** Waits for what was appended, then closes the file. */
  async close(): Promise<void> {
    await this.flushed()
    this.#failed ??= new Error('the log is closed')
    await this.#file.close()
  }

  async #flush(): Promise<void> {
    // Sends that came in one read of the socket are appended in the same turn: they share the first sync too.
    await Promise.resolve()
    while (this.#waiting.length > 0) {
      const group = this.#takeGroup()
      try {
        if (this.#failed) throw this.#failed
        await this.#write(group.flatMap(({ events }) => events))
        for (const { resolve } of group) resolve()
      } catch (error) {
        this.#failed ??= error as Error
        for (const { reject } of group) reject(this.#failed)
      }
    }
    this.#flushing = undefined
  }

  #takeGroup(): Waiting[] {
    let bytes = 0
    let count = 0
    for (const waiting of this.#waiting) {
      bytes += waiting.bytes
      if (count > 0 && bytes > GROUP_LIMIT) break
      count++
    }
    return this.#waiting.splice(0, count)
  }

  async #write(events: readonly Buffer[]): Promise<void> {
    const sequence = this.#info.lastSequence + 1
    // A clock that was set back must not break the order of enqueued times.
    const time = Math.max(Date.now(), this.#info.lastTime)
    const record = encodeRecord(events, sequence, time)
    for (let at = 0; at < record.length; ) at += (await this.#file.write(record, at)).bytesWritten
    await this.#file.datasync()
    const position = this.#end
    this.#end += record.length
    const head = { position, length: record.length, count: events.length, sequence, time }
    this.#indexRecord(head)
    this.#remember(position, record)
    const stored: LogEvent[] = []
    readEvents(record, 0, head, stored)
    this.#advance(stored)
    for (const listener of this.#listeners) listener()
  }

  #indexRecord(head: RecordHead): void {
    const last = this.#index.at(-1)
    if (!last || head.position - last.position >= INDEX_SPACING) this.#index.push(head)
  }

  #remember(position: number, record: Buffer): void {
    this.#tail.push({ position, record })
    this.#tailBytes += record.length
    while (this.#tailBytes > TAIL_LIMIT) this.#tailBytes -= this.#tail.shift()?.record.length ?? 0
  }

  #advance(events: readonly LogEvent[]): void {
    const last = events.at(-1)
    if (!last) return
    this.#info = {
      beginSequence: 0,
      lastSequence: last.sequence,
      lastOffset: last.offset,
      lastTime: last.time,
    }
  }

  #readTail(position: number): LogChunk {
    const events: LogEvent[] = []
    let next = position
    let low = 0
    let high = this.#tail.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#tail[middle]?.position ?? 0) < position) low = middle + 1
      else high = middle
    }
    for (let i = low; i < this.#tail.length && next - position < READ_BLOCK; i++) {
      const record = this.#tail[i]?.record
      const head = record && readHead(record, 0, next)
      if (!head) break
      readEvents(record, 0, head, events)
      next += head.length
    }
    return { events, next }
  }

  async #readFile(position: number): Promise<LogChunk> {
    const end = this.#end
    let block = await this.#pread(position, Math.min(READ_BLOCK, end - position))
    const first = readHead(block, 0, position)
    if (!first) throw new Error(`no record at byte ${position}`)
    if (first.length > block.length) block = await this.#pread(position, first.length)
    const events: LogEvent[] = []
    let at = 0
    for (;;) {
      const head = readHead(block, at, position + at)
      if (!head || at + head.length > block.length) return { events, next: position + at }
      readEvents(block, at, head, events)
      at += head.length
    }
  }

  async #pread(position: number, length: number): Promise<Buffer> {
    const buffer = Buffer.allocUnsafe(length)
    let read = 0
    while (read < length) {
      const { bytesRead } = await this.#file.read(buffer, read, length - read, position + read)
      if (bytesRead === 0) throw new Error(`the log ends before byte ${position + length}`)
      read += bytesRead
    }
    return buffer
  }
}
