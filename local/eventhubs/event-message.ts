import { binaryAt, DecodeError, mapEntries, SECTION, sections, textAt, valueEnd } from './amqp-encoding.ts'
import type { LogEvent, LogInfo } from './partition-log.ts'

/** `message-format` of a transfer whose data sections are whole messages: how the SDKs send every event. */
export const BATCH_FORMAT = 0x80013700

/** Annotations that only the service may set, and the partition key, which is written anew. */
const RESERVED = new Set([
  'x-opt-sequence-number',
  'x-opt-offset',
  'x-opt-enqueued-time',
  'x-opt-partition-id',
  'x-opt-partition-key',
])

/** What one transfer of a producer asks to store. */
export interface Published {
  readonly partitionKey: string | undefined
  /** Each an encoded message, ready for `encodeDelivery`. */
  readonly events: readonly Buffer[]
}

/**
 * Reads a producer's transfer.
 * @throws DecodeError when it is no AMQP message.
 */
export function decodePublished(payload: Buffer, format: number): Published {
  const key = partitionKeyOf(payload)
  if (format !== BATCH_FORMAT) return { partitionKey: key, events: [storedForm(payload, key)] }
  const events: Buffer[] = []
  for (const section of sections(payload)) {
    if (section.code === SECTION.data) events.push(storedForm(binaryAt(payload, section.value), key))
  }
  if (events.length === 0) throw new DecodeError('a batch holds no event')
  return { partitionKey: key, events }
}

function partitionKeyOf(message: Buffer): string | undefined {
  for (const section of sections(message)) {
    if (section.code !== SECTION.messageAnnotations) continue
    const entry = mapEntries(message, section.value).find(({ key }) => key === 'x-opt-partition-key')
    return entry && textAt(message, entry.value)
  }
  return undefined
}

/**
 * A message as it is stored: header, message annotations as a map32 (always there, so that a delivery only appends to it), and
 * every other byte as the producer sent it.
 */
function storedForm(message: Buffer, partitionKey: string | undefined): Buffer {
  const items: Buffer[] = []
  let header: Buffer = Buffer.alloc(0)
  let rest = message.length
  let hasBody = false
  let key = partitionKey
  for (const section of sections(message)) {
    if (section.code === SECTION.header) header = message.subarray(section.start, section.end)
    else if (section.code === SECTION.messageAnnotations) {
      for (const entry of mapEntries(message, section.value)) {
        if (entry.key === 'x-opt-partition-key') key ??= textAt(message, entry.value)
        if (entry.key === undefined || !RESERVED.has(entry.key)) items.push(entry.bytes)
      }
    } else if (section.code > SECTION.messageAnnotations) rest = Math.min(rest, section.start)
    hasBody ||= section.code >= SECTION.data && section.code < SECTION.footer
  }
  if (!hasBody) throw new DecodeError('a message has no body')
  if (key !== undefined) items.push(symbol('x-opt-partition-key'), string(key))
  const pairs = items.length - (key === undefined ? 0 : 1)
  return Buffer.concat([header, annotationsHead(items, pairs), ...items, message.subarray(rest)])
}

function annotationsHead(items: readonly Buffer[], pairs: number): Buffer {
  const head = Buffer.from([0x00, 0x53, SECTION.messageAnnotations, 0xd1, 0, 0, 0, 0, 0, 0, 0, 0])
  head.writeUInt32BE(
    items.reduce((sum, item) => sum + item.length, 4),
    4,
  )
  head.writeUInt32BE(pairs * 2, 8)
  return head
}

const SEQUENCE_KEY = symbol('x-opt-sequence-number')
const OFFSET_KEY = symbol('x-opt-offset')
const TIME_KEY = symbol('x-opt-enqueued-time')

/**
 * The message a consumer gets: the stored one with its sequence number, offset and enqueued time, and before them, when it
 * asked for runtime metrics, what its partition holds now.
 */
export function encodeDelivery(event: LogEvent, metrics: Buffer | undefined): Buffer {
  const { bytes } = event
  const annotations = bytes[2] === SECTION.header ? valueEnd(bytes, 3) : 0
  const size = bytes.readUInt32BE(annotations + 4)
  const items = annotations + 12
  const rest = annotations + 8 + size
  const offset = String(event.offset)
  const added = SEQUENCE_KEY.length + 9 + OFFSET_KEY.length + 2 + offset.length + TIME_KEY.length + 9
  const before = metrics?.length ?? 0
  const message = Buffer.allocUnsafe(bytes.length + added + before)
  let at = bytes.copy(message, 0, 0, annotations)
  if (metrics) at += metrics.copy(message, at)
  at += bytes.copy(message, at, annotations, items)
  message.writeUInt32BE(size + added, at - 8)
  message.writeUInt32BE(bytes.readUInt32BE(annotations + 8) + 6, at - 4)
  at += bytes.copy(message, at, items, rest)
  at += SEQUENCE_KEY.copy(message, at)
  at = writeLong(message, at, 0x81, event.sequence)
  at += OFFSET_KEY.copy(message, at)
  message[at++] = 0xa1
  message[at++] = offset.length
  at += message.write(offset, at, 'latin1')
  at += TIME_KEY.copy(message, at)
  at = writeLong(message, at, 0x83, event.time)
  bytes.copy(message, at, rest)
  return message
}

/** The delivery-annotations section of a receiver that asked for `enable-receiver-runtime-metric`. */
export function encodeMetrics(info: LogInfo, now: number): Buffer {
  const items = [
    symbol('last_enqueued_sequence_number'),
    long(0x81, info.lastSequence),
    symbol('last_enqueued_offset'),
    string(String(info.lastOffset)),
    symbol('last_enqueued_time_utc'),
    long(0x83, info.lastTime),
    symbol('runtime_info_retrieval_time_utc'),
    long(0x83, now),
  ]
  const head = annotationsHead(items, 4)
  head[2] = SECTION.deliveryAnnotations
  return Buffer.concat([head, ...items])
}

function symbol(text: string): Buffer {
  return Buffer.concat([Buffer.from([0xa3, text.length]), Buffer.from(text, 'latin1')])
}

function string(text: string): Buffer {
  const utf8 = Buffer.from(text, 'utf8')
  if (utf8.length < 256) return Buffer.concat([Buffer.from([0xa1, utf8.length]), utf8])
  const head = Buffer.from([0xb1, 0, 0, 0, 0])
  head.writeUInt32BE(utf8.length, 1)
  return Buffer.concat([head, utf8])
}

function long(code: number, value: number): Buffer {
  const bytes = Buffer.alloc(9)
  writeLong(bytes, 0, code, value)
  return bytes
}

function writeLong(target: Buffer, at: number, code: number, value: number): number {
  target[at] = code
  // Two halves: twice as fast as a BigInt on a path taken three times an event.
  target.writeInt32BE(Math.floor(value / 0x1_0000_0000), at + 1)
  target.writeUInt32BE(value >>> 0, at + 5)
  return at + 9
}
