import { DecodeError, uint32At, valueEnd } from './encoding.ts'
import type { FrameWriter } from './frame-writer.ts'

// Transfers (AMQP 1.0 part 2, 2.7.5) and accepted dispositions (2.7.6) are coded by hand: each event may need
// both.

/** The fields of a transfer that this server uses. One object is reused for every transfer. */
export interface TransferFrame {
  handle: number
  /** Undefined on the later frames of a delivery. */
  deliveryId: number | undefined
  messageFormat: number
  settled: boolean
  more: boolean
  aborted: boolean
  /** Start of the payload. */
  payload: number
}

export const emptyTransfer = (): TransferFrame => ({
  handle: 0,
  deliveryId: undefined,
  messageFormat: 0,
  settled: false,
  more: false,
  aborted: false,
  payload: 0,
})

const NULL = 0x40

/**
 * Reads the transfer whose field list starts at `list`.
 * @throws DecodeError
 */
export function readTransfer(bytes: Buffer, list: number, end: number, frame: TransferFrame): void {
  const code = bytes[list]
  if (code !== 0xc0 && code !== 0xd0) throw new DecodeError('a transfer is not a list')
  const listEnd = valueEnd(bytes, list, end)
  const count = code === 0xc0 ? (bytes[list + 2] ?? 0) : uint32At(bytes, list + 5)
  let at = list + (code === 0xc0 ? 3 : 9)
  frame.deliveryId = undefined
  frame.messageFormat = 0
  frame.settled = false
  frame.more = false
  frame.aborted = false
  frame.payload = listEnd
  if (count === 0 || bytes[at] === NULL) throw new DecodeError('a transfer has no handle')
  for (let field = 0; field < count; field++) {
    const next = valueEnd(bytes, at, listEnd)
    if (bytes[at] !== NULL) {
      if (field === 0) frame.handle = uintAt(bytes, at)
      else if (field === 1) frame.deliveryId = uintAt(bytes, at)
      else if (field === 3) frame.messageFormat = uintAt(bytes, at)
      else if (field === 4) frame.settled = booleanAt(bytes, at)
      else if (field === 5) frame.more = booleanAt(bytes, at)
      else if (field === 9) frame.aborted = booleanAt(bytes, at)
    }
    at = next
  }
}

function uintAt(bytes: Buffer, at: number): number {
  const code = bytes[at]
  if (code === 0x43) return 0
  if (code === 0x52) return bytes[at + 1] ?? 0
  if (code === 0x70) return bytes.readUInt32BE(at + 1)
  throw new DecodeError('a field of a transfer is not a uint')
}

function booleanAt(bytes: Buffer, at: number): boolean {
  const code = bytes[at]
  if (code === 0x41) return true
  if (code === 0x42) return false
  if (code === 0x56) return bytes[at + 1] === 1
  throw new DecodeError('a field of a transfer is not a boolean')
}

/** A session, as the place where frames are written. */
interface FrameTarget {
  readonly channel: number
  readonly writer: FrameWriter
}

/** Bytes that `writeTransferHead` writes before the payload. */
export const TRANSFER_HEAD = 33

/**
 * Makes room for a settled transfer and writes its head. It states message format 0 explicitly: without it,
 * the SDK yields empty events. The caller writes the payload.
 * @param size of the whole frame, in bytes.
 */
export function writeTransferHead(
  link: { readonly session: FrameTarget; readonly handle: number },
  size: number,
  deliveryId: number,
  more: boolean,
): void {
  const { writer } = link.session
  let at = writeFrameHead(link.session, size, 0x14)
  const { bytes } = writer
  bytes[at++] = 0xc0
  bytes[at++] = 20
  bytes[at++] = 6
  at = writeUint(bytes, at, link.handle)
  at = writeUint(bytes, at, deliveryId)
  bytes[at++] = 0xa0 // delivery tag: up to 32 bytes that name the delivery among the unsettled ones of the link
  bytes[at++] = 4
  at = bytes.writeUInt32BE(deliveryId, at)
  bytes[at++] = 0x43
  bytes[at++] = 0x41
  bytes[at++] = more ? 0x41 : 0x42
  writer.at = at
}

const ACCEPTED = Buffer.from([0x00, 0x53, 0x24, 0x45])
const DISPOSITION_SIZE = 30

/** Writes a disposition that accepts and settles the deliveries from `first` to `last`. */
export function writeAccepted(session: FrameTarget, first: number, last: number): void {
  const { writer } = session
  let at = writeFrameHead(session, DISPOSITION_SIZE, 0x15)
  const { bytes } = writer
  bytes[at++] = 0xc0
  bytes[at++] = 17
  bytes[at++] = 5
  bytes[at++] = 0x41
  at = writeUint(bytes, at, first)
  at = writeUint(bytes, at, last)
  bytes[at++] = 0x41
  writer.at = at + ACCEPTED.copy(bytes, at)
}

/** Makes room for a frame and writes its head. @returns the position after the head. */
function writeFrameHead({ writer, channel }: FrameTarget, size: number, code: number): number {
  writer.reserve(size)
  const { bytes } = writer
  let at = bytes.writeUInt32BE(size, writer.at)
  bytes[at++] = 2
  bytes[at++] = 0
  at = bytes.writeUInt16BE(channel, at)
  bytes[at++] = 0x00
  bytes[at++] = 0x53
  bytes[at++] = code
  return at
}

function writeUint(target: Buffer, at: number, value: number): number {
  target[at] = 0x70
  return target.writeUInt32BE(value, at + 1)
}
