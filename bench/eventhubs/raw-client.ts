import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import {
  AMQP_HEADER,
  acceptFrame,
  attachReceiver,
  attachSender,
  beginFrame,
  type Described,
  dataSection,
  durableMessage,
  EMPTY_FRAME,
  flowFrame,
  openFrame,
  PERFORMATIVE,
  plainHandshake,
  readPerformative,
  transferFrame,
  type Value,
} from '../../packages/event-hubs/test/amqp-wire.ts'

/**
 * An AMQP 1.0 client with as little overhead as possible, so that the broker's own rate shows. Transfers are
 * sent as copies of one encoded frame. Received ones are counted, not decoded. It respects credit, session
 * windows and the peer's frame size.
 */

/** The address of a broker, and the user and password of SASL PLAIN. */
export interface Broker {
  readonly port: number
  readonly user: string
  readonly password: string
  /** The name in `open`, from which RabbitMQ reads the virtual host. */
  readonly hostname: string
}

const MAX_FRAME = 128 * 1024
const READ_BUFFER = 1024 * 1024
const WRITE_CHUNK = 256 * 1024
const BATCH_FORMAT = 0x80013700
/** In transfers; larger than any credit given here. */
const INCOMING_WINDOW = 100_000
const CHANNEL = 0
const HANDLE = 0
const ACCEPTED = 0x24
const UINT_SIZE = 2 ** 32

type Performative = (code: number, fields: readonly Value[]) => void
/** The bytes of a transfer frame from its performative on, as a view that is valid during the call. */
type Transfer = (bytes: Buffer, at: number, end: number) => void

/** A connection with one session. */
class RawConnection {
  readonly socket: Socket
  /** Called for every performative except a transfer. */
  onPerformative: Performative = () => {}
  onTransfer: Transfer = () => {}
  /** Called after all frames of one read. */
  onIdle: () => void = () => {}
  /** Rejects when the connection ends or the broker violates the protocol. */
  readonly failed: Promise<never>
  readonly #fail: (error: Error) => void
  readonly #buffer = Buffer.allocUnsafe(READ_BUFFER)
  #filled = 0
  /** Protocol headers not yet received: SASL's and AMQP's. */
  #headers = 2
  #heartbeat: NodeJS.Timeout | undefined
  #awaited: { readonly code: number; readonly resolve: (fields: readonly Value[]) => void } | undefined

  private constructor(port: number) {
    const failure = Promise.withResolvers<never>()
    this.failed = failure.promise
    this.failed.catch(() => {})
    this.#fail = failure.reject
    this.socket = connect({
      port,
      host: '127.0.0.1',
      noDelay: true,
      onread: {
        buffer: () => this.#buffer.subarray(this.#filled),
        callback: (bytes) => {
          this.#filled += bytes
          try {
            this.#read()
            this.onIdle()
          } catch (error) {
            this.socket.destroy(error as Error)
          }
          return true
        },
      },
    })
    this.socket.on('error', this.#fail)
    this.socket.on('close', () => {
      clearInterval(this.#heartbeat)
      this.#fail(new Error('the broker closed the connection'))
    })
  }

  /** Connects, opens the connection and begins the session. */
  static async open(broker: Broker): Promise<{ connection: RawConnection; maxFrame: number; window: number }> {
    const connection = new RawConnection(broker.port)
    await Promise.race([once(connection.socket, 'connect'), connection.failed])
    connection.socket.write(plainHandshake(broker.user, broker.password))
    const [code] = await connection.next(PERFORMATIVE.saslOutcome)
    if (code !== 0) throw new Error(`SASL PLAIN was refused with code ${code}`)
    const open = { container: 'tidemark-bench', hostname: broker.hostname, maxFrame: MAX_FRAME, idleMs: 120_000 }
    connection.socket.write(Buffer.concat([AMQP_HEADER, openFrame(open)]))
    const [, , maxFrame = UINT_SIZE, , idleMs] = await connection.next(PERFORMATIVE.open)
    if (idleMs) connection.#heartbeat = setInterval(() => connection.socket.write(EMPTY_FRAME), Number(idleMs) / 2)
    connection.socket.write(beginFrame(CHANNEL, INCOMING_WINDOW))
    const [, , window] = await connection.next(PERFORMATIVE.begin)
    return { connection, maxFrame: Number(maxFrame), window: Number(window) }
  }

  /** The fields of the next performative of a kind. */
  next(wanted: number): Promise<readonly Value[]> {
    const found = new Promise<readonly Value[]>((resolve) => {
      this.#awaited = { code: wanted, resolve }
    })
    return Promise.race([found, this.failed])
  }

  close(): void {
    this.socket.destroy()
  }

  #read(): void {
    const bytes = this.#buffer
    let at = 0
    while (this.#filled - at >= 8) {
      if (this.#headers > 0 && bytes.toString('latin1', at, at + 4) === 'AMQP') {
        this.#headers--
        at += 8
        continue
      }
      const size = bytes.readUInt32BE(at)
      if (size < 8 || size > READ_BUFFER) throw new Error(`the broker sent a frame of ${size} bytes`)
      if (this.#filled - at < size) break
      if (size > 8) this.#frame(bytes, at + (bytes[at + 4] ?? 0) * 4, at + size)
      at += size
    }
    bytes.copyWithin(0, at, this.#filled)
    this.#filled -= at
  }

  #frame(bytes: Buffer, at: number, end: number): void {
    // A descriptor is a ulong of one byte or of eight.
    const code = bytes[at + 1] === 0x53 ? bytes[at + 2] : bytes[at + 9]
    if (code === PERFORMATIVE.transfer) {
      this.onTransfer(bytes, at, end)
      return
    }
    const { fields } = readPerformative(bytes, at)
    if (code === PERFORMATIVE.detach || code === PERFORMATIVE.end || code === PERFORMATIVE.close)
      throw new Error(`the broker ended the link: ${JSON.stringify(fields)}`)
    if (code === this.#awaited?.code) this.#awaited?.resolve(fields)
    this.onPerformative(Number(code), fields)
  }
}

/** Opens a connection and a session, and closes them: the minimum before a client can do anything. */
export async function openSession(broker: Broker): Promise<void> {
  const { connection } = await RawConnection.open(broker)
  connection.close()
}

export interface Sending {
  readonly broker: Broker
  readonly address: string
  /** The bytes of each event's body. */
  readonly bodyBytes: number
  /** 1: each transfer is a message. Otherwise each is a batch of this many, which only Event Hubs understands. */
  readonly perTransfer: number
  /** The maximum number of transfers without a disposition. */
  readonly window: number
  /** The run ends at whichever limit comes first. */
  readonly seconds: number
  readonly maxEvents: number
}

export interface Rate {
  readonly events: number
  readonly seconds: number
}

/**
 * Sends until the time is up, and resolves when every transfer is acknowledged. Bodies hold numbers from 0
 * on.
 * @throws if one is rejected or the connection ends.
 */
export async function sendEvents(options: Sending): Promise<Rate> {
  const { connection, maxFrame, window: sessionWindow } = await RawConnection.open(options.broker)
  try {
    const attach = { name: `bench-${process.pid}`, handle: HANDLE, address: options.address, senderSettles: 0 }
    // It listens before it attaches, because the first credit may arrive in the same read as the answer.
    const sender = new Sender(connection, options, maxFrame, sessionWindow)
    connection.socket.write(attachSender(CHANNEL, { ...attach, durable: 2 }))
    await connection.next(PERFORMATIVE.attach)
    return await sender.run()
  } finally {
    connection.close()
  }
}

class Sender {
  readonly #connection: RawConnection
  readonly #options: Sending
  readonly #template: FrameTemplate
  /** The numbers of sent and of settled transfers. */
  #sent = 0
  #settled = 0
  /** The transfer counts up to which link and session allow sending. */
  #creditEnd = 0
  #windowEnd: number
  #last: number
  #blocked = false
  readonly #done = Promise.withResolvers<void>()

  constructor(connection: RawConnection, options: Sending, maxFrame: number, sessionWindow: number) {
    this.#connection = connection
    this.#options = options
    this.#template = new FrameTemplate(options.bodyBytes, options.perTransfer)
    if (this.#template.bytes.length > maxFrame)
      throw new Error(`a transfer of ${this.#template.bytes.length} bytes exceeds the broker's limit of ${maxFrame}`)
    this.#windowEnd = sessionWindow
    this.#last = Math.ceil(options.maxEvents / options.perTransfer)
    connection.onPerformative = (code, fields) => this.#hear(code, fields)
  }

  async run(): Promise<Rate> {
    const startedAt = performance.now()
    const { socket } = this.#connection
    this.#connection.onIdle = () => this.#pump()
    socket.on('drain', () => {
      this.#blocked = false
      this.#pump()
    })
    const timer = setTimeout(() => {
      this.#last = Math.min(this.#last, this.#sent)
      this.#pump()
    }, this.#options.seconds * 1000)
    this.#pump()
    await Promise.race([this.#done.promise, this.#connection.failed])
    clearTimeout(timer)
    return { events: this.#sent * this.#options.perTransfer, seconds: (performance.now() - startedAt) / 1000 }
  }

  #hear(code: number, fields: readonly Value[]): void {
    if (code === PERFORMATIVE.flow) {
      const [nextIncoming = 0, window, , , handle, deliveryCount = 0, credit] = fields
      this.#windowEnd = Number(nextIncoming) + Number(window)
      if (handle === HANDLE) this.#creditEnd = Number(deliveryCount) + Number(credit)
    } else if (code === PERFORMATIVE.disposition) {
      const [, first, last = first, , state] = fields
      if ((state as Described).descriptor !== ACCEPTED)
        throw new Error(`the broker did not accept: ${JSON.stringify(state)}`)
      this.#settled += Number(last) - Number(first) + 1
      if (this.#settled > this.#sent) throw new Error('the broker settled more than was sent')
    }
  }

  #pump(): void {
    if (this.#settled === this.#last) this.#done.resolve()
    if (this.#blocked) return
    const end = Math.min(this.#last, this.#settled + this.#options.window, this.#creditEnd, this.#windowEnd)
    while (this.#sent < end && !this.#blocked) {
      const count = Math.min(end - this.#sent, Math.max(1, Math.floor(WRITE_CHUNK / this.#template.bytes.length)))
      this.#blocked = !this.#connection.socket.write(this.#template.copies(this.#sent, count))
      this.#sent += count
    }
  }
}

/** A transfer frame that is encoded once. Each copy has its own delivery id and tag, and numbers its events. */
class FrameTemplate {
  readonly bytes: Buffer
  readonly #perTransfer: number
  readonly #ids: readonly number[]
  readonly #numbers: readonly number[]

  constructor(bodyBytes: number, perTransfer: number) {
    const placeholder = 0xfeed_a5f0
    const body = Buffer.alloc(bodyBytes, 'x')
    body.writeUInt32BE(placeholder, 0)
    const message = durableMessage(body)
    const fields = { handle: HANDLE, deliveryId: placeholder, format: perTransfer === 1 ? 0 : BATCH_FORMAT }
    const events = Array.from({ length: perTransfer }, () => dataSection(message))
    this.bytes = transferFrame(CHANNEL, fields, perTransfer === 1 ? message : Buffer.concat(events))
    const placeholders: number[] = []
    const wanted = Buffer.alloc(4)
    wanted.writeUInt32BE(placeholder)
    for (let at = this.bytes.indexOf(wanted); at >= 0; at = this.bytes.indexOf(wanted, at + 4)) placeholders.push(at)
    this.#perTransfer = perTransfer
    this.#ids = placeholders.slice(0, 2)
    this.#numbers = placeholders.slice(2)
    if (this.#numbers.length !== perTransfer) throw new Error('the numbers of a transfer were not found')
  }

  copies(first: number, count: number): Buffer {
    const size = this.bytes.length
    const chunk = Buffer.allocUnsafe(size * count)
    for (let i = 0; i < count; i++) {
      const at = i * size
      this.bytes.copy(chunk, at)
      for (const id of this.#ids) chunk.writeUInt32BE(first + i, at + id)
      let event = (first + i) * this.#perTransfer
      for (const number of this.#numbers) chunk.writeUInt32BE(event++, at + number)
    }
    return chunk
  }
}

export interface Receiving {
  readonly broker: Broker
  readonly address: string
  readonly bodyBytes: number
  /** The number of events, counted from 0. */
  readonly events: number
  readonly credit: number
  /** Whether deliveries arrive unsettled and are accepted in ranges. */
  readonly acknowledge: boolean
  /** Whether the broker numbers its messages in `x-opt-sequence-number`. */
  readonly numbered: boolean
}

/**
 * Receives this many events and checks the first and the last number.
 * @throws if these are not the ones sent, or the connection ends.
 */
export async function receiveEvents(options: Receiving): Promise<Rate> {
  const { connection } = await RawConnection.open(options.broker)
  try {
    const settles = options.acknowledge ? 0 : 1
    const attach = { name: `bench-${process.pid}`, handle: HANDLE, address: options.address, senderSettles: settles }
    connection.socket.write(attachReceiver(CHANNEL, { ...attach, durable: 2 }))
    const [, , , , , , , , , initialCount = 0] = await connection.next(PERFORMATIVE.attach)
    return await new Receiver(connection, options, Number(initialCount)).run()
  } finally {
    connection.close()
  }
}

class Receiver {
  readonly #connection: RawConnection
  readonly #options: Receiving
  readonly #initialCount: number
  #frames = 0
  #received = 0
  #granted = 0
  #accepted = 0
  #first: Buffer | undefined
  readonly #done = Promise.withResolvers<Buffer>()

  constructor(connection: RawConnection, options: Receiving, initialCount: number) {
    this.#connection = connection
    this.#options = options
    this.#initialCount = initialCount
    connection.onTransfer = (bytes, at, end) => this.#count(bytes, at, end)
    connection.onIdle = () => this.#topUp()
  }

  async run(): Promise<Rate> {
    const startedAt = performance.now()
    this.#topUp()
    const last = await Promise.race([this.#done.promise, this.#connection.failed])
    const seconds = (performance.now() - startedAt) / 1000
    const { events, bodyBytes, numbered } = this.#options
    const numbers = [this.#first ?? Buffer.alloc(0), last].map((payload) => readNumber(payload, bodyBytes))
    if (numbers[0] !== 0 || numbers[1] !== events - 1)
      throw new Error(`events 0 to ${events - 1} were sent, but ${numbers.join(' to ')} were received`)
    if (numbered) {
      const [from = Number.NaN, to = Number.NaN] = [this.#first ?? Buffer.alloc(0), last].map(readSequence)
      if (to - from !== events - 1) throw new Error(`${events} events have sequence numbers ${from} to ${to}`)
    }
    return { events, seconds }
  }

  #count(bytes: Buffer, at: number, end: number): void {
    this.#frames++
    if (isCut(bytes, at)) return
    this.#received++
    if (this.#received === 1) this.#first = Buffer.from(bytes.subarray(at, end))
    if (this.#received === this.#options.events) this.#done.resolve(Buffer.from(bytes.subarray(at, end)))
  }

  #topUp(): void {
    const { credit, acknowledge } = this.#options
    if (acknowledge && this.#received > this.#accepted) {
      // Every delivery has one id, and this session has no other link.
      this.#connection.socket.write(acceptFrame(CHANNEL, this.#accepted, this.#received - 1))
      this.#accepted = this.#received
    }
    if (this.#granted - this.#received > credit / 2) return
    this.#granted = this.#received + credit
    const link = { handle: HANDLE, deliveryCount: this.#initialCount + this.#received, credit }
    this.#connection.socket.write(
      flowFrame(CHANNEL, {
        nextIncoming: this.#frames,
        incomingWindow: INCOMING_WINDOW,
        nextOutgoing: 0,
        link,
      }),
    )
  }
}

/** Whether more frames of this delivery follow: field 6 of a transfer (AMQP 1.0 part 2, 2.7.5). */
function isCut(bytes: Buffer, at: number): boolean {
  const list = at + (bytes[at + 1] === 0x53 ? 3 : 10)
  const code = bytes[list]
  const small = code === 0xc0
  if (!small && code !== 0xd0) return false
  if ((small ? (bytes[list + 2] ?? 0) : bytes.readUInt32BE(list + 5)) < 6) return false
  let next = list + (small ? 3 : 9)
  for (let field = 1; field < 6; field++) next += measureWidth(bytes, next)
  const more = bytes[next]
  return more === 0x41 || (more === 0x56 && bytes[next + 1] === 1)
}

/** The size of a fixed-width value or a binary, including its type code. */
function measureWidth(bytes: Buffer, at: number): number {
  const code = bytes[at] ?? 0
  const kind = code >>> 4
  if (kind === 0xa) return 2 + (bytes[at + 1] ?? 0)
  if (kind === 0xb) return 5 + bytes.readUInt32BE(at + 1)
  return kind === 0x4 ? 1 : 1 + 2 ** (kind - 5)
}

/** The number at the start of a body, which is the last part of its message. */
const readNumber = (payload: Buffer, bodyBytes: number): number =>
  payload.length < bodyBytes ? Number.NaN : payload.readUInt32BE(payload.length - bodyBytes)

function readSequence(payload: Buffer): number {
  const key = 'x-opt-sequence-number'
  const at = payload.indexOf(key) + key.length
  if (at < key.length) return Number.NaN
  return payload[at] === 0x55 ? payload.readInt8(at + 1) : Number(payload.readBigInt64BE(at + 1))
}
