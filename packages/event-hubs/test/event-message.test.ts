import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DecodeError } from '../amqp/encoding.ts'
import {
  BATCH_FORMAT,
  encodeMetrics,
  type PublishedEvent,
  readPublished,
  storedHeader,
  storedSize,
  writeStored,
} from '../log/event-message.ts'
import {
  bool,
  type Described,
  dataSection,
  described,
  int,
  list,
  long,
  map,
  readValue,
  symbol,
  text,
} from './amqp-wire.ts'

const HEADER = described(0x70, list(bool(true)))
const PROPERTIES = described(0x73, list(text('m-1')))
const FOOTER = described(0x78, map())
const BODY = dataSection(Buffer.from('body'))
const deliveryAnnotations = (...items: Buffer[]): Buffer => described(0x71, map(...items))
const annotations = (...items: Buffer[]): Buffer => described(0x72, map(...items))
const key = (value: string): Buffer[] => [symbol('x-opt-partition-key'), text(value)]
const marks = (id: number, epoch: number, sequence: number): Buffer[] => [
  ...[symbol('com.microsoft:producer-id'), long(id)],
  ...[symbol('com.microsoft:producer-epoch'), int(epoch)],
  ...[symbol('com.microsoft:producer-sequence-number'), int(sequence)],
]
const STAMP = { sequence: 7, offset: 4096, time: 99 }
/** The service's annotations, for `STAMP`. */
const OWN = ['x-opt-sequence-number', 7, 'x-opt-offset', '4096', 'x-opt-enqueued-time', 99]

/** Returns the sections of the stored message: code and value of each. */
function storedSections(event: PublishedEvent): readonly (readonly [code: unknown, value: unknown])[] {
  const target = Buffer.alloc(storedSize(event, STAMP.offset) + 10)
  const end = writeStored(event, target, 5, STAMP)
  assert.equal(end - 5, storedSize(event, STAMP.offset))
  return sections(target.subarray(5, end))
}

function sections(bytes: Buffer): readonly (readonly [code: unknown, value: unknown])[] {
  const found: (readonly [unknown, unknown])[] = []
  for (let at = 0; at < bytes.length; ) {
    const { value, end } = readValue(bytes, at)
    found.push([(value as Described).descriptor, (value as Described).value])
    at = end
  }
  return found
}

function only(payload: Buffer, format = 0): PublishedEvent {
  const { events } = readPublished(payload, format)
  assert.equal(events.length, 1)
  return events[0] as PublishedEvent
}

const batch = (head: Buffer, ...events: Buffer[]): Buffer => Buffer.concat([head, ...events.map(dataSection)])

for (const [what, payload] of [
  ['nothing', Buffer.alloc(0)],
  ['a message without a body', Buffer.concat([HEADER, PROPERTIES, FOOTER])],
  ['annotations after the properties', Buffer.concat([PROPERTIES, annotations(), BODY])],
  ['two headers', Buffer.concat([HEADER, HEADER, BODY])],
  ['repeated annotations', Buffer.concat([annotations(), annotations(), BODY])],
  ['an unknown section', Buffer.concat([described(0x79, map()), BODY])],
  ['a data section of text', described(0x75, text('body'))],
] as const)
  test(`refuses ${what}, alone and in a batch (AMQP 1.0 part 3, 3.2)`, () => {
    assert.throws(() => readPublished(payload, 0), DecodeError)
    assert.throws(() => readPublished(batch(annotations(), payload), BATCH_FORMAT), DecodeError)
    assert.throws(() => readPublished(batch(annotations(), BODY, payload), BATCH_FORMAT), DecodeError)
  })

test('refuses a batch without events, and a batch whose sections are out of order', () => {
  assert.throws(() => readPublished(annotations(), BATCH_FORMAT), DecodeError)
  assert.throws(() => readPublished(Buffer.concat([dataSection(BODY), annotations()]), BATCH_FORMAT), DecodeError)
})

test('drops annotations that only the service may set, and keeps all others', () => {
  const forged = ['x-opt-sequence-number', 'x-opt-offset', 'x-opt-enqueued-time', 'x-opt-partition-id']
  const items = forged.flatMap((name) => [symbol(name), text('forged')])
  const sent = Buffer.concat([annotations(symbol('x-opt-mine'), text('kept'), ...items), BODY])
  for (const event of [only(sent), only(batch(annotations(), sent), BATCH_FORMAT)])
    assert.deepEqual(storedSections(event), [
      [0x72, ['x-opt-mine', 'kept', ...OWN]],
      [0x75, Buffer.from('body')],
    ])
})

test('does not pass the numbers of an idempotent producer to consumers', () => {
  const event = only(Buffer.concat([annotations(...marks(1, 2, 3)), BODY]))
  assert.deepEqual(storedSections(event)[0], [0x72, OWN])
})

test('drops delivery annotations and keeps every other section', () => {
  const sent = Buffer.concat([
    HEADER,
    deliveryAnnotations(symbol('secret'), text('x')),
    annotations(symbol('x-opt-mine'), text('kept')),
    PROPERTIES,
    BODY,
    FOOTER,
  ])
  assert.deepEqual(storedSections(only(sent)), [
    [0x70, [true]],
    [0x72, ['x-opt-mine', 'kept', ...OWN]],
    [0x73, ['m-1']],
    [0x75, Buffer.from('body')],
    [0x78, []],
  ])
  const bare = Buffer.concat([deliveryAnnotations(symbol('secret'), text('x')), BODY])
  assert.deepEqual(storedSections(only(bare)), [
    [0x72, OWN],
    [0x75, Buffer.from('body')],
  ])
})

test("inserts a receiver's runtime metrics between header and annotations (AMQP 1.0 part 3, 3.2)", () => {
  const info = { beginSequence: 0, lastSequence: 12, lastOffset: 8192, lastTime: 77, bytes: 1 }
  for (const [sent, codes] of [
    [Buffer.concat([HEADER, BODY]), [0x70, 0x71, 0x72, 0x75]],
    [BODY, [0x71, 0x72, 0x75]],
  ] as const) {
    const event = only(sent)
    const target = Buffer.alloc(storedSize(event, STAMP.offset))
    writeStored(event, target, 0, STAMP)
    const at = storedHeader(event)
    const whole = sections(Buffer.concat([target.subarray(0, at), encodeMetrics(info, 100), target.subarray(at)]))
    assert.deepEqual(
      whole.map(([code]) => code),
      codes,
    )
    assert.deepEqual(whole.find(([code]) => code === 0x71)?.[1], [
      ...['last_enqueued_sequence_number', 12, 'last_enqueued_offset', '8192'],
      ...['last_enqueued_time_utc', 77, 'runtime_info_retrieval_time_utc', 100],
    ])
  }
})

test('accepts a body of several data or sequence sections (AMQP 1.0 part 3, 3.2)', () => {
  const sequence = described(0x76, list(text('one')))
  for (const body of [Buffer.concat([BODY, BODY]), Buffer.concat([sequence, sequence])]) {
    const event = only(Buffer.concat([PROPERTIES, body]))
    assert.deepEqual(storedSections(event).slice(2), sections(body))
  }
})

test("a batch's partition key replaces the keys of its events", () => {
  const own = Buffer.concat([annotations(...key('own')), BODY])
  const keyed = readPublished(batch(annotations(...key('of the batch')), BODY, own), BATCH_FORMAT)
  assert.equal(keyed.partitionKey, 'of the batch')
  for (const event of keyed.events)
    assert.deepEqual(storedSections(event)[0], [0x72, ['x-opt-partition-key', 'of the batch', ...OWN]])
  const unkeyed = readPublished(batch(annotations(), BODY, own), BATCH_FORMAT)
  assert.equal(unkeyed.partitionKey, undefined)
  assert.deepEqual(
    unkeyed.events.map((event) => storedSections(event)[0]?.[1]),
    [OWN, ['x-opt-partition-key', 'own', ...OWN]],
  )
  const single = readPublished(own, 0)
  assert.equal(single.partitionKey, 'own')
})

test("reads a producer's numbers from the batch (JavaScript SDK) or from its first event (.NET SDK)", () => {
  const event = (...items: Buffer[]): Buffer => Buffer.concat([annotations(...items), BODY])
  const mark = (payload: Buffer, format = BATCH_FORMAT): unknown => readPublished(payload, format).producer
  assert.deepEqual(mark(batch(annotations(...marks(1, 2, 3)), BODY)), { id: 1, epoch: 2, sequence: 3 })
  assert.deepEqual(mark(batch(annotations(), event(...marks(4, 5, 6)), event(...marks(4, 5, 7)))), {
    id: 4,
    epoch: 5,
    sequence: 6,
  })
  assert.deepEqual(mark(batch(annotations(...marks(1, 2, 3)), event(...marks(4, 5, 6)))), {
    id: 1,
    epoch: 2,
    sequence: 3,
  })
  assert.deepEqual(mark(event(...marks(8, 9, 10)), 0), { id: 8, epoch: 9, sequence: 10 })
  assert.equal(mark(batch(annotations(), BODY, event(...marks(4, 5, 6)))), undefined)
  assert.equal(mark(batch(annotations(...marks(1, 2, 3).slice(0, 4)), BODY)), undefined)
})
