import { closeSync, openSync, read } from 'node:fs'
import { unlink } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { SparseIndex } from './log-index.ts'
import type { LastEvent } from './log-info.ts'
import { intactLength, type LogChunk, type RecordHead, readHead } from './log-record.ts'
import { giveBlock, takeBlock } from './read-blocks.ts'
import type { SegmentHeader } from './segment-header.ts'
import type { StartPosition } from './start-position.ts'

const SCAN_BLOCK = 2 * 1024 * 1024

const pread = promisify(read)

/** The file of a segment. Its name is the base position, padded so that names sort by position. */
export const segmentPath = (folder: string, base: number): string =>
  join(folder, `${String(base).padStart(20, '0')}.log`)

/** Reads the base position from a file name; undefined if it is not a segment's name. */
export function parseBase(path: string): number | undefined {
  const digits = /^(\d{20})\.log$/.exec(basename(path))?.[1]
  return digits === undefined ? undefined : Number(digits)
}

/**
 * Reads one segment's file, independently of its writer. It opens the file at the first read. It indexes a
 * sealed segment with one scan.
 */
export class Segment {
  readonly path: string
  readonly base: number
  /** Position of the first record. */
  readonly first: number
  /** The log's newest event when the segment began. */
  readonly before: LastEvent
  #end: number
  #index: SparseIndex | undefined
  #scanning: Promise<number> | undefined
  #file: number | undefined
  #users = 0
  #released = false
  #closed = false

  /** @param size of the file in bytes. */
  constructor(path: string, header: SegmentHeader, size: number) {
    this.path = path
    this.base = header.base
    this.first = header.base + header.length
    this.before = header.before
    this.#end = header.base + size
    if (this.isEmpty) this.#index = new SparseIndex()
  }

  /** Position after the last record. */
  get end(): number {
    return this.#end
  }

  /** Size of the file in bytes. */
  get size(): number {
    return this.#end - this.base
  }

  get isEmpty(): boolean {
    return this.#end === this.first
  }

  /** Notes that a record was written at the end. */
  extend(head: RecordHead): void {
    this.#index?.add(this.#end, head)
    this.#end += head.length
  }

  /** Notes that the file was truncated at `position`. */
  cut(position: number): void {
    this.#end = position
  }

  /**
   * Returns the position of a record at or before the first event of `start`, or of the first record if all
   * events are later.
   */
  seek(start: StartPosition): number | Promise<number> {
    if (this.#index) return this.#index.find(start) ?? this.first
    this.#scanning ??= this.scan().finally(() => {
      this.#scanning = undefined
    })
    return this.#scanning.then(() => this.#index?.find(start) ?? this.first)
  }

  /**
   * Reads the records from `position` on, as many as a block holds.
   * @throws Error if the record at `position` is damaged.
   */
  async read(position: number): Promise<LogChunk> {
    const block = takeBlock()
    const bytes = await this.#use((file) => this.#records(file, position, block))
    if (bytes.length === 0)
      throw new Error(
        `${this.path} is damaged at byte ${position - this.base}: the events after this byte cannot be read`,
      )
    return { bytes, position, next: position + bytes.length, done: () => giveBlock(block) }
  }

  /**
   * Reads the whole segment and builds its index.
   * @returns the position after the last record that is undamaged and continues the sequence.
   */
  async scan(visit?: (position: number, head: RecordHead, bytes: Buffer, at: number) => void): Promise<number> {
    return this.#use(async (file) => {
      const index = new SparseIndex()
      const block = Buffer.allocUnsafe(Math.min(SCAN_BLOCK, this.size))
      let sequence = this.before.sequence + 1
      let position = this.first
      for (let last = -1; position !== last; ) {
        last = position
        const bytes = await this.#records(file, position, block)
        for (let at = 0; at < bytes.length; ) {
          const head = readHead(bytes, at)
          if (head?.sequence !== sequence) break
          index.add(position, head)
          visit?.(position, head, bytes, at)
          sequence += head.count
          position += head.length
          at += head.length
        }
      }
      this.#index = index
      return position
    })
  }

  /** Closes the file and drops the index as soon as no read runs. The next read opens and builds them again. */
  release(): void {
    this.#released = true
    if (this.#users === 0) this.#closeFile()
  }

  /** Closes the segment for good. Running reads still complete. */
  close(): void {
    this.#closed = true
    this.release()
  }

  /** Closes the segment and removes its file. */
  async remove(): Promise<void> {
    this.close()
    await unlink(this.path)
  }

  async #use<T>(work: (file: number) => Promise<T>): Promise<T> {
    if (this.#closed) throw new Error(`${this.path} is closed`)
    this.#released = false
    // Open synchronously: if retention removes the file from here on, the read still completes.
    this.#file ??= openSync(this.path, 'r')
    this.#users++
    try {
      return await work(this.#file)
    } finally {
      this.#users--
      if (this.#released && this.#users === 0) this.#closeFile()
    }
  }

  #closeFile(): void {
    if (this.#file !== undefined) closeSync(this.#file)
    this.#file = undefined
    this.#index = undefined
  }

  /**
   * Reads the whole, undamaged records from `position` on, as many as fit in `block`. A larger record gets
   * its own buffer.
   */
  async #records(file: number, position: number, block: Buffer): Promise<Buffer> {
    const left = this.#end - position
    let bytes = await this.#fill(block.subarray(0, left), file, position)
    const length = readHead(bytes, 0)?.length ?? 0
    if (length > bytes.length && length <= left) bytes = await this.#fill(Buffer.allocUnsafe(length), file, position)
    return bytes.subarray(0, intactLength(bytes))
  }

  async #fill(target: Buffer, file: number, position: number): Promise<Buffer> {
    const start = position - this.base
    for (let done = 0; done < target.length; ) {
      const { bytesRead } = await pread(file, target, done, target.length - done, start + done)
      if (bytesRead === 0) throw new Error(`${this.path} ends before byte ${start + target.length}`)
      done += bytesRead
    }
    return target
  }
}
