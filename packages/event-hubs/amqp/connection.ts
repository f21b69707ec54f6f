import type { Socket } from 'node:net'
import {
  type Attach,
  type Begin,
  type Detach,
  decodePerformative,
  encodeFrame,
  encodeSasl,
  errorField,
  type Flow,
  type Open,
  PERFORMATIVE,
  readUint,
  type SaslInit,
} from './codec.ts'
import { type Condition, ProtocolError } from './condition.ts'
import { byteAt, DecodeError, textAt, uint32At, valueEnd } from './encoding.ts'
import { FrameReader } from './frame-reader.ts'
import { FrameWriter } from './frame-writer.ts'
import type { IncomingLink, OutgoingLink } from './link.ts'
import { MECHANISMS, readPlain, SASL_AUTH, SASL_OK } from './sasl.ts'
import { Session, type SessionConnection } from './session.ts'
import { emptyTransfer, readTransfer } from './transfer.ts'

const MAX_FRAME = 1024 * 1024
/** Smallest frame size that a peer may announce (AMQP 1.0 part 2, 2.7.1). */
const MIN_FRAME = 512
const CHANNEL_MAX = 999
/** Most links of one connection, over all its sessions. */
const MAX_LINKS = 1000
/** Most bytes that a connection's unfinished deliveries may hold. */
const MAX_PARTIAL_BYTES = 16 * 1024 * 1024
const IDLE_MS = 120_000
/** A connection must be open within this time. */
const HANDSHAKE_MS = 60_000
/** With more unsent bytes than this, reading stops until the peer reads its answers. */
const MAX_UNREAD_BYTES = 1024 * 1024
const LINGER_MS = 1000
/** A client that waits for a TCP acknowledgement (`#answerNagle`) has sent less than this. */
const SMALL_READ = 4096

const AMQP_HEADER = Buffer.from('AMQP\x00\x01\x00\x00', 'latin1')
const SASL_HEADER = Buffer.from('AMQP\x03\x01\x00\x00', 'latin1')
const EMPTY_FRAME = Buffer.from([0, 0, 0, 8, 2, 0, 0, 0])

const SYMBOLS: Readonly<Record<string, number>> = Object.fromEntries(
  Object.entries(PERFORMATIVE).map(([name, code]) => [`amqp:${name === 'saslInit' ? 'sasl-init' : name}:list`, code]),
)

/** Callbacks of a connection. */
export interface ConnectionHandler {
  /** Checks the user and password of SASL PLAIN. */
  authenticate(user: string, password: string): boolean
  /** Accepts or refuses a link that the peer attaches. */
  attach(link: IncomingLink | OutgoingLink): void
  /** Largest message, in bytes, that a link accepts from the peer. */
  maxMessage(attach: Attach): number
  /** The socket can take more bytes again. */
  drained(): void
  closed(): void
}

type State = 'header' | 'sasl' | 'authenticated' | 'opening' | 'open' | 'closed'

/**
 * The server's side of an AMQP 1.0 connection (part 2, 2.4) on a socket: protocol headers, SASL, open,
 * sessions, idle time-out, errors. A peer's error ends its session or this connection, with the condition
 * that the specification names.
 */
export class AmqpConnection implements SessionConnection {
  readonly writer: FrameWriter
  readonly #socket: Socket
  readonly #handler: ConnectionHandler
  readonly #reader: FrameReader
  readonly #sessions = new Map<number, Session>()
  readonly #unsettled = new Set<Session>()
  readonly #transfer = emptyTransfer()
  #state: State = 'header'
  #maxFrame = MIN_FRAME
  #links = 0
  #partialBytes = 0
  #pauses = new Set<string>()
  #lastReceived = performance.now()
  #lastWritten = 0
  #timer: NodeJS.Timeout

  constructor(socket: Socket, handler: ConnectionHandler) {
    this.#socket = socket
    this.#handler = handler
    this.writer = new FrameWriter(socket, () => this.#writeSettled())
    this.#reader = new FrameReader(MAX_FRAME, {
      onHeader: (bytes, at) => this.#onHeader(bytes, at),
      onFrame: (bytes, start, end) => this.#onFrame(bytes, start, end),
    })
    this.#timer = setTimeout(() => socket.destroy(), HANDSHAKE_MS)
    socket.setNoDelay(true)
    socket.on('data', (chunk) => this.#onData(chunk))
    socket.on('drain', () => this.#onDrain())
    socket.on('error', () => {})
    socket.on('close', () => this.#onClose())
  }

  get maxFrame(): number {
    return this.#maxFrame
  }

  /** The socket still holds unsent bytes. */
  get isCongested(): boolean {
    return this.#socket.writableNeedDrain
  }

  get links(): (IncomingLink | OutgoingLink)[] {
    return [...this.#sessions.values()].flatMap((session) => [...session.links])
  }

  /** Stops reading from the peer until `resume` is called with the same reason. */
  pause(reason: string): void {
    this.#pauses.add(reason)
    this.#socket.pause()
  }

  resume(reason: string): void {
    if (this.#pauses.delete(reason) && this.#pauses.size === 0) this.#socket.resume()
  }

  maxMessage(attach: Attach): number {
    return this.#handler.maxMessage(attach)
  }

  attach(link: IncomingLink | OutgoingLink): void {
    this.#handler.attach(link)
  }

  countLink(by: 1 | -1): void {
    this.#links += by
    if (by > 0 && this.#links > MAX_LINKS)
      throw new ProtocolError('amqp:resource-limit-exceeded', `more than ${MAX_LINKS} links`)
  }

  holdPartial(bytes: number): void {
    this.#partialBytes += bytes
    // Releasing must not throw: while a connection over the limit closes, its links release one by one.
    if (bytes > 0 && this.#partialBytes > MAX_PARTIAL_BYTES)
      throw new ProtocolError('amqp:resource-limit-exceeded', 'too many unfinished deliveries')
  }

  holdSettled(session: Session): void {
    this.#unsettled.add(session)
    this.writer.schedule()
  }

  /** Drops the connection at once, as if it were lost. */
  destroy(): void {
    this.#socket.destroy()
  }

  /** Drops the connection after the written bytes have left. */
  destroySoon(): void {
    this.writer.flush()
    this.#socket.destroySoon()
  }

  /** Ends only this side of the stream, after the written bytes (a half-closed connection). */
  halfClose(): void {
    this.writer.flush()
    this.#socket.end()
  }

  /** Closes the connection with an AMQP close, which carries the error if given. The socket ends within a second. */
  close(reason?: Condition): void {
    if (this.#state === 'closed') return
    if (this.#state === 'opening') this.#writeOpen()
    if (this.#state === 'open') this.writer.write(encodeFrame(0, 'close', reason ? { error: errorField(reason) } : {}))
    this.#finish()
  }

  #finish(): void {
    this.#state = 'closed'
    for (const session of this.#sessions.values()) session.close()
    this.writer.flush()
    this.#socket.end()
    // Read and discard what the peer still sends, so that it receives the close and not a reset.
    this.#socket.resume()
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => this.#socket.destroy(), LINGER_MS)
  }

  #onData(chunk: Buffer): void {
    if (this.#state === 'closed') return
    this.#lastReceived = performance.now()
    const before = this.#socket.bytesWritten
    try {
      this.#reader.read(chunk)
    } catch (error) {
      this.#fail(error)
      return
    }
    if (this.#socket.writableLength > MAX_UNREAD_BYTES) this.pause('unread answers')
    if (chunk.length < SMALL_READ) this.#answerNagle(before)
  }

  /**
   * A client with Nagle's algorithm delays its next frame until this input is acknowledged. An empty frame
   * acknowledges at once; the kernel would wait 40 ms.
   */
  #answerNagle(writtenBefore: number): void {
    setImmediate(() => {
      if (this.#state === 'open' && this.#socket.bytesWritten === writtenBefore) this.writer.write(EMPTY_FRAME)
    })
  }

  #fail(error: unknown): void {
    if (error instanceof ProtocolError) this.close({ condition: error.condition, description: error.message })
    else if (error instanceof DecodeError) this.close({ condition: 'amqp:decode-error', description: error.message })
    else {
      // A defect of this server: log it, and let the other connections go on.
      console.error(error)
      this.close({ condition: 'amqp:internal-error', description: String(error) })
    }
  }

  #onDrain(): void {
    this.resume('unread answers')
    this.#handler.drained()
  }

  #onClose(): void {
    this.#state = 'closed'
    clearTimeout(this.#timer)
    for (const session of this.#sessions.values()) session.close()
    this.#sessions.clear()
    this.#handler.closed()
  }

  #writeSettled(): void {
    for (const session of this.#unsettled) session.writeSettled()
    this.#unsettled.clear()
  }

  /** AMQP 1.0 part 2, 2.2: answers an unsupported protocol with the supported one, and ends the connection. */
  #onHeader(bytes: Buffer, at: number): boolean {
    const header = bytes.subarray(at, at + 8)
    if (this.#state === 'header' && header.equals(SASL_HEADER)) {
      this.writer.write(SASL_HEADER)
      this.writer.write(encodeSasl('sasl_mechanisms', { sasl_server_mechanisms: MECHANISMS }))
      this.#state = 'sasl'
      return true
    }
    const expected = this.#state === 'header' || this.#state === 'authenticated'
    this.writer.write(AMQP_HEADER)
    if (expected && header.equals(AMQP_HEADER)) {
      this.#state = 'opening'
      return true
    }
    this.#finish()
    return false
  }

  #onFrame(bytes: Buffer, start: number, end: number): boolean {
    const dataOffset = byteAt(bytes, start + 4) * 4
    const type = byteAt(bytes, start + 5)
    const body = start + dataOffset
    if (dataOffset < 8 || body > end || type > 1)
      throw new ProtocolError('amqp:connection:framing-error', 'a malformed frame (AMQP 1.0 2.3.1)')
    if (this.#state === 'header' || this.#state === 'authenticated') {
      // The peer has sent no protocol header (2.2).
      this.writer.write(AMQP_HEADER)
      this.#finish()
    } else if ((type === 1) !== (this.#state === 'sasl'))
      throw new ProtocolError('amqp:connection:framing-error', 'a frame of the wrong type (AMQP 1.0 2.3.1)')
    else if (body < end) this.#onPerformative(bytes, start, body, end)
    return this.#state !== 'closed'
  }

  #onPerformative(bytes: Buffer, start: number, body: number, end: number): void {
    const channel = bytes.readUInt16BE(start + 6)
    const isPlain = bytes[body] === 0x00 && bytes[body + 1] === 0x53
    const code = isPlain ? byteAt(bytes, body + 2) : readDescriptor(bytes, body, end)
    if (this.#state === 'open') {
      // All deliveries are sent settled, so the peer's dispositions mean nothing.
      if (code === PERFORMATIVE.transfer)
        this.#onTransfer(bytes, channel, isPlain ? body + 3 : valueEnd(bytes, body + 1, end), end)
      else if (code !== PERFORMATIVE.disposition)
        this.#onControl(code, channel, bytes.subarray(start, end), body - start)
    } else if (this.#state === 'sasl') this.#onSasl(code, bytes.subarray(start, end), body - start)
    else this.#onOpen(code, bytes.subarray(start, end), body - start)
  }

  #onSasl(code: number, frame: Buffer, body: number): void {
    if (code !== PERFORMATIVE.saslInit)
      throw new ProtocolError('amqp:not-allowed', 'sasl-init is expected (AMQP 1.0 5.3.2)')
    const { mechanism, initial_response } = decodePerformative<SaslInit>(frame, body)
    const plain = mechanism === 'PLAIN' && Buffer.isBuffer(initial_response) ? readPlain(initial_response) : undefined
    const known =
      mechanism === 'PLAIN'
        ? plain !== undefined && this.#handler.authenticate(plain.user, plain.password)
        : MECHANISMS.includes(String(mechanism))
    this.writer.write(encodeSasl('sasl_outcome', { code: known ? SASL_OK : SASL_AUTH }))
    if (known) this.#state = 'authenticated'
    else this.#finish()
  }

  #onOpen(code: number, frame: Buffer, body: number): void {
    if (code !== PERFORMATIVE.open) throw new ProtocolError('amqp:not-allowed', 'open is expected (AMQP 1.0 2.4.1)')
    const open = decodePerformative<Open>(frame, body)
    const maxFrame = readUint(open.max_frame_size ?? 0xffff_ffff, 'max-frame-size')
    if (maxFrame < MIN_FRAME)
      throw new ProtocolError('amqp:not-allowed', `a max-frame-size below ${MIN_FRAME} (AMQP 1.0 2.7.1)`)
    this.#maxFrame = Math.min(maxFrame, MAX_FRAME)
    this.#writeOpen()
    this.#watch(readUint(open.idle_time_out ?? 0, 'idle-time-out'))
  }

  #writeOpen(): void {
    this.writer.write(
      encodeFrame(0, 'open', {
        container_id: 'tidemark-eventhubs',
        max_frame_size: MAX_FRAME,
        channel_max: CHANNEL_MAX,
        idle_time_out: IDLE_MS,
      }),
    )
    this.#state = 'open'
  }

  /** AMQP 1.0 part 2, 2.4.5: sends empty frames in time, and drops a peer that is silent for too long. */
  #watch(peerIdleMs: number): void {
    clearTimeout(this.#timer)
    const every = Math.min(Math.max(peerIdleMs / 4 || IDLE_MS, 25), IDLE_MS / 4)
    this.#timer = setInterval(() => {
      if (performance.now() - this.#lastReceived > 2 * IDLE_MS) this.#socket.destroy()
      else if (peerIdleMs > 0 && this.#socket.bytesWritten === this.#lastWritten) this.writer.write(EMPTY_FRAME)
      this.#lastWritten = this.#socket.bytesWritten
    }, every)
  }

  #onTransfer(bytes: Buffer, channel: number, list: number, end: number): void {
    const session = this.#session(channel)
    if (session.ended) return
    readTransfer(bytes, list, end, this.#transfer)
    try {
      session.onTransfer(this.#transfer, bytes, end)
    } catch (error) {
      endSession(session, error)
    }
  }

  #onControl(code: number, channel: number, frame: Buffer, body: number): void {
    if (code === PERFORMATIVE.begin) this.#onBegin(channel, decodePerformative<Begin>(frame, body))
    else if (code === PERFORMATIVE.close) this.close()
    else if (code === PERFORMATIVE.end) {
      this.#session(channel).end()
      this.#sessions.delete(channel)
    } else this.#onLinkControl(code, this.#session(channel), frame, body)
  }

  #onLinkControl(code: number, session: Session, frame: Buffer, body: number): void {
    if (session.ended) return
    try {
      if (code === PERFORMATIVE.attach) session.onAttach(decodePerformative<Attach>(frame, body))
      else if (code === PERFORMATIVE.detach) session.onDetach(decodePerformative<Detach>(frame, body))
      else if (code === PERFORMATIVE.flow) session.onFlow(decodePerformative<Flow>(frame, body))
      else throw new ProtocolError('amqp:not-allowed', `an unexpected performative 0x${code.toString(16)}`)
    } catch (error) {
      endSession(session, error)
    }
  }

  #onBegin(channel: number, begin: Begin): void {
    if (channel > CHANNEL_MAX)
      throw new ProtocolError(
        'amqp:connection:framing-error',
        `channel ${channel} is above ${CHANNEL_MAX} (AMQP 1.0 2.7.1)`,
      )
    if (this.#sessions.has(channel))
      throw new ProtocolError('amqp:not-allowed', `channel ${channel} already has a session (AMQP 1.0 2.5.1)`)
    this.#sessions.set(channel, new Session(this, channel, begin))
  }

  #session(channel: number): Session {
    const session = this.#sessions.get(channel)
    if (!session)
      throw new ProtocolError('amqp:not-allowed', `no session has begun on channel ${channel} (AMQP 1.0 2.5.1)`)
    return session
  }
}

/** Ends the session if the error concerns only the session; otherwise throws it again. */
function endSession(session: Session, error: unknown): void {
  if (!(error instanceof ProtocolError) || !error.session) throw error
  session.end({ condition: error.condition, description: error.message })
}

/** Reads a performative's code from a full ulong or symbol descriptor (AMQP 1.0 part 1, 1.3). */
function readDescriptor(bytes: Buffer, at: number, end: number): number {
  if (bytes[at] !== 0x00) throw new DecodeError('a frame holds no described value')
  valueEnd(bytes, at + 1, end)
  if (bytes[at + 1] === 0x80) return uint32At(bytes, at + 2) === 0 ? uint32At(bytes, at + 6) : -1
  return SYMBOLS[textAt(bytes, at + 1) ?? ''] ?? -1
}
