import { int32, rowHeader, uint32, writeRecords } from './records.ts'

/** The result of one operation of a batch. */
export interface BatchResult {
  readonly status: number
  readonly substatus?: number
  readonly etag?: string
  /** The item as JSON. */
  readonly body?: Buffer | string
  /** Request units. */
  readonly charge?: number
  readonly retryAfterMs?: number
}

// The layout: azure-cosmos-dotnet-v3, Batch/HybridRowBatchSchemas.json.
const SCHEMA = 0x7fe15471
const HAS = { status: 0x01, substatus: 0x02, etag: 0x04, body: 0x08 }
// A field's type, then its number.
const RETRY_AFTER = Buffer.of(0x0b, 5)
const CHARGE = Buffer.of(0x10, 6)

/**
 * Writes the results of a transactional batch or a bulk request for the .NET SDK, in the order of the
 * operations.
 */
export function encodeBatch(results: readonly BatchResult[]): Buffer {
  return writeRecords(results.map(encodeRow))
}

function encodeRow({ status, substatus, etag, body, charge, retryAfterMs }: BatchResult): Buffer {
  let mask = HAS.status
  const parts = [int32(status), int32(substatus ?? 0)]
  if (substatus !== undefined) mask |= HAS.substatus
  if (etag !== undefined) {
    mask |= HAS.etag
    parts.push(...withLength(Buffer.from(etag)))
  }
  if (body !== undefined) {
    mask |= HAS.body
    parts.push(...withLength(typeof body === 'string' ? Buffer.from(body) : body))
  }
  if (retryAfterMs !== undefined) parts.push(RETRY_AFTER, uint32(retryAfterMs))
  if (charge !== undefined) parts.push(CHARGE, float64(charge))
  return Buffer.concat([rowHeader(SCHEMA), Buffer.of(mask), ...parts])
}

/** Puts the length before the bytes, in groups of seven bits, the lowest first. */
function withLength(bytes: Buffer): [length: Buffer, bytes: Buffer] {
  const groups = []
  let rest = bytes.length
  for (; rest >= 0x80; rest >>>= 7) groups.push((rest & 0x7f) | 0x80)
  return [Buffer.from([...groups, rest]), bytes]
}

function float64(value: number): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeDoubleLE(value)
  return bytes
}
