/**
 * Encodes AMQP 1.0 for clients that send what no library would send, or send it faster: values (part 1),
 * frames (part 2, 2.3) and performatives. It shares no code with the emulator.
 */

export const PERFORMATIVE = {
  open: 0x10,
  begin: 0x11,
  attach: 0x12,
  flow: 0x13,
  transfer: 0x14,
  disposition: 0x15,
  detach: 0x16,
  end: 0x17,
  close: 0x18,
  saslMechanisms: 0x40,
  saslInit: 0x41,
  saslOutcome: 0x44,
} as const

export const AMQP_HEADER = Buffer.from('AMQP\x00\x01\x00\x00', 'latin1')
export const SASL_HEADER = Buffer.from('AMQP\x03\x01\x00\x00', 'latin1')
export const EMPTY_FRAME = Buffer.from('0000000802000000', 'hex')
const SASL_FRAME = 1

export const nothing = Buffer.from([0x40])
export const bool = (value: boolean): Buffer => Buffer.from([value ? 0x41 : 0x42])
export const ubyte = (value: number): Buffer => Buffer.from([0x50, value])
export const ushort = (value: number): Buffer => Buffer.from([0x60, value >>> 8, value & 0xff])
export const uint = (value: number): Buffer => withUint32([0x70], value)
export const ulong = (value: number | bigint): Buffer => withLong(0x80, BigInt(value))
export const long = (value: number | bigint): Buffer => withLong(0x81, BigInt.asUintN(64, BigInt(value)))
export const int = (value: number): Buffer => withUint32([0x71], value >>> 0)
export const text = (value: string): Buffer => withLength(0xb1, Buffer.from(value, 'utf8'))
export const symbol = (value: string): Buffer => withLength(0xb3, Buffer.from(value, 'latin1'))
export const binary = (value: Buffer): Buffer => withLength(0xb0, value)
export const list = (...items: readonly Buffer[]): Buffer => compound(0xd0, items)
/** Takes keys and values alternately. */
export const map = (...items: readonly Buffer[]): Buffer => compound(0xd1, items)
export const described = (code: number, value: Buffer): Buffer =>
  Buffer.concat([Buffer.from([0x00, 0x53, code]), value])
export const describedBySymbol = (descriptor: string, value: Buffer): Buffer =>
  Buffer.concat([Buffer.from([0x00]), symbol(descriptor), value])

function withUint32(head: readonly number[], value: number): Buffer {
  const bytes = Buffer.alloc(head.length + 4)
  bytes.set(head)
  bytes.writeUInt32BE(value >>> 0, head.length)
  return bytes
}

function withLong(code: number, value: bigint): Buffer {
  const bytes = Buffer.alloc(9)
  bytes[0] = code
  bytes.writeBigUInt64BE(value, 1)
  return bytes
}

const withLength = (code: number, value: Buffer): Buffer => Buffer.concat([withUint32([code], value.length), value])

function compound(code: number, items: readonly Buffer[]): Buffer {
  const content = Buffer.concat(items)
  return Buffer.concat([withUint32([code], content.length + 4), withUint32([], items.length), content])
}

/** A frame on a channel. `body` is a performative, followed by the payload if it is a transfer. */
export function frame(channel: number, body: Buffer, type = 0): Buffer {
  const head = Buffer.alloc(8)
  head.writeUInt32BE(8 + body.length, 0)
  head[4] = 2
  head[5] = type
  head.writeUInt16BE(channel, 6)
  return Buffer.concat([head, body])
}

export const performative = (code: number, ...fields: readonly Buffer[]): Buffer => described(code, list(...fields))

/** The SASL header and a SASL PLAIN init in one buffer. A server answers each in turn. */
export function plainHandshake(user: string, password: string): Buffer {
  const response = binary(Buffer.from(`\0${user}\0${password}`))
  const init = frame(0, performative(PERFORMATIVE.saslInit, symbol('PLAIN'), response), SASL_FRAME)
  return Buffer.concat([SASL_HEADER, init])
}

export interface OpenOptions {
  readonly container: string
  readonly hostname: string
  readonly maxFrame: number
  readonly idleMs: number
}

export const openFrame = ({ container, hostname, maxFrame, idleMs }: OpenOptions): Buffer =>
  frame(0, performative(PERFORMATIVE.open, text(container), text(hostname), uint(maxFrame), ushort(255), uint(idleMs)))

/** A begin (AMQP 1.0 part 2, 2.7.2). The first outgoing transfer has id 0. */
export const beginFrame = (channel: number, incomingWindow: number): Buffer =>
  frame(channel, performative(PERFORMATIVE.begin, nothing, uint(0), uint(incomingWindow), uint(0xffff_ffff)))

export interface AttachOptions {
  readonly name: string
  readonly handle: number
  readonly address: string
  /** The sender's settle mode: 0 unsettled, 1 settled, 2 mixed. */
  readonly senderSettles: number
  /**
   * Durability of the terminus. A broker that creates queues for links creates a durable one. 2 includes
   * unsettled state.
   */
  readonly durable?: number
}

const terminus = (code: number, address: string, durable: number): Buffer =>
  described(code, list(text(address), uint(durable)))

const ROLE = { sender: bool(false), receiver: bool(true) } as const

/** The attach of a link that this client sends on (AMQP 1.0 part 2, 2.7.3). */
export const attachSender = (channel: number, options: AttachOptions): Buffer =>
  frame(
    channel,
    performative(
      PERFORMATIVE.attach,
      text(options.name),
      uint(options.handle),
      ROLE.sender,
      ubyte(options.senderSettles),
      ubyte(0),
      terminus(0x28, options.name, 0),
      terminus(0x29, options.address, options.durable ?? 0),
      nothing,
      nothing,
      uint(0),
    ),
  )

/** The attach of a link that this client receives on, from the first event on. */
export const attachReceiver = (channel: number, options: AttachOptions): Buffer =>
  frame(
    channel,
    performative(
      PERFORMATIVE.attach,
      text(options.name),
      uint(options.handle),
      ROLE.receiver,
      ubyte(options.senderSettles),
      ubyte(0),
      terminus(0x28, options.address, options.durable ?? 0),
      terminus(0x29, options.name, 0),
    ),
  )

export interface FlowOptions {
  /** The first transfer not yet received. */
  readonly nextIncoming: number
  readonly incomingWindow: number
  readonly nextOutgoing: number
  /** The link's part. Without it, the flow is only for the session. */
  readonly link?: { readonly handle: number; readonly deliveryCount: number; readonly credit: number }
}

/** A flow (AMQP 1.0 part 2, 2.7.4). */
export function flowFrame(channel: number, { nextIncoming, incomingWindow, nextOutgoing, link }: FlowOptions): Buffer {
  const session = [uint(nextIncoming), uint(incomingWindow), uint(nextOutgoing), uint(0xffff_ffff)]
  const fields = link ? [...session, uint(link.handle), uint(link.deliveryCount), uint(link.credit)] : session
  return frame(channel, performative(PERFORMATIVE.flow, ...fields))
}

/** A transfer of one delivery, or a part of it. `format` 0 is a message, 0x80013700 a batch. */
export const transferFrame = (
  channel: number,
  fields: {
    readonly handle: number
    readonly deliveryId: number
    readonly format?: number
    readonly settled?: boolean
    readonly more?: boolean
  },
  payload: Buffer,
): Buffer =>
  frame(
    channel,
    Buffer.concat([
      performative(
        PERFORMATIVE.transfer,
        uint(fields.handle),
        uint(fields.deliveryId),
        binary(uint(fields.deliveryId)),
        uint(fields.format ?? 0),
        bool(fields.settled ?? false),
        bool(fields.more ?? false),
      ),
      payload,
    ]),
  )

const ACCEPTED = described(0x24, list())

/** A receiver's disposition: accepted and settled (AMQP 1.0 part 2, 2.7.6). */
export const acceptFrame = (channel: number, first: number, last: number): Buffer =>
  frame(channel, performative(PERFORMATIVE.disposition, ROLE.receiver, uint(first), uint(last), bool(true), ACCEPTED))

/** A message of a header (durable) and a data section. */
export const durableMessage = (body: Buffer): Buffer =>
  Buffer.concat([described(0x70, list(bool(true))), described(0x75, binary(body))])

export const dataSection = (content: Buffer): Buffer => described(0x75, binary(content))

/** A decoded value. 64-bit numbers become numbers, and maps become lists of alternating keys and values. */
export type Value = undefined | boolean | number | string | Buffer | Described | readonly Value[]
export interface Described {
  readonly descriptor: Value
  readonly value: Value
}

/** Decodes the value at `at` of a server's bytes. @returns the value, and the position after it. */
export function readValue(bytes: Buffer, at: number): { readonly value: Value; readonly end: number } {
  const code = bytes.readUInt8(at)
  if (code === 0x00) {
    const descriptor = readValue(bytes, at + 1)
    const { value, end } = readValue(bytes, descriptor.end)
    return { value: { descriptor: descriptor.value, value }, end }
  }
  const start = at + 1
  switch (code) {
    case 0x40:
      return { value: undefined, end: start }
    case 0x41:
    case 0x42:
      return { value: code === 0x41, end: start }
    case 0x43:
    case 0x44:
      return { value: 0, end: start }
    case 0x45:
      return { value: [], end: start }
    case 0x50:
    case 0x52:
    case 0x53:
      return { value: bytes.readUInt8(start), end: start + 1 }
    case 0x51:
    case 0x54:
    case 0x55:
      return { value: bytes.readInt8(start), end: start + 1 }
    case 0x56:
      return { value: bytes.readUInt8(start) === 1, end: start + 1 }
    case 0x60:
      return { value: bytes.readUInt16BE(start), end: start + 2 }
    case 0x61:
      return { value: bytes.readInt16BE(start), end: start + 2 }
    case 0x70:
      return { value: bytes.readUInt32BE(start), end: start + 4 }
    case 0x71:
      return { value: bytes.readInt32BE(start), end: start + 4 }
    case 0x80:
      return { value: Number(bytes.readBigUInt64BE(start)), end: start + 8 }
    case 0x81:
    case 0x83:
      return { value: Number(bytes.readBigInt64BE(start)), end: start + 8 }
    case 0xa0:
    case 0xa1:
    case 0xa3:
    case 0xb0:
    case 0xb1:
    case 0xb3:
      return readVariable(bytes, code, start)
    case 0xc0:
    case 0xc1:
    case 0xd0:
    case 0xd1:
      return readCompound(bytes, code, start)
    case 0xe0:
    case 0xf0:
      return readArray(bytes, code, start)
    default:
      throw new Error(`type code 0x${code.toString(16)} at byte ${at} is not expected from a server`)
  }
}

function readVariable(bytes: Buffer, code: number, start: number): { value: Value; end: number } {
  const from = start + (code < 0xb0 ? 1 : 4)
  const end = from + (code < 0xb0 ? bytes.readUInt8(start) : bytes.readUInt32BE(start))
  const content = bytes.subarray(from, end)
  return { value: code === 0xa0 || code === 0xb0 ? content : content.toString('utf8'), end }
}

function readCompound(bytes: Buffer, code: number, start: number): { value: Value; end: number } {
  const small = code < 0xd0
  const count = small ? bytes.readUInt8(start + 1) : bytes.readUInt32BE(start + 4)
  const value: Value[] = []
  let end = start + (small ? 2 : 8)
  for (let i = 0; i < count; i++) {
    const item = readValue(bytes, end)
    value.push(item.value)
    end = item.end
  }
  return { value, end }
}

/** Servers only send arrays of symbols: capabilities and mechanisms. */
function readArray(bytes: Buffer, code: number, start: number): { value: Value; end: number } {
  const small = code === 0xe0
  const count = small ? bytes.readUInt8(start + 1) : bytes.readUInt32BE(start + 4)
  const typeAt = start + (small ? 2 : 8)
  const value: Value[] = []
  let end = typeAt + 1
  for (let i = 0; i < count; i++) {
    const item = readVariable(bytes, bytes.readUInt8(typeAt), end)
    value.push(item.value)
    end = item.end
  }
  return { value, end }
}

/** Decodes the code and the fields of the performative at `at`. */
export function readPerformative(bytes: Buffer, at: number): { code: number; fields: readonly Value[]; end: number } {
  const { value, end } = readValue(bytes, at)
  const { descriptor, value: fields } = value as Described
  return { code: Number(descriptor), fields: Array.isArray(fields) ? fields : [], end }
}
