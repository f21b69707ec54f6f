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
/** AMQP 1.0 part 2, 2.7.1: no peer may take less. */
const MIN_FRAME = 512
const CHANNEL_MAX = 999
/** Links of one connection, whatever sessions they are in. */
const MAX_LINKS = 1000
/** What a connection's unfinished deliveries may hold. */
const MAX_PARTIAL_BYTES = 16 * 1024 * 1024
const IDLE_MS = 120_000
/** By then a connection is opened. */
const HANDSHAKE_MS = 60_000
/** Beyond this a peer that does not read its answers is not read either. */
const MAX_UNREAD_BYTES = 1024 * 1024
const LINGER_MS = 1000
/** A client that waits for an acknowledgement (`#answerNagle`) has sent less than this. */
const SMALL_READ = 4096

const AMQP_HEADER = Buffer.from('AMQP\x00\x01\x00\x00', 'latin1')
const SASL_HEADER = Buffer.from('AMQP\x03\x01\x00\x00', 'latin1')
const EMPTY_FRAME = Buffer.from([0, 0, 0, 8, 2, 0, 0, 0])

const SYMBOLS: Readonly<Record<string, number>> = Object.fromEntries(
  Object.entries(PERFORMATIVE).map(([name, code]) => [`amqp:${name === 'saslInit' ? 'sasl-init' : name}:list`, code]),
)

/** What a connection asks of whoever serves it. */
export interface ConnectionHandler {
  /** SASL PLAIN. */
  authenticate(user: string, password: string): boolean
  /** Accepts or refuses a link that the peer attaches. */
  attach(link: IncomingLink | OutgoingLink): void
  /** Largest message, in bytes, taken on a link that the peer sends on. */
  maxMessage(attach: Attach): number
  /** The socket takes more again. */
  drained(): void
  closed(): void
}

type State = 'header' | 'sasl' | 'authenticated' | 'opening' | 'open' | 'closed'

/**
 * The server's side of an AMQP 1.0 connection (part 2, 2.4) on a socket: protocol headers, SASL, open,
 * sessions, idle time-out, errors. What a peer does wrong ends its session or this connection, with the
 * condition of the specification.
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

  /** The socket holds what it could not send yet. */
  get isCongested(): boolean {
    return this.#socket.writableNeedDrain
  }

  get links(): (IncomingLink | OutgoingLink)[] {
    return [...this.#sessions.values()].flatMap((session) => [...session.links])
  }

  /** Stops reading the peer for a reason of the caller's, until `resume` with the same one. */
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
    // Giving back must not throw: the links of a connection that held too much do it one by one while it closes.
    if (bytes > 0 && this.#partialBytes > MAX_PARTIAL_BYTES)
      throw new ProtocolError('amqp:resource-limit-exceeded', 'too many unfinished deliveries')
  }

  holdSettled(session: Session): void {
    this.#unsettled.add(session)
    this.writer.schedule()
  }

  /** Ends the connection at once, as a lost one would. */
  destroy(): void {
    this.#socket.destroy()
  }

  /** Ends the connection when what was written has left. */
  destroySoon(): void {
    this.writer.flush()
    this.#socket.destroySoon()
  }

  /** Ends this side of the stream alone, after what was written (a half-closed connection). */
  halfClose(): void {
    this.writer.flush()
    this.#socket.end()
  }

  /** Closes in an orderly way, with an error when there is one; the socket is gone at the latest after a second. */
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
    // What a peer goes on sending is read and forgotten, so that it hears the close instead of a reset.
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
   * A client with Nagle's algorithm holds its next frame back until this input is acknowledged: an empty
   * frame does that at once, the kernel only after 40 ms.
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
      // A defect of this server: it is told, and other connections go on.
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

  /** AMQP 1.0 part 2, 2.2: what is not spoken here is answered with what is, and the end. */
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
      // Not a word of AMQP was heard yet (2.2).
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
      // Everything is sent settled: a peer has nothing to say about it in a disposition.
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

  /** AMQP 1.0 part 2, 2.4.5: the peer hears an empty frame in time, and is gone when it is silent for too long. */
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
      throw new ProtocolError('amqp:not-allowed', `channel ${channel} has begun (AMQP 1.0 2.5.1)`)
    this.#sessions.set(channel, new Session(this, channel, begin))
  }

  #session(channel: number): Session {
    const session = this.#sessions.get(channel)
    if (!session)
      throw new ProtocolError('amqp:not-allowed', `no session has begun on channel ${channel} (AMQP 1.0 2.5.1)`)
    return session
  }
}

/** Ends the session that an error is about; throws what is about the whole connection. */
function endSession(session: Session, error: unknown): void {
  if (!(error instanceof ProtocolError) || !error.session) throw error
  session.end({ condition: error.condition, description: error.message })
}

/** The performative's code, where its descriptor is a full ulong or a symbol (AMQP 1.0 part 1, 1.3). */
function readDescriptor(bytes: Buffer, at: number, end: number): number {
  if (bytes[at] !== 0x00) throw new DecodeError('a frame holds no described value')
  valueEnd(bytes, at + 1, end)
  if (bytes[at + 1] === 0x80) return uint32At(bytes, at + 2) === 0 ? uint32At(bytes, at + 6) : -1
  return SYMBOLS[textAt(bytes, at + 1) ?? ''] ?? -1
}
