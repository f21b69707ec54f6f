import { crc32 } from 'node:zlib'

// One record holds what one write made durable:
//   magic u32 | crc32 u32 of all that follows | payload length u32 | events u32 | first sequence u64 | time u64 | payload
// and its payload is, for every event, length u32 | bytes. An event's offset is the file position of its length.

const MAGIC = 0x544d4c31 // 'TML1'
const MAGIC_BYTES = Buffer.from('TML1')
const CHECKED_FROM = 8
export const RECORD_HEADER = 32
/** No write is larger; a longer length is a damaged one. */
export const MAX_RECORD = 64 * 1024 * 1024

export interface RecordHead {
  readonly position: number
  /** Of header and payload. */
  readonly length: number
  readonly count: number
  readonly sequence: number
  /** Enqueued time of its events, in milliseconds since 1970. */
  readonly time: number
}

/** An event as it stands in the log. */
export interface LogEvent {
  readonly sequence: number
  readonly offset: number
  readonly time: number
  readonly bytes: Buffer
}

export function encodeRecord(events: readonly Buffer[], sequence: number, time: number): Buffer {
  const payload = events.reduce((sum, event) => sum + 4 + event.length, 0)
  const record = Buffer.allocUnsafe(RECORD_HEADER + payload)
  record.writeUInt32BE(MAGIC, 0)
  record.writeUInt32BE(payload, 8)
  record.writeUInt32BE(events.length, 12)
  record.writeBigUInt64BE(BigInt(sequence), 16)
  record.writeBigUInt64BE(BigInt(time), 24)
  let at = RECORD_HEADER
  for (const event of events) {
    record.writeUInt32BE(event.length, at)
    at += 4 + event.copy(record, at + 4)
  }
  record.writeUInt32BE(crc32(record.subarray(CHECKED_FROM)), 4)
  return record
}

/** The head of the record at `at` of a buffer; undefined when the bytes there are too few or no record's. */
export function readHead(buffer: Buffer, at: number, position: number): RecordHead | undefined {
  if (buffer.length - at < RECORD_HEADER || buffer.readUInt32BE(at) !== MAGIC) return undefined
  const length = RECORD_HEADER + buffer.readUInt32BE(at + 8)
  if (length > MAX_RECORD) return undefined
  return {
    position,
    length,
    count: buffer.readUInt32BE(at + 12),
    sequence: Number(buffer.readBigUInt64BE(at + 16)),
    time: Number(buffer.readBigUInt64BE(at + 24)),
  }
}

/** Whether a whole record's bytes are those that were written. */
export function isIntact(record: Buffer): boolean {
  return crc32(record.subarray(CHECKED_FROM)) === record.readUInt32BE(4)
}

/** Adds the events of the record at `at` to `events`; their bytes are views of `buffer`. */
export function readEvents(buffer: Buffer, at: number, head: RecordHead, events: LogEvent[]): void {
  let next = at + RECORD_HEADER
  for (let i = 0; i < head.count; i++) {
    const length = buffer.readUInt32BE(next)
    const bytes = buffer.subarray(next + 4, next + 4 + length)
    events.push({ sequence: head.sequence + i, offset: head.position + next - at, time: head.time, bytes })
    next += 4 + length
  }
}

/** The next place at or after `from` where a record could start; -1 when there is none. */
export function findMagic(buffer: Buffer, from: number): number {
  return buffer.indexOf(MAGIC_BYTES, from)
}
