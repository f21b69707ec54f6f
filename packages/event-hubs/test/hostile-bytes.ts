import fc from 'fast-check'
import {
  AMQP_HEADER,
  attachReceiver,
  attachSender,
  beginFrame,
  binary,
  bool,
  dataSection,
  described,
  durableMessage,
  EMPTY_FRAME,
  flowFrame,
  frame,
  list,
  nothing,
  openFrame,
  PERFORMATIVE,
  performative,
  plainHandshake,
  SASL_HEADER,
  symbol,
  text,
  transferFrame,
  uint,
  ulong,
} from './amqp-wire.ts'
import { SASL_PLAIN } from './witness.ts'

/** How far a client behaves correctly before it turns hostile. */
export type Stage = 'nothing' | 'sasl' | 'authenticated' | 'open' | 'begun' | 'attached'

const STAGES: readonly Stage[] = ['nothing', 'sasl', 'authenticated', 'open', 'begun', 'attached']

/** The bytes of one hostile client after a valid beginning. */
export interface Attack {
  readonly from: Stage
  readonly bytes: Buffer
}

const BATCH_FORMAT = 0x80013700
const SENDER = 0
const RECEIVER = 1

/** Whether a client of this stage authenticates first, and waits for the outcome. */
export const authenticates = (stage: Stage): boolean => STAGES.indexOf(stage) >= STAGES.indexOf('authenticated')

/** Returns the valid beginning of a client of this stage, sent at once, after the SASL outcome if it authenticates. */
export function beginning(stage: Stage, hub: string): Buffer {
  if (!authenticates(stage)) return stage === 'sasl' ? SASL_HEADER : Buffer.alloc(0)
  const address = `${hub}/ConsumerGroups/$Default/Partitions/0`
  const steps = [
    AMQP_HEADER,
    openFrame({ container: 'hostile', hostname: '127.0.0.1', maxFrame: 65_536, idleMs: 60_000 }),
    beginFrame(0, 2048),
    Buffer.concat([
      attachSender(0, { name: 'out', handle: SENDER, address: `${hub}/Partitions/0`, senderSettles: 0 }),
      attachReceiver(0, { name: 'in', handle: RECEIVER, address, senderSettles: 1 }),
    ]),
  ]
  return Buffer.concat(steps.slice(0, STAGES.indexOf(stage) - STAGES.indexOf('authenticated') + 1))
}

const edge32 = fc.oneof(
  fc.constantFrom(0, 1, 2, 255, 256, 2047, 2048, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff),
  fc.integer({ min: 0, max: 0xffff_ffff }),
)
const channel = fc.oneof(fc.constant(0), fc.constantFrom(1, 255, 256, 65_535), fc.integer({ min: 0, max: 65_535 }))
const handle = fc.oneof(fc.constantFrom(SENDER, RECEIVER), edge32)
const stage = fc.constantFrom(...STAGES)
const noise = (maxLength: number): fc.Arbitrary<Buffer> =>
  fc.uint8Array({ maxLength }).map((bytes) => Buffer.from(bytes))

/** Any value. Most are valid; some have a length, size or count that does not match their bytes. */
const { value: anyValue } = fc.letrec<{ value: Buffer }>((tie) => ({
  value: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.constantFrom(nothing, bool(true), bool(false), text('text'), symbol('symbol'), binary(Buffer.from('bytes'))),
    edge32.map(uint),
    edge32.map(ulong),
    // Any type code, with bytes that may or may not match it.
    fc.tuple(fc.integer({ min: 0, max: 255 }), noise(20)).map(([code, rest]) => Buffer.from([code, ...rest])),
    // Sizes and counts of variable, compound and array types.
    fc
      .tuple(fc.constantFrom(0xb0, 0xb1, 0xb3, 0xd0, 0xd1, 0xf0), edge32, edge32, noise(40))
      .map(([code, size, count, rest]) => Buffer.concat([Buffer.from([code]), be32(size), be32(count), rest])),
    fc
      .tuple(
        fc.constantFrom(0xa0, 0xa1, 0xa3, 0xc0, 0xc1, 0xe0),
        fc.integer({ min: 0, max: 255 }),
        fc.integer({ min: 0, max: 255 }),
        noise(40),
      )
      .map(([code, size, count, rest]) => Buffer.from([code, size, count, ...rest])),
    // A correct size with a wrong count: there could be billions of elements that need no bytes.
    fc
      .tuple(
        fc.constantFrom(0xd0, 0xd1, 0xf0),
        edge32,
        fc.constantFrom(0x40, 0x41, 0x43, 0x44, 0x45, 0x53, 0xa1),
        noise(8),
      )
      .map(([code, count, element, rest]) =>
        Buffer.concat([Buffer.of(code), be32(5 + rest.length), be32(count), Buffer.of(element), rest]),
      ),
    fc.array(tie('value'), { maxLength: 6 }).map((items) => list(...items)),
    // Described values, and described descriptors.
    fc.tuple(tie('value'), tie('value')).map(([descriptor, value]) => Buffer.concat([Buffer.of(0), descriptor, value])),
  ),
}))

function be32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

const anyPerformative = fc
  .tuple(
    fc.oneof(fc.constantFrom(...Object.values(PERFORMATIVE)), fc.integer({ min: 0, max: 255 })),
    fc.array(anyValue, { maxLength: 14 }),
  )
  .map(([code, fields]) => performative(code, ...fields))

/** A transfer's message with a few changed bytes. */
const anyMessage = fc
  .tuple(
    fc.constantFrom(
      durableMessage(Buffer.from('event')),
      dataSection(durableMessage(Buffer.from('event'))),
      Buffer.concat([dataSection(durableMessage(Buffer.from('1'))), dataSection(durableMessage(Buffer.from('2')))]),
      Buffer.concat([described(0x72, list()), described(0x73, list(text('id'))), described(0x77, text('value'))]),
    ),
    fc.array(fc.tuple(fc.nat(200), fc.integer({ min: 0, max: 255 })), { maxLength: 3 }),
    anyValue,
    fc.boolean(),
  )
  .map(([message, changes, extra, appended]) => {
    const bytes = Buffer.from(message)
    for (const [at, byte] of changes) bytes[at % bytes.length] = byte
    return appended ? Buffer.concat([bytes, extra]) : bytes
  })

const anyTransfer = fc
  .record({
    channel: fc.oneof({ weight: 4, arbitrary: fc.constant(0) }, channel),
    handle,
    deliveryId: edge32,
    format: fc.constantFrom(0, BATCH_FORMAT, 1, 0xffff_ffff),
    settled: fc.boolean(),
    more: fc.boolean(),
    payload: anyMessage,
  })
  .map(({ channel, payload, ...fields }) => transferFrame(channel, fields, payload))

const anyDisposition = fc
  .tuple(fc.boolean(), edge32, edge32, fc.boolean(), fc.oneof(anyValue, fc.constant(described(0x24, list()))))
  .map(([role, first, last, settled, state]) =>
    frame(0, performative(PERFORMATIVE.disposition, bool(role), uint(first), uint(last), bool(settled), state)),
  )

const anyFlow = fc
  .record({
    nextIncoming: edge32,
    incomingWindow: edge32,
    nextOutgoing: edge32,
    link: fc.option(fc.record({ handle, deliveryCount: edge32, credit: edge32 }), { nil: undefined }),
  })
  .map(({ link, ...session }) => flowFrame(0, { ...session, ...(link && { link }) }))

/** Every frame of a client. Each is valid in its place. */
function validFrames(hub: string): readonly Buffer[] {
  return [
    SASL_HEADER,
    plainHandshake(SASL_PLAIN.username, SASL_PLAIN.password),
    openFrame({ container: 'hostile', hostname: '127.0.0.1', maxFrame: 65_536, idleMs: 60_000 }),
    beginFrame(0, 2048),
    beginFrame(7, 1),
    attachSender(0, { name: 'out', handle: SENDER, address: `${hub}/Partitions/0`, senderSettles: 0 }),
    attachReceiver(0, {
      name: 'in',
      handle: RECEIVER,
      address: `${hub}/ConsumerGroups/$Default/Partitions/0`,
      senderSettles: 1,
    }),
    attachSender(0, { name: 'cbs', handle: 2, address: '$cbs', senderSettles: 0 }),
    flowFrame(0, {
      nextIncoming: 0,
      incomingWindow: 2048,
      nextOutgoing: 0,
      link: { handle: RECEIVER, deliveryCount: 0, credit: 10 },
    }),
    transferFrame(0, { handle: SENDER, deliveryId: 0 }, durableMessage(Buffer.from('event'))),
    transferFrame(0, { handle: SENDER, deliveryId: 1, more: true }, durableMessage(Buffer.from('event'))),
    EMPTY_FRAME,
    frame(0, performative(PERFORMATIVE.detach, uint(SENDER), bool(true))),
    frame(0, performative(PERFORMATIVE.end)),
    frame(0, performative(PERFORMATIVE.close)),
    AMQP_HEADER,
  ]
}

/** Attacks by family. Each family is the domain of a property. */
export function attacks(hub: string): Readonly<Record<string, fc.Arbitrary<Attack>>> {
  const after = (from: fc.Arbitrary<Stage>, bytes: fc.Arbitrary<Buffer>): fc.Arbitrary<Attack> =>
    fc.record({ from, bytes })
  const attached = fc.constant<Stage>('attached')
  const frames = validFrames(hub)
  const conversation = Buffer.concat([beginning('attached', hub), ...frames.slice(-9)])
  return {
    'random bytes after any valid beginning (AMQP 1.0 2.2, 5.3)': after(stage, noise(2000)),
    'frames with any size, data offset, type and channel (AMQP 1.0 2.3.1)': after(
      stage,
      fc
        .tuple(edge32, fc.integer({ min: 0, max: 255 }), fc.integer({ min: 0, max: 255 }), channel, noise(100))
        .map(([size, doff, type, number, body]) =>
          Buffer.concat([be32(size), Buffer.from([doff, type, number >>> 8, number & 255]), body]),
        ),
    ),
    'a valid conversation with changed, lost, doubled or cut-off bytes': fc
      .array(fc.tuple(fc.nat(conversation.length - 1), fc.integer({ min: 0, max: 255 }), fc.nat(3)), {
        minLength: 1,
        maxLength: 4,
      })
      .map((mutations) => ({ from: 'authenticated', bytes: mutated(conversation, mutations) })),
    'performatives with fields of any type, size and count (AMQP 1.0 1.6, 2.7)': after(
      stage,
      fc
        .tuple(channel, fc.array(anyPerformative, { minLength: 1, maxLength: 3 }), fc.constantFrom(0, 0, 0, 1))
        .map(([number, bodies, type]) => Buffer.concat(bodies.map((body) => frame(number, body, type)))),
    ),
    'valid frames in any order and number (AMQP 1.0 2.7)': after(
      stage,
      fc.array(fc.constantFrom(...frames), { minLength: 1, maxLength: 12 }).map((some) => Buffer.concat(some)),
    ),
    'transfers of changed messages on any handle, whole and unfinished (AMQP 1.0 2.7.5, 3.2)': after(
      attached,
      fc.array(anyTransfer, { minLength: 1, maxLength: 8 }).map((some) => Buffer.concat(some)),
    ),
    'flows with any window and credit, dispositions over any range (AMQP 1.0 2.7.4, 2.7.6)': after(
      attached,
      fc
        .array(fc.oneof(anyDisposition, anyFlow, anyTransfer), { minLength: 1, maxLength: 8 })
        .map((some) => Buffer.concat(some)),
    ),
    'values nested up to a hundred thousand deep (AMQP 1.0 1.2)': after(
      fc.constantFrom<Stage>('authenticated', 'begun', 'attached'),
      nesting(),
    ),
  }
}

/** Sets, loses or doubles bytes, or cuts off the end. */
function mutated(original: Buffer, mutations: readonly (readonly [at: number, byte: number, kind: number])[]): Buffer {
  let bytes = Buffer.from(original)
  for (const [at, byte, kind] of mutations) {
    const [head, tail] = [bytes.subarray(0, at), bytes.subarray(at)]
    if (kind === 0 && at < bytes.length) bytes[at] = byte
    else if (kind === 1) bytes = Buffer.concat([head, tail.subarray(byte)])
    else if (kind === 2) bytes = Buffer.concat([head, tail.subarray(0, byte), tail])
    else if (kind === 3) bytes = Buffer.from(head)
  }
  return bytes
}

/**
 * Nested described values, descriptors, lists and arrays: in place of a performative, in its fields, and in a
 * message.
 */
function nesting(): fc.Arbitrary<Buffer> {
  return fc
    .tuple(fc.constantFrom(0x00, 0x53, 0xc0, 0xd0, 0xd1, 0xe0, 0xf0), fc.integer({ min: 100, max: 100_000 }), fc.nat(3))
    .map(([kind, depth, place]) => {
      const value = nested(kind, depth)
      if (place === 0) return frame(0, value)
      if (place === 1) return frame(0, performative(PERFORMATIVE.attach, text('n'), uint(3), bool(false), value))
      if (place === 2) return frame(0, performative(PERFORMATIVE.open, value))
      return transferFrame(0, { handle: SENDER, deliveryId: 0 }, Buffer.concat([described(0x72, nothing), value]))
    })
}

/** Nests values so that each level costs as few bytes as its type allows. A frame has at most 900 KB. */
function nested(kind: number, depth: number): Buffer {
  if (kind === 0x00) return Buffer.alloc(depth)
  // A descriptor of one byte before each further described value.
  if (kind === 0x53) return Buffer.concat(Array.from({ length: depth }, () => Buffer.from([0x00, 0x53, 0x70])))
  const small = kind < 0xd0
  if (small) return Buffer.concat(Array.from({ length: depth }, () => Buffer.from([kind, 0xff, 0x01])))
  const width = kind === 0xf0 ? 10 : 9
  const levels = Math.min(depth, Math.floor(900_000 / width))
  const bytes = Buffer.alloc(levels * width)
  for (let level = 0; level < levels; level++) {
    const at = level * width
    bytes[at] = kind
    // The true rest, so that no level is refused for its size.
    bytes.writeUInt32BE(bytes.length - at - 5, at + 1)
    bytes.writeUInt32BE(1, at + 5)
  }
  return bytes
}
