import { crc32 } from 'node:zlib'
import { readInt64, writeInt64 } from '../amqp/int64.ts'
import type { LastEvent } from './log-info.ts'
import { PRODUCER_BYTES, readProducers, writeProducers } from './log-record.ts'
import { type KnownProducer, PRODUCER_LIMIT } from './producer-table.ts'

// A segment's file starts with:
//   magic u32 | crc32 u32 of all that follows | version u32 | length u32 of the header | base position i64 |
//   the log's newest event before it: sequence i64, offset i64, time i64 | producers u32 | producers as in a record

const MAGIC = 0x544d5331 // 'TMS1'
const VERSION = 1
const CHECKED_FROM = 8
const FIXED = 52
/** Longest header, in bytes. */
export const MAX_HEADER = FIXED + PRODUCER_LIMIT * PRODUCER_BYTES

/** Where a segment begins, and what the log held then. */
export interface SegmentStart {
  /** Position in the log of the file's first byte. */
  readonly base: number
  /** The log's newest event before the segment. */
  readonly before: LastEvent
  /** State of the idempotent producers before the segment. */
  readonly producers: readonly KnownProducer[]
}

/** The header of a segment's file. */
export interface SegmentHeader extends SegmentStart {
  /** Length of the header, in bytes. */
  readonly length: number
}

export function encodeHeader({ base, before, producers }: SegmentStart): Buffer {
  const bytes = Buffer.allocUnsafe(FIXED + producers.length * PRODUCER_BYTES)
  bytes.writeUInt32BE(MAGIC, 0)
  bytes.writeUInt32BE(VERSION, 8)
  bytes.writeUInt32BE(bytes.length, 12)
  writeInt64(bytes, base, 16)
  writeInt64(bytes, before.sequence, 24)
  writeInt64(bytes, before.offset, 32)
  writeInt64(bytes, before.time, 40)
  bytes.writeUInt32BE(producers.length, 48)
  writeProducers(bytes, producers, FIXED)
  bytes.writeUInt32BE(crc32(bytes.subarray(CHECKED_FROM)), 4)
  return bytes
}

/**
 * Reads the header at the start of a file's bytes.
 * @returns undefined if it is torn or damaged; a number if it has another version, which is that number.
 */
export function decodeHeader(bytes: Buffer): SegmentHeader | number | undefined {
  if (bytes.length < FIXED || bytes.readUInt32BE(0) !== MAGIC) return undefined
  const length = bytes.readUInt32BE(12)
  if (length < FIXED || length > bytes.length) return undefined
  if (crc32(bytes.subarray(CHECKED_FROM, length)) !== bytes.readUInt32BE(4)) return undefined
  const version = bytes.readUInt32BE(8)
  if (version !== VERSION) return version
  return {
    base: readInt64(bytes, 16),
    length,
    before: { sequence: readInt64(bytes, 24), offset: readInt64(bytes, 32), time: readInt64(bytes, 40) },
    producers: readProducers(bytes, FIXED, bytes.readUInt32BE(48)),
  }
}
