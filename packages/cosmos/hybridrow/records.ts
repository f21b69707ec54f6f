import { crc32 } from 'node:zlib'
import { badRequest } from '../api/failure.ts'
import { Reader } from './reader.ts'

// Every row begins with its version and its schema's number. https://github.com/microsoft/HybridRow,
// SystemSchemas/SystemSchema.json
const VERSION = 0x81
const HEADER_BYTES = 5
const SEGMENT = 0x7fffd8f0
const RECORD = 0x7fffd8f1
const HAS_LENGTH = 0x01
const SEGMENT_BYTES = HEADER_BYTES + 1 + 4

/** Whether a body is HybridRow. JSON never begins with this byte. */
export const isHybridRow = (body: Buffer): boolean => body[0] === VERSION

/**
 * Reads the rows of a stream of records, and checks their checksums. Skips the content of segments.
 * @throws Failure 400
 */
export function readRecords(body: Buffer): readonly Reader[] {
  const reader = new Reader(body)
  const rows: Reader[] = []
  while (!reader.done) {
    const schema = readHeader(reader)
    if (schema === SEGMENT) readSegment(reader)
    else if (schema === RECORD) rows.push(new Reader(readRecord(reader)))
    else throw badRequest(`the HybridRow has a record of the schema ${schema}`)
  }
  return rows
}

/** @returns the number of the row's schema. */
export function readHeader(reader: Reader): number {
  const version = reader.uint8()
  if (version !== VERSION) throw badRequest(`the HybridRow has the version ${version}`)
  return reader.uint32()
}

function readSegment(reader: Reader): void {
  if ((reader.uint8() & HAS_LENGTH) === 0) throw badRequest('the HybridRow has a segment without a length')
  const length = reader.int32()
  if (length < SEGMENT_BYTES) throw badRequest('the HybridRow has a segment that is shorter than its header')
  reader.bytes(length - SEGMENT_BYTES)
}

function readRecord(reader: Reader): Buffer {
  const length = reader.int32()
  const checksum = reader.uint32()
  const row = reader.bytes(length)
  if (crc32(row) !== checksum) throw badRequest('the HybridRow has a record with a wrong checksum')
  return row
}

export function writeRecords(rows: readonly Buffer[]): Buffer {
  const segment = Buffer.concat([rowHeader(SEGMENT), Buffer.of(HAS_LENGTH), int32(SEGMENT_BYTES)])
  const records = rows.flatMap((row) => [rowHeader(RECORD), int32(row.length), uint32(crc32(row)), row])
  return Buffer.concat([segment, ...records])
}

export function rowHeader(schema: number): Buffer {
  return Buffer.concat([Buffer.of(VERSION), uint32(schema)])
}

export function int32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32LE(value)
  return bytes
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}
