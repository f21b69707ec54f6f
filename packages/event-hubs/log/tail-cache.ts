import type { LogChunk } from './log-record.ts'

/** Memory of a record besides its bytes. Without it, many small records would exceed the limit. */
const OVERHEAD = 256

/** A queue that removes its front without moving the rest, unlike an array. */
class Fifo<T> {
  #items: (T | undefined)[] = []
  #head = 0

  get length(): number {
    return this.#items.length - this.#head
  }

  at(index: number): T | undefined {
    return this.#items[this.#head + index]
  }

  push(item: T): void {
    this.#items.push(item)
  }

  shift(): T | undefined {
    const item = this.#items[this.#head]
    this.#items[this.#head++] = undefined
    if (this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return item
  }
}

/**
 * Keeps the newest records of many logs in memory, so that live consumers need no disk reads. It drops the
 * oldest record of all logs first.
 */
export class TailCache {
  readonly #limit: number
  #bytes = 0
  /** The logs of all records, in the order of adding. The first log's oldest record is dropped next. */
  readonly #order = new Fifo<LogTail>()

  constructor(limitBytes: number) {
    this.#limit = limitBytes
  }

  added(tail: LogTail, bytes: number): void {
    this.#bytes += bytes
    this.#order.push(tail)
    while (this.#bytes > this.#limit) this.#order.shift()?.dropOldest()
  }

  removed(bytes: number): void {
    this.#bytes -= bytes
  }
}

/** The newest records of one log, without gaps. */
export class LogTail {
  readonly #cache: TailCache
  readonly #records = new Fifo<LogChunk>()

  constructor(cache: TailCache) {
    this.#cache = cache
  }

  add(record: LogChunk): void {
    this.#records.push(record)
    this.#cache.added(this, record.bytes.length + OVERHEAD)
  }

  /** Returns the record that starts at `position`; undefined if it is not in memory. */
  at(position: number): LogChunk | undefined {
    let low = 0
    let high = this.#records.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.#records.at(middle)?.position ?? 0) < position) low = middle + 1
      else high = middle
    }
    const record = this.#records.at(low)
    return record?.position === position ? record : undefined
  }

  dropOldest(): void {
    const record = this.#records.shift()
    if (record) this.#cache.removed(record.bytes.length + OVERHEAD)
  }

  clear(): void {
    while (this.#records.length > 0) this.dropOldest()
  }
}
