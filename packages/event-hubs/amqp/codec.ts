import rheaFrames from 'rhea/lib/frames.js'
import rheaMessage from 'rhea/lib/message.js'
import rheaTerminus from 'rhea/lib/terminus.js'
import type { Condition } from './condition.ts'
import { checkedEnd, DecodeError } from './encoding.ts'

// Control frames go through rhea's codec. Transfers have their own code (transfer.ts): there is one per
// event.

/** Descriptor codes of the performatives and SASL frames (AMQP 1.0 part 2, 2.7; part 5, 5.3.3). */
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
  saslInit: 0x41,
} as const

export interface Open {
  readonly max_frame_size?: number | null
  readonly channel_max?: number | null
  readonly idle_time_out?: number | null
}

export interface Begin {
  readonly incoming_window: number
  readonly next_outgoing_id: number
}

export interface Attach {
  readonly name: string
  readonly handle: number
  /** True: the peer receives. */
  readonly role: boolean
  readonly snd_settle_mode?: number | null
  readonly source: unknown
  readonly target: unknown
  readonly initial_delivery_count?: number | null
  readonly desired_capabilities?: string | readonly string[] | null
  readonly properties?: Readonly<Record<string, unknown>> | null
}

export interface Flow {
  readonly next_incoming_id?: number | null
  readonly incoming_window: number
  readonly handle?: number | null
  readonly delivery_count?: number | null
  readonly link_credit?: number | null
  readonly drain?: boolean | null
  readonly echo?: boolean | null
}

export interface Detach {
  readonly handle: number
  readonly closed?: boolean | null
}

export interface SaslInit {
  readonly mechanism: string
  readonly initial_response?: Buffer | null
}

/** A source or target as the peer describes it (AMQP 1.0 part 3, 3.5). */
export interface Terminus {
  readonly address: string
  /** Only on a source: its described filters, as rhea decodes them. */
  readonly filter: Readonly<Record<string, unknown>> | undefined
}

/**
 * Decodes the performative of a control frame.
 * @param bytes a whole frame, whose fixed header has been checked.
 * @param at start of the frame's body.
 * @throws DecodeError
 */
export function decodePerformative<T>(bytes: Buffer, at: number): T {
  // rhea trusts every count and recurses into every list, so the bytes are checked first.
  checkedEnd(bytes, at, bytes.length)
  try {
    return rheaFrames.read_frame(bytes).performative as T
  } catch (error) {
    throw new DecodeError((error as Error).message)
  }
}

/**
 * Reads a field to which a peer may have given any type.
 * @throws DecodeError if the value is not a uint.
 */
export function readUint(value: unknown, field: string): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < 0 || value > 0xffff_ffff)
    throw new DecodeError(`${field} is not a uint`)
  return value
}

export function readTerminus(field: unknown): Terminus {
  const read = (rheaTerminus.unwrap(field) ?? {}) as { readonly address?: unknown; readonly filter?: unknown }
  const { address, filter } = read
  return {
    address: typeof address === 'string' ? address : '',
    filter: typeof filter === 'object' && filter !== null ? (filter as Record<string, unknown>) : undefined,
  }
}

export const sourceField = (fields: Readonly<Record<string, unknown>>): unknown =>
  rheaTerminus.source(fields).described()
export const targetField = (fields: Readonly<Record<string, unknown>>): unknown =>
  rheaTerminus.target(fields).described()

type Fields = Readonly<Record<string, unknown>>

/** Encodes a whole frame: `encodeFrame(0, 'open', {…})`. The specification names the fields. */
export function encodeFrame(channel: number, performative: string, fields: Fields): Buffer {
  const create = rheaFrames[performative] as (fields: Fields) => unknown
  return rheaFrames.write_frame(rheaFrames.amqp_frame(channel, create(fields)))
}

/** Encodes a whole SASL frame. */
export function encodeSasl(performative: string, fields: Fields): Buffer {
  const create = rheaFrames[performative] as (fields: Fields) => unknown
  return rheaFrames.write_frame(rheaFrames.sasl_frame(create(fields)))
}

/** The error field of a detach, end, close or rejection. */
export const errorField = ({ condition, description }: Condition): Fields => ({ condition, description })

/** The outcome of a rejected delivery (AMQP 1.0 part 3, 3.4.3). */
export const rejectedField = (reason: Condition): unknown =>
  rheaMessage.rejected({ error: errorField(reason) }).described()
