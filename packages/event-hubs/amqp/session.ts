import {
  type Attach,
  type Begin,
  type Detach,
  encodeFrame,
  errorField,
  type Flow,
  readUint,
  rejectedField,
} from './codec.ts'
import { type Condition, ProtocolError } from './condition.ts'
import type { FrameWriter } from './frame-writer.ts'
import { IncomingLink, type LinkSession, OutgoingLink } from './link.ts'
import { type TransferFrame, writeAccepted } from './transfer.ts'

/** Highest handle of a session's links. */
const HANDLE_MAX = 254
/** Never used up: link credit and an unread socket hold a sender back. */
const INCOMING_WINDOW = 0x7fff_ffff
const OUTGOING_WINDOW = 0x7fff_ffff

/** What a session needs from its connection. */
export interface SessionConnection {
  readonly writer: FrameWriter
  readonly maxFrame: number
  /** Largest message, in bytes, that a link accepts from the peer. It depends on the target's address. */
  maxMessage(attach: Attach): number
  /** Accepts or refuses a link. */
  attach(link: IncomingLink | OutgoingLink): void
  /** Counts attached links. @throws ProtocolError for too many. */
  countLink(by: 1 | -1): void
  holdPartial(bytes: number): void
  /** Asks for a call of `writeSettled` before the next flush. */
  holdSettled(session: Session): void
}

/** An AMQP session (AMQP 1.0 part 2, 2.5): the links on one channel of a connection. */
export class Session implements LinkSession {
  readonly channel: number
  readonly #connection: SessionConnection
  readonly #links = new Map<number, IncomingLink | OutgoingLink>()
  #nextIncomingId: number
  #nextOutgoingId = 0
  #nextDeliveryId = 0
  #outgoingWindow: number
  /** A run of accepted deliveries whose disposition is not written yet. */
  #accepted: { first: number; last: number } | undefined
  /** Ended by this side: frames that arrive before the peer's end are ignored. */
  ended = false

  constructor(connection: SessionConnection, channel: number, begin: Begin) {
    this.#connection = connection
    this.channel = channel
    this.#nextIncomingId = readUint(begin.next_outgoing_id, 'next-outgoing-id')
    this.#outgoingWindow = readUint(begin.incoming_window, 'incoming-window')
    this.writer.write(
      encodeFrame(channel, 'begin', {
        remote_channel: channel,
        next_outgoing_id: 0,
        incoming_window: INCOMING_WINDOW,
        outgoing_window: OUTGOING_WINDOW,
        handle_max: HANDLE_MAX,
      }),
    )
  }

  get writer(): FrameWriter {
    return this.#connection.writer
  }

  get maxFrame(): number {
    return this.#connection.maxFrame
  }

  get outgoingWindow(): number {
    return this.#outgoingWindow
  }

  get links(): Iterable<IncomingLink | OutgoingLink> {
    return this.#links.values()
  }

  spendWindow(): void {
    this.#outgoingWindow--
    this.#nextOutgoingId = (this.#nextOutgoingId + 1) >>> 0
  }

  nextDeliveryId(): number {
    const id = this.#nextDeliveryId
    this.#nextDeliveryId = (id + 1) >>> 0
    return id
  }

  holdPartial(bytes: number): void {
    this.#connection.holdPartial(bytes)
  }

  sendFlow(fields: Readonly<Record<string, unknown>>): void {
    this.writer.write(
      encodeFrame(this.channel, 'flow', {
        next_incoming_id: this.#nextIncomingId,
        incoming_window: INCOMING_WINDOW,
        next_outgoing_id: this.#nextOutgoingId,
        outgoing_window: OUTGOING_WINDOW,
        ...fields,
      }),
    )
  }

  /** Settles a delivery. A run of accepted deliveries leaves as one disposition (AMQP 1.0 part 2, 2.7.6). */
  settle(deliveryId: number, refusal: Condition | undefined): void {
    if (this.ended) return
    if (refusal) {
      this.writeSettled()
      const fields = { role: true, first: deliveryId, last: deliveryId, settled: true, state: rejectedField(refusal) }
      this.writer.write(encodeFrame(this.channel, 'disposition', fields))
      return
    }
    if (this.#accepted && deliveryId === (this.#accepted.last + 1) >>> 0) {
      this.#accepted.last = deliveryId
      return
    }
    this.writeSettled()
    this.#accepted = { first: deliveryId, last: deliveryId }
    this.#connection.holdSettled(this)
  }

  /** Writes the disposition of the current run. */
  writeSettled(): void {
    const accepted = this.#accepted
    if (!accepted || this.ended) return
    this.#accepted = undefined
    writeAccepted(this, accepted.first, accepted.last)
  }

  onAttach(attach: Attach): void {
    const handle = readUint(attach.handle, 'handle')
    if (handle > HANDLE_MAX)
      throw new ProtocolError(
        'amqp:connection:framing-error',
        `handle ${handle} is above ${HANDLE_MAX} (AMQP 1.0 2.7.2)`,
      )
    if (this.#links.has(handle))
      throw new ProtocolError('amqp:session:handle-in-use', `handle ${handle} is in use (AMQP 1.0 2.7.3)`, {
        session: true,
      })
    const link = attach.role
      ? new OutgoingLink(this, attach)
      : new IncomingLink(
          this,
          attach,
          readUint(attach.initial_delivery_count ?? 0, 'initial-delivery-count'),
          this.#connection.maxMessage(attach),
        )
    this.#connection.countLink(1)
    this.#links.set(handle, link)
    this.#connection.attach(link)
  }

  onDetach(detach: Detach): void {
    const link = this.#findLink(detach.handle)
    this.#links.delete(detach.handle)
    this.#connection.countLink(-1)
    link.detach()
  }

  onFlow(flow: Flow): void {
    const inFlight = (this.#nextOutgoingId - readUint(flow.next_incoming_id ?? 0, 'next-incoming-id')) >>> 0
    this.#outgoingWindow = Math.max(0, readUint(flow.incoming_window, 'incoming-window') - inFlight)
    if (flow.handle !== undefined && flow.handle !== null) this.#findLink(flow.handle).onFlow(flow)
    else if (flow.echo) this.sendFlow({})
    for (const link of this.#links.values()) if (link instanceof OutgoingLink) link.resume()
  }

  onTransfer(frame: TransferFrame, bytes: Buffer, end: number): void {
    this.#nextIncomingId = (this.#nextIncomingId + 1) >>> 0
    const link = this.#findLink(frame.handle)
    if (!(link instanceof IncomingLink))
      throw new ProtocolError('amqp:not-allowed', 'a transfer arrived on a link that the peer receives on', {
        session: true,
      })
    link.onTransfer(frame, bytes, end)
  }

  #findLink(handle: unknown): IncomingLink | OutgoingLink {
    const link = this.#links.get(handle as number)
    if (link) return link
    throw new ProtocolError('amqp:session:unattached-handle', `handle ${handle} is not attached`, { session: true })
  }

  /** Ends the session from this side (AMQP 1.0 part 2, 2.5.3), with the error if one is given. */
  end(reason?: Condition): void {
    if (this.ended) return
    this.writeSettled()
    this.ended = true
    this.writer.write(encodeFrame(this.channel, 'end', reason ? { error: errorField(reason) } : {}))
    this.close()
  }

  /** Closes all links without writing to the peer. */
  close(): void {
    this.ended = true
    const links = [...this.#links.values()]
    this.#links.clear()
    for (const link of links) {
      this.#connection.countLink(-1)
      link.close()
    }
  }
}
