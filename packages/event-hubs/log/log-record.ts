import { crc32 } from 'node:zlib'
import { readInt64, writeInt64 } from '../amqp/int64.ts'
import { type PublishedEvent, storedHeader, storedSize, writeStored } from './event-message.ts'
import type { KnownProducer } from './producer-table.ts'

// A record holds what one write made durable:
//   magic u32 | crc32 u32 of all that follows | payload length u32 | events u32 | producers u32 |
//   first sequence i64 | time i64 | payload
// The payload holds, for every idempotent producer that published in it, its state after the record:
//   id i64 | epoch i64 | sequence i64
// and then, for every event:
//   length u32 | length of the message's header section u32 | message
// An event's offset is the log's position of its length field.

const MAGIC = 0x544d4c32 // 'TML2'
const MAGIC_BYTES = Buffer.from('TML2')
const CHECKED_FROM = 8
const SEQUENCE_AT = 20
const TIME_AT = 28
export const RECORD_HEADER = 36
export const PRODUCER_BYTES = 24
const EVENT_HEADER = 8
/** No record is larger. A larger length is damage. */
export const MAX_RECORD = 64 * 1024 * 1024

export interface RecordHead {
  /** Length of header and payload, in bytes. */
  readonly length: number
  readonly count: number
  readonly producers: number
  readonly sequence: number
  /** Enqueued time of its events, in milliseconds since 1970. */
  readonly time: number
}

/** Whole records of one segment. The first is at `position` of the log, and `next` is the position after the last. */
export interface LogChunk {
  readonly bytes: Buffer
  readonly position: number
  readonly next: number
  /** Returns the memory of `bytes` for reuse. Without a call, the garbage collector frees it. */
  readonly done?: () => void
}

interface Batch {
  readonly events: readonly PublishedEvent[]
}

export interface EncodedRecord {
  readonly record: Buffer
  readonly head: RecordHead
  /** State of the record's idempotent producers after the record. */
  readonly producers: readonly KnownProducer[]
  /** Offset of the last event. */
  readonly lastOffset: number
}

/** Where a record begins, and when it is stored. */
interface RecordStart {
  readonly position: number
  /** Sequence number of the first event. */
  readonly sequence: number
  /** Enqueued time of its events, in milliseconds since 1970. */
  readonly time: number
}

/** Encodes `batches` as one record of the log. */
export function encodeRecord(
  batches: readonly Batch[],
  producers: readonly KnownProducer[],
  { position, sequence, time }: RecordStart,
): EncodedRecord {
  let size = RECORD_HEADER + producers.length * PRODUCER_BYTES
  let count = 0
  for (const { events } of batches) {
    count += events.length
    for (const event of events) size += EVENT_HEADER + storedSize(event, position + size)
  }
  if (size > MAX_RECORD) throw new RangeError(`a record of ${size} bytes could not be read again`)
  const record = Buffer.allocUnsafe(size)
  record.writeUInt32BE(MAGIC, 0)
  record.writeUInt32BE(size - RECORD_HEADER, 8)
  record.writeUInt32BE(count, 12)
  record.writeUInt32BE(producers.length, 16)
  writeInt64(record, sequence, SEQUENCE_AT)
  writeInt64(record, time, TIME_AT)
  let at = writeProducers(record, producers, RECORD_HEADER)
  let last = at
  let next = sequence
  for (const { events } of batches) {
    for (const event of events) {
      const stamp = { sequence: next++, offset: position + at, time }
      const end = writeStored(event, record, at + EVENT_HEADER, stamp)
      record.writeUInt32BE(end - at - EVENT_HEADER, at)
      record.writeUInt32BE(storedHeader(event), at + 4)
      last = at
      at = end
    }
  }
  record.writeUInt32BE(crc32(record.subarray(CHECKED_FROM)), 4)
  const head = { length: size, count, producers: producers.length, sequence, time }
  return { record, head, producers, lastOffset: position + last }
}

/** Reads the head of the record at `at` of a buffer; undefined if there is no record or it is cut off. */
export function readHead(bytes: Buffer, at: number): RecordHead | undefined {
  if (bytes.length - at < RECORD_HEADER || bytes.readUInt32BE(at) !== MAGIC) return undefined
  const length = RECORD_HEADER + bytes.readUInt32BE(at + 8)
  if (length > MAX_RECORD) return undefined
  return {
    length,
    count: bytes.readUInt32BE(at + 12),
    producers: bytes.readUInt32BE(at + 16),
    sequence: readInt64(bytes, at + SEQUENCE_AT),
    time: readInt64(bytes, at + TIME_AT),
  }
}

/** Returns the length of the whole, undamaged records at the start of `bytes`. */
export function intactLength(bytes: Buffer): number {
  for (let at = 0; ; ) {
    const head = readHead(bytes, at)
    const end = at + (head?.length ?? 0)
    if (!head || end > bytes.length) return at
    if (crc32(bytes.subarray(at + CHECKED_FROM, end)) !== bytes.readUInt32BE(at + 4)) return at
    at = end
  }
}

/** Returns the next place at or after `from` where a record could start; -1 if there is none. */
export function findMagic(bytes: Buffer, from: number): number {
  return bytes.indexOf(MAGIC_BYTES, from)
}

/** Reads the idempotent producers' state from the record at `at`. */
export function recordProducers(bytes: Buffer, at: number, head: RecordHead): KnownProducer[] {
  return readProducers(bytes, at + RECORD_HEADER, head.producers)
}

/** Returns the place of the last event's length field in the record at `at` of a buffer. */
export function lastEventAt(bytes: Buffer, at: number, head: RecordHead): number {
  let last = at + RECORD_HEADER + head.producers * PRODUCER_BYTES
  for (let i = 1; i < head.count; i++) last += EVENT_HEADER + bytes.readUInt32BE(last)
  return last
}

/**
 * Steps through the events of a chunk. The fields describe the current event, and no memory is allocated per
 * event.
 */
export class EventCursor {
  sequence = 0
  offset = 0
  /** Enqueued time, in milliseconds since 1970. */
  time = 0
  /** Start and end of the stored message in the chunk's bytes. */
  start = 0
  end = 0
  /** Where delivery annotations are inserted: after the message's header section. */
  insert = 0
  readonly bytes: Buffer
  readonly #position: number
  #at = 0
  #left = 0

  constructor(chunk: LogChunk) {
    this.bytes = chunk.bytes
    this.#position = chunk.position
  }

  /** Moves to the next event; false if the chunk has no more. */
  next(): boolean {
    if (this.#left === 0 && !this.#enterRecord()) return false
    const at = this.#at
    this.#left--
    this.sequence++
    this.offset = this.#position + at
    this.start = at + EVENT_HEADER
    this.insert = this.start + this.bytes.readUInt32BE(at + 4)
    this.end = this.start + this.bytes.readUInt32BE(at)
    this.#at = this.end
    return true
  }

  #enterRecord(): boolean {
    const at = this.#at
    if (at >= this.bytes.length) return false
    this.#left = this.bytes.readUInt32BE(at + 12)
    this.#at = at + RECORD_HEADER + this.bytes.readUInt32BE(at + 16) * PRODUCER_BYTES
    this.sequence = readInt64(this.bytes, at + SEQUENCE_AT) - 1
    this.time = readInt64(this.bytes, at + TIME_AT)
    return true
  }
}

/** @returns the position after the written producers. */
export function writeProducers(target: Buffer, producers: readonly KnownProducer[], start: number): number {
  let at = start
  for (const { id, epoch, sequence } of producers) {
    writeInt64(target, id, at)
    writeInt64(target, epoch, at + 8)
    writeInt64(target, sequence, at + 16)
    at += PRODUCER_BYTES
  }
  return at
}

export function readProducers(bytes: Buffer, start: number, count: number): KnownProducer[] {
  return Array.from({ length: count }, (_, i) => {
    const at = start + i * PRODUCER_BYTES
    return { id: readInt64(bytes, at), epoch: readInt64(bytes, at + 8), sequence: readInt64(bytes, at + 16) }
  })
}
