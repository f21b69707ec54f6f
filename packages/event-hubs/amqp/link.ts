import {
  type Attach,
  encodeFrame,
  errorField,
  type Flow,
  readTerminus,
  readUint,
  sourceField,
  type Terminus,
  targetField,
} from './codec.ts'
import type { Condition } from './condition.ts'
import { DecodeError } from './encoding.ts'
import type { FrameWriter } from './frame-writer.ts'
import { TRANSFER_HEAD, type TransferFrame, writeTransferHead } from './transfer.ts'

/** What a link needs from its session. */
export interface LinkSession {
  readonly channel: number
  readonly writer: FrameWriter
  /** The peer's largest frame in bytes. */
  readonly maxFrame: number
  /** Number of transfer frames that the peer accepts now (AMQP 1.0 part 2, 2.5.6). */
  readonly outgoingWindow: number
  readonly ended: boolean
  /** Takes one frame from the window. */
  spendWindow(): void
  nextDeliveryId(): number
  /** Sends a flow with the session's state and a link's fields. */
  sendFlow(fields: Readonly<Record<string, unknown>>): void
  /** Counts bytes of unfinished deliveries. @throws ProtocolError if the connection holds too many. */
  holdPartial(bytes: number): void
  /** Acknowledges a delivery: accepted, or rejected with a condition. */
  settle(deliveryId: number, refusal: Condition | undefined): void
  /** Writes the acknowledgements that wait to be grouped into runs. */
  writeSettled(): void
}

/** A message to send: a part of `bytes`. */
interface OutgoingMessage {
  readonly bytes: Buffer
  readonly start: number
  readonly end: number
  /** Where a section for one receiver goes. */
  readonly insert: number
}

/** A link that the peer attaches. */
abstract class Link {
  readonly session: LinkSession
  readonly name: string
  readonly handle: number
  readonly source: Terminus
  readonly target: Terminus
  readonly properties: Readonly<Record<string, unknown>>
  readonly desiredCapabilities: readonly string[]
  readonly #settleMode: number | undefined
  #state: 'new' | 'attached' | 'detached' = 'new'
  /** Called once, when either side has detached the link, or its session or connection has ended. */
  onClosed: () => void = () => {}

  constructor(session: LinkSession, attach: Attach) {
    this.session = session
    this.name = String(attach.name)
    this.handle = attach.handle
    this.source = readTerminus(attach.source)
    this.target = readTerminus(attach.target)
    this.properties = attach.properties ?? {}
    this.desiredCapabilities = [attach.desired_capabilities ?? []].flat().map(String)
    const mode = attach.snd_settle_mode ?? undefined
    if (mode !== undefined && readUint(mode, 'snd-settle-mode') > 2) throw new DecodeError('snd-settle-mode is above 2')
    this.#settleMode = mode
  }

  /** The address that the peer sends to or receives from. */
  abstract readonly address: string
  protected abstract readonly attachFields: Readonly<Record<string, unknown>>

  get isAttached(): boolean {
    return this.#state === 'attached'
  }

  /**
   * Answers the peer's attach (AMQP 1.0 part 2, 2.7.3).
   * @param fields further fields, such as properties and offered_capabilities.
   */
  accept(fields: Readonly<Record<string, unknown>> = {}): void {
    const { filter } = this.source
    this.#answer({
      source: sourceField({ address: this.source.address, ...(filter && { filter }) }),
      target: targetField({ address: this.target.address }),
      ...fields,
    })
  }

  /** Answers with an attach without terminus and then a detach, as 2.6.3 requires. */
  refuse(reason: Condition): void {
    this.#answer({})
    this.detach(reason)
  }

  #answer(fields: Readonly<Record<string, unknown>>): void {
    this.#state = 'attached'
    const { name, handle, session } = this
    session.writer.write(
      encodeFrame(session.channel, 'attach', {
        name,
        handle,
        ...(this.#settleMode !== undefined && { snd_settle_mode: this.#settleMode }),
        ...this.attachFields,
        ...fields,
      }),
    )
  }

  /** Ends the link from this side. Does nothing if the link has already ended. */
  detach(reason?: Condition): void {
    if (this.#state === 'detached') return
    const { session, handle } = this
    if (this.#state === 'attached' && !session.ended) {
      // A client treats deliveries that are not acknowledged by now as lost.
      session.writeSettled()
      const fields = { handle, closed: true, ...(reason && { error: errorField(reason) }) }
      session.writer.write(encodeFrame(session.channel, 'detach', fields))
    }
    this.close()
  }

  /** Closes the link without writing to the peer. */
  close(): void {
    if (this.#state === 'detached') return
    this.#state = 'detached'
    this.onClosed()
  }
}

/** A received message. */
export interface Delivery {
  /** Undefined if the message was too large. */
  readonly payload: Buffer | undefined
  readonly id: number
  readonly format: number
  /** True: the sender expects no acknowledgement. */
  readonly settled: boolean
}

/** Approximate memory for a part of a delivery, besides its bytes. */
const PART_BYTES = 200

/** A link that the peer sends on. */
export class IncomingLink extends Link {
  readonly maxMessage: number
  #credit = 0
  #deliveryCount = 0
  #parts: Buffer[] = []
  #held = 0
  #size = 0
  #first: { readonly id: number; readonly format: number; readonly settled: boolean } | undefined
  onDelivery: (delivery: Delivery) => void = () => {}

  /** @param maxMessage in bytes; larger messages are dropped as they arrive. */
  constructor(session: LinkSession, attach: Attach, initialDeliveryCount: number, maxMessage: number) {
    super(session, attach)
    this.#deliveryCount = initialDeliveryCount
    this.maxMessage = maxMessage
  }

  get address(): string {
    return this.target.address
  }

  protected get attachFields(): Readonly<Record<string, unknown>> {
    return { role: true, rcv_settle_mode: 0, max_message_size: this.maxMessage }
  }

  get credit(): number {
    return this.#credit
  }

  /** Sets the number of deliveries that the peer may send now (AMQP 1.0 part 2, 2.6.7). */
  grant(credit: number): void {
    this.#credit = credit
    this.#flow()
  }

  onFlow(flow: Flow): void {
    if (flow.echo) this.#flow()
  }

  #flow(): void {
    if (!this.isAttached) return
    this.session.sendFlow({ handle: this.handle, delivery_count: this.#deliveryCount, link_credit: this.#credit })
  }

  /** Takes a frame of a delivery. The peer may split a delivery over many frames (AMQP 1.0 part 2, 2.6.14). */
  onTransfer(frame: TransferFrame, bytes: Buffer, end: number): void {
    if (!this.isAttached) return
    if (!this.#first) {
      if (frame.deliveryId === undefined) throw new DecodeError('a delivery has no id')
      this.#credit--
      this.#deliveryCount = (this.#deliveryCount + 1) >>> 0
      if (!frame.more && !frame.aborted && end - frame.payload <= this.maxMessage) {
        this.onDelivery({
          payload: bytes.subarray(frame.payload, end),
          id: frame.deliveryId,
          format: frame.messageFormat,
          settled: frame.settled,
        })
        return
      }
      this.#first = { id: frame.deliveryId, format: frame.messageFormat, settled: frame.settled }
    }
    this.#keep(bytes.subarray(frame.payload, end))
    if (frame.aborted || !frame.more) this.#complete(frame)
  }

  #keep(part: Buffer): void {
    this.#size += part.length
    if (this.#size > this.maxMessage) this.#dropParts()
    else if (part.length > 0) {
      // A view would keep the whole chunk in memory, so a small part is copied.
      this.#parts.push(2 * part.length < part.buffer.byteLength ? Buffer.from(part) : part)
      this.#held += part.length + PART_BYTES
      this.session.holdPartial(part.length + PART_BYTES)
    }
  }

  #complete(frame: TransferFrame): void {
    const first = this.#first
    const payload = this.#size > this.maxMessage ? undefined : Buffer.concat(this.#parts)
    this.#dropParts()
    this.#first = undefined
    this.#size = 0
    // Both sides drop an aborted delivery.
    if (first && !frame.aborted) this.onDelivery({ ...first, settled: first.settled || frame.settled, payload })
  }

  #dropParts(): void {
    this.session.holdPartial(-this.#held)
    this.#held = 0
    this.#parts = []
  }

  override close(): void {
    this.#dropParts()
    super.close()
  }
}

/**
 * A link that the peer receives on. All messages are sent settled: consumers record their progress in their
 * own checkpoints.
 */
export class OutgoingLink extends Link {
  #credit = 0
  #deliveryCount = 0
  #draining = false
  /** The unsent rest of a message that spans several frames, while the peer's window is used up. */
  #unsent: { readonly bytes: Buffer; at: number; readonly id: number } | undefined
  /** Called when more may be sent, or credit must be drained. */
  onCapacity: () => void = () => {}

  get address(): string {
    return this.source.address
  }

  protected get attachFields(): Readonly<Record<string, unknown>> {
    return { role: false, initial_delivery_count: 0 }
  }

  get credit(): number {
    return this.#credit
  }

  /** Number of messages that the peer's credit and its session's window allow now. */
  get capacity(): number {
    if (!this.isAttached || this.#unsent) return 0
    return Math.min(this.#credit, this.session.outgoingWindow)
  }

  /** The peer waits until its credit is used or given back. */
  get draining(): boolean {
    return this.#draining && this.#credit > 0 && this.#unsent === undefined
  }

  /** Updates the credit (2.6.7). The counts wrap around at 2^32. */
  onFlow(flow: Flow): void {
    const linkCredit = readUint(flow.link_credit ?? 0, 'link-credit')
    const deliveryCount = readUint(flow.delivery_count ?? 0, 'delivery-count')
    const inFlight = (this.#deliveryCount - deliveryCount) >>> 0
    this.#credit = Math.max(0, linkCredit - inFlight)
    this.#draining = flow.drain === true
    if (flow.echo) this.#flow()
  }

  /** Continues after the peer's window or credit has grown. */
  resume(): void {
    this.#sendRest()
    if (this.isAttached) this.onCapacity()
  }

  /** Gives back the remaining credit, because there is nothing more to send. */
  drained(): void {
    this.#deliveryCount = (this.#deliveryCount + this.#credit) >>> 0
    this.#credit = 0
    this.#flow()
  }

  #flow(): void {
    if (!this.isAttached) return
    this.session.sendFlow({
      handle: this.handle,
      delivery_count: this.#deliveryCount,
      link_credit: this.#credit,
      drain: this.#draining,
    })
  }

  /**
   * Sends one message. `capacity` must be above 0.
   * @param section a section for this receiver only.
   */
  send({ bytes, start, end, insert }: OutgoingMessage, section?: Buffer): void {
    const { session } = this
    this.#credit--
    this.#deliveryCount = (this.#deliveryCount + 1) >>> 0
    const id = session.nextDeliveryId()
    const size = TRANSFER_HEAD + end - start + (section?.length ?? 0)
    if (size > session.maxFrame) {
      const whole = [bytes.subarray(start, insert), section ?? Buffer.alloc(0), bytes.subarray(insert, end)]
      this.#unsent = { bytes: Buffer.concat(whole), at: 0, id }
      this.#sendRest()
      return
    }
    const { writer } = session
    writeTransferHead(this, size, id, false)
    if (section) {
      writer.at += bytes.copy(writer.bytes, writer.at, start, insert)
      writer.at += section.copy(writer.bytes, writer.at)
      writer.at += bytes.copy(writer.bytes, writer.at, insert, end)
    } else writer.at += bytes.copy(writer.bytes, writer.at, start, end)
    session.spendWindow()
  }

  #sendRest(): void {
    const { session } = this
    while (this.#unsent && this.isAttached && session.outgoingWindow > 0) {
      const { bytes, at, id } = this.#unsent
      const end = Math.min(bytes.length, at + session.maxFrame - TRANSFER_HEAD)
      const { writer } = session
      writeTransferHead(this, TRANSFER_HEAD + end - at, id, end < bytes.length)
      writer.at += bytes.copy(writer.bytes, writer.at, at, end)
      session.spendWindow()
      this.#unsent.at = end
      if (end === bytes.length) this.#unsent = undefined
    }
  }
}
