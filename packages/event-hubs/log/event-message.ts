import {
  byteAt,
  checkedEnd,
  DecodeError,
  eachMapEntry,
  integerAt,
  SECTION,
  sectionValue,
  textAt,
  valueEnd,
} from '../amqp/encoding.ts'
import { writeInt64 } from '../amqp/int64.ts'
import type { LogInfo } from './log-info.ts'

/** `message-format` of a transfer whose data sections are whole messages. The SDKs send every event this way. */
export const BATCH_FORMAT = 0x80013700

const PARTITION_KEY = 'x-opt-partition-key'
const PRODUCER_ID = 'com.microsoft:producer-id'
const PRODUCER_EPOCH = 'com.microsoft:producer-epoch'
const PRODUCER_SEQUENCE = 'com.microsoft:producer-sequence-number'

/** Annotations that only the service sets. */
const RESERVED = new Set(['x-opt-sequence-number', 'x-opt-offset', 'x-opt-enqueued-time', 'x-opt-partition-id'])

/**
 * One checked event of a producer, and where the service's annotations go. The buffers are views of the
 * transfer's bytes.
 */
export interface PublishedEvent {
  readonly bytes: Buffer
  readonly start: number
  /** End of the message's header section; `start` if it has none. */
  readonly headerEnd: number
  /** The producer's annotations to store: encoded keys and values. */
  readonly annotations: Buffer
  readonly pairs: number
  /** Start of the sections after the annotations. */
  readonly rest: number
  readonly end: number
}

/** The numbers with which an idempotent producer marks its events. */
export interface PublishingProperties {
  readonly id: number
  readonly epoch: number
  /** Of the first event. */
  readonly sequence: number
}

/** The content of one transfer of a producer. */
interface PublishedBatch {
  readonly partitionKey: string | undefined
  readonly producer: PublishingProperties | undefined
  readonly events: readonly PublishedEvent[]
}

const NOTHING = Buffer.alloc(0)

/**
 * Reads a producer's transfer. It checks every part, but decodes only the annotations.
 * @throws DecodeError if the payload is not an AMQP message.
 */
export function readPublished(payload: Buffer, format: number): PublishedBatch {
  if (format === BATCH_FORMAT) return readBatch(payload)
  const { event, said: parsed } = readEvent(payload, 0, payload.length, undefined)
  return { partitionKey: parsed?.partitionKey, producer: parsed?.producer, events: [event] }
}

function readBatch(payload: Buffer): PublishedBatch {
  const events: PublishedEvent[] = []
  let parsed: Annotations | undefined
  let first: Annotations | undefined
  let key: Buffer | undefined
  for (let at = 0, last = 0; at < payload.length; ) {
    const value = sectionValue(payload, at)
    const code = sectionCode(payload, value, last)
    const isData = code === SECTION.data
    const end = isData ? valueEnd(payload, value, payload.length) : checkedEnd(payload, value, payload.length)
    if (code === SECTION.messageAnnotations) {
      parsed = new Annotations(payload, value)
      key = parsed.partitionKey === undefined ? undefined : encodeKey(parsed.partitionKey)
    } else if (isData) {
      const read = readEvent(payload, binaryStart(payload, value), end, key)
      if (events.length === 0) first = read.said
      events.push(read.event)
    }
    last = code
    at = end
  }
  if (events.length === 0) throw new DecodeError('a batch holds no event')
  // The JavaScript SDK puts the first event's numbers on the batch; the .NET SDK numbers only the events.
  return { partitionKey: parsed?.partitionKey, producer: parsed?.producer ?? first?.producer, events }
}

const encodeKey = (key: string): Buffer => Buffer.concat([encodeSymbol(PARTITION_KEY), encodeString(key)])

function sectionCode(bytes: Buffer, value: number, last: number): number {
  const code = byteAt(bytes, value - 1)
  if (code < SECTION.header || code > SECTION.footer || code < last) throw new DecodeError('sections are out of order')
  if (code === last && code !== SECTION.data && code !== SECTION.sequence)
    throw new DecodeError('a section occurs twice')
  return code
}

function binaryStart(bytes: Buffer, at: number): number {
  const code = byteAt(bytes, at)
  if (code === 0xa0) return at + 2
  if (code === 0xb0) return at + 5
  throw new DecodeError('a data section holds no binary')
}

/** @param key the batch's partition key as an encoded annotation, which replaces the event's own. */
function readEvent(
  bytes: Buffer,
  start: number,
  end: number,
  key: Buffer | undefined,
): { readonly event: PublishedEvent; readonly said: Annotations | undefined } {
  let headerEnd = start
  let rest = end
  let hasBody = false
  let parsed: Annotations | undefined
  for (let at = start, last = 0; at < end; ) {
    const value = sectionValue(bytes, at)
    const code = sectionCode(bytes, value, last)
    const next = code === SECTION.data ? valueEnd(bytes, value, end) : checkedEnd(bytes, value, end)
    if (code === SECTION.header) headerEnd = next
    else if (code === SECTION.messageAnnotations) parsed = new Annotations(bytes, value)
    else if (code > SECTION.messageAnnotations && rest === end) rest = at
    if (code === SECTION.data) binaryStart(bytes, value)
    hasBody ||= code >= SECTION.data && code < SECTION.footer
    last = code
    at = next
  }
  if (!hasBody) throw new DecodeError('a message has no body')
  const kept = parsed?.listKept(key) ?? (key ? [key] : [])
  const annotations = kept.length > 1 ? Buffer.concat(kept) : (kept[0] ?? NOTHING)
  return { event: { bytes, start, headerEnd, annotations, pairs: kept.length, rest, end }, said: parsed }
}

/** The decoded annotations of a message, and those to store. */
class Annotations {
  partitionKey: string | undefined
  #id: number | undefined
  #epoch: number | undefined
  #sequence: number | undefined
  readonly #own: Buffer[] = []
  #ownKey: Buffer | undefined

  /** @param at start of the map. */
  constructor(bytes: Buffer, at: number) {
    eachMapEntry(bytes, at, (keyAt, value, end) => {
      const key = textAt(bytes, keyAt)
      if (key === PARTITION_KEY) {
        this.partitionKey = textAt(bytes, value)
        if (this.partitionKey !== undefined) this.#ownKey = bytes.subarray(keyAt, end)
      } else if (key === PRODUCER_ID) this.#id = integerAt(bytes, value)
      else if (key === PRODUCER_EPOCH) this.#epoch = integerAt(bytes, value)
      else if (key === PRODUCER_SEQUENCE) this.#sequence = integerAt(bytes, value)
      else if (key === undefined || !RESERVED.has(key)) this.#own.push(bytes.subarray(keyAt, end))
    })
  }

  get producer(): PublishingProperties | undefined {
    if (this.#id === undefined || this.#epoch === undefined || this.#sequence === undefined) return undefined
    return { id: this.#id, epoch: this.#epoch, sequence: this.#sequence }
  }

  listKept(batchKey: Buffer | undefined): readonly Buffer[] {
    const key = batchKey ?? this.#ownKey
    return key ? [...this.#own, key] : this.#own
  }
}

const SEQUENCE_KEY = encodeSymbol('x-opt-sequence-number')
const OFFSET_KEY = encodeSymbol('x-opt-offset')
const TIME_KEY = encodeSymbol('x-opt-enqueued-time')
/** Section descriptor, map32 constructor, size and count. */
const MAP_HEAD = 12
const FIXED = MAP_HEAD + SEQUENCE_KEY.length + 9 + OFFSET_KEY.length + 2 + TIME_KEY.length + 9

/** Number of bytes that `writeStored` writes for an event at `offset`. */
export function storedSize(event: PublishedEvent, offset: number): number {
  return (
    event.headerEnd - event.start + FIXED + countDigits(offset) + event.annotations.length + (event.end - event.rest)
  )
}

/** Most bytes that storing adds to an event. */
export const STORED_EXTRA = FIXED + 16

/** Length of the header section of a stored event. Delivery annotations go directly after it. */
export const storedHeader = (event: PublishedEvent): number => event.headerEnd - event.start

/** What the service adds to an event. */
interface Stamp {
  readonly sequence: number
  readonly offset: number
  /** Enqueued time, in milliseconds since 1970. */
  readonly time: number
}

/**
 * Writes the message that all consumers receive: the header, the annotations, and every other byte as sent.
 * The annotations are a map32: the producer's, then sequence number, offset and enqueued time.
 * @returns the position after it.
 */
export function writeStored(
  event: PublishedEvent,
  target: Buffer,
  start: number,
  { sequence, offset, time }: Stamp,
): number {
  let at = start + event.bytes.copy(target, start, event.start, event.headerEnd)
  const text = String(offset)
  const size = FIXED - MAP_HEAD + text.length + event.annotations.length
  at = writeDescriptor(target, at, SECTION.messageAnnotations)
  at = writeMapHead(target, at, size, event.pairs + 3)
  at += event.annotations.copy(target, at)
  at += SEQUENCE_KEY.copy(target, at)
  at = writeLong(target, at, 0x81, sequence)
  at += OFFSET_KEY.copy(target, at)
  target[at++] = 0xa1
  target[at++] = text.length
  at += target.write(text, at, 'latin1')
  at += TIME_KEY.copy(target, at)
  at = writeLong(target, at, 0x83, time)
  return at + event.bytes.copy(target, at, event.rest, event.end)
}

function countDigits(value: number): number {
  let count = 1
  for (let limit = 10; value >= limit; limit *= 10) count++
  return count
}

function writeDescriptor(target: Buffer, at: number, section: number): number {
  target[at] = 0x00
  target[at + 1] = 0x53
  target[at + 2] = section
  return at + 3
}

/** @param size of the pairs, in bytes. */
function writeMapHead(target: Buffer, at: number, size: number, pairs: number): number {
  target[at] = 0xd1
  target.writeUInt32BE(size + 4, at + 1)
  return target.writeUInt32BE(pairs * 2, at + 5)
}

/** Encodes the delivery-annotations section for a receiver with `enable-receiver-runtime-metric`. */
export function encodeMetrics(info: LogInfo, now: number): Buffer {
  const items = [
    encodeSymbol('last_enqueued_sequence_number'),
    encodeLong(0x81, info.lastSequence),
    encodeSymbol('last_enqueued_offset'),
    encodeString(String(info.lastOffset)),
    encodeSymbol('last_enqueued_time_utc'),
    encodeLong(0x83, info.lastTime),
    encodeSymbol('runtime_info_retrieval_time_utc'),
    encodeLong(0x83, now),
  ]
  const content = Buffer.concat(items)
  const head = Buffer.alloc(MAP_HEAD)
  writeMapHead(head, writeDescriptor(head, 0, SECTION.deliveryAnnotations), content.length, 4)
  return Buffer.concat([head, content])
}

function encodeSymbol(text: string): Buffer {
  return Buffer.concat([Buffer.from([0xa3, text.length]), Buffer.from(text, 'latin1')])
}

function encodeString(text: string): Buffer {
  const utf8 = Buffer.from(text, 'utf8')
  if (utf8.length < 256) return Buffer.concat([Buffer.from([0xa1, utf8.length]), utf8])
  const head = Buffer.from([0xb1, 0, 0, 0, 0])
  head.writeUInt32BE(utf8.length, 1)
  return Buffer.concat([head, utf8])
}

function encodeLong(code: number, value: number): Buffer {
  const bytes = Buffer.alloc(9)
  writeLong(bytes, 0, code, value)
  return bytes
}

function writeLong(target: Buffer, at: number, code: number, value: number): number {
  target[at] = code
  writeInt64(target, value, at + 1)
  return at + 9
}
