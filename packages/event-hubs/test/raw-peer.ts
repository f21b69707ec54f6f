import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { TestContext } from 'node:test'
import rhea from 'rhea'
import rheaFrames from 'rhea/lib/frames.js'
import terminus from 'rhea/lib/terminus.js'
import { within } from '../../test-support/wait.ts'
import { type EventHubsTarget, parseHostAndPort } from './support.ts'

/** A received frame: the performative's name, its fields, and the bytes after it. */
export interface ReceivedFrame {
  readonly name: string
  readonly channel: number
  readonly fields: Readonly<Record<string, unknown>>
  readonly payload: Buffer
}

const NAMES: Readonly<Record<number, string>> = {
  16: 'open',
  17: 'begin',
  18: 'attach',
  19: 'flow',
  20: 'transfer',
  21: 'disposition',
  22: 'detach',
  23: 'end',
  24: 'close',
  64: 'sasl_mechanisms',
  68: 'sasl_outcome',
}
export const AMQP_HEADER = Buffer.from('AMQP\x00\x01\x00\x00', 'latin1')
export const SASL_HEADER = Buffer.from('AMQP\x03\x01\x00\x00', 'latin1')
const KEY = '\0RootManageSharedAccessKey\0SAS_KEY_VALUE'

export type Fields = Readonly<Record<string, unknown>>

export function openSocket(target: EventHubsTarget): Socket {
  return connect(parseHostAndPort(target.connectionString))
}

/** A client that sends exactly the frames of a test, and records every received frame. */
export class RawPeer {
  readonly socket: Socket
  readonly received: ReceivedFrame[] = []
  readonly closed: Promise<unknown>
  #input: Buffer = Buffer.alloc(0)
  #next = 0
  #watch = (): void => {}

  private constructor(socket: Socket) {
    this.socket = socket
    this.closed = once(socket, 'close')
    socket.on('error', () => {})
    socket.on('data', (chunk: Buffer) => this.#read(chunk))
  }

  /** Connects and sends nothing. */
  static async connect(t: TestContext, target: EventHubsTarget): Promise<RawPeer> {
    const socket = openSocket(target)
    t.after(() => socket.destroy())
    const peer = new RawPeer(socket)
    await within(once(socket, 'connect'), 'a connection')
    return peer
  }

  /** Connects, authenticates with the key and opens. */
  static async open(t: TestContext, target: EventHubsTarget, fields: Fields = {}): Promise<RawPeer> {
    const peer = await RawPeer.connect(t, target)
    const init = { mechanism: 'PLAIN', initial_response: Buffer.from(KEY) }
    peer.socket.write(SASL_HEADER)
    peer.socket.write(rheaFrames.write_frame(rheaFrames.sasl_frame(make('sasl_init', init))))
    peer.socket.write(AMQP_HEADER)
    peer.send(0, 'open', { container_id: 'raw', ...fields })
    await peer.next('open')
    return peer
  }

  send(channel: number, performative: string, fields: Fields, payload: Buffer = Buffer.alloc(0)): void {
    this.socket.write(frame(channel, performative, fields, payload))
  }

  begin(channel: number, fields: Fields = {}): Promise<ReceivedFrame> {
    this.send(channel, 'begin', { next_outgoing_id: 0, incoming_window: 2048, outgoing_window: 2048, ...fields })
    return this.next('begin')
  }

  /** Attaches a link that sends to an address. Settles when it has credit. */
  async sender(channel: number, handle: number, address: string, fields: Fields = {}): Promise<ReceivedFrame> {
    const ends = {
      source: terminus.source({ address: 'raw' }).described(),
      target: terminus.target({ address }).described(),
    }
    this.send(channel, 'attach', {
      name: `sender ${handle}`,
      handle,
      role: false,
      initial_delivery_count: 0,
      ...ends,
      ...fields,
    })
    await this.next('attach')
    return this.next('flow')
  }

  /** Attaches a link that receives from an address. */
  receiver(channel: number, handle: number, address: string, fields: Fields = {}): Promise<ReceivedFrame> {
    const ends = {
      source: terminus.source({ address }).described(),
      target: terminus.target({ address: 'raw' }).described(),
    }
    this.send(channel, 'attach', { name: `receiver ${handle}`, handle, role: true, ...ends, ...fields })
    return this.next('attach')
  }

  credit(channel: number, handle: number, credit: number, fields: Fields = {}): void {
    this.send(channel, 'flow', {
      next_incoming_id: 0,
      incoming_window: 2048,
      next_outgoing_id: 0,
      outgoing_window: 2048,
      handle,
      delivery_count: 0,
      link_credit: credit,
      ...fields,
    })
  }

  /** Returns the next frame of this name, and skips those before it. */
  async next(name: string): Promise<ReceivedFrame> {
    const found = Promise.withResolvers<ReceivedFrame>()
    this.#watch = () => {
      while (this.#next < this.received.length) {
        const frame = this.received[this.#next++] as ReceivedFrame
        if (frame.name !== name) continue
        this.#watch = () => {}
        return found.resolve(frame)
      }
    }
    this.#watch()
    const gone = this.closed.then(() => {
      throw new Error(`the connection was closed before ${name}; received: ${this.received.map((frame) => frame.name)}`)
    })
    return within(Promise.race([found.promise, gone]), name)
  }

  /** Makes a round trip, after which everything the server sent before has been received. */
  async echo(channel: number): Promise<void> {
    this.send(channel, 'flow', {
      next_incoming_id: 0,
      incoming_window: 0,
      next_outgoing_id: 0,
      outgoing_window: 0,
      echo: true,
    })
    for (;;) if ((await this.next('flow')).fields.handle == null) return
  }

  /** The runs of deliveries that the server acknowledged. */
  get dispositions(): readonly (readonly [first: number, last: number])[] {
    return this.received
      .filter(({ name }) => name === 'disposition')
      .map(({ fields }) => [Number(fields.first), Number(fields.last ?? fields.first)])
  }

  count(name: string): number {
    return this.received.filter((frame) => frame.name === name).length
  }

  #read(chunk: Buffer): void {
    this.#input = Buffer.concat([this.#input, chunk])
    while (this.#input.length >= 8) {
      const size = this.#input.toString('latin1', 0, 4) === 'AMQP' ? 8 : this.#input.readUInt32BE(0)
      if (this.#input.length < size) break
      if (size > 8) this.#receive(this.#input.subarray(0, size))
      this.#input = this.#input.subarray(size)
    }
    this.#watch()
  }

  #receive(bytes: Buffer): void {
    const { channel, performative, payload } = rheaFrames.read_frame(bytes) as {
      channel: number
      performative: Record<string, unknown>
      payload?: Buffer
    }
    this.received.push({
      name: NAMES[bytes[10] ?? 0] ?? '?',
      channel,
      fields: performative,
      payload: payload ?? Buffer.alloc(0),
    })
  }
}

function make(performative: string, fields: Fields): unknown {
  const create = rheaFrames[performative]
  assert.ok(create, performative)
  return create(fields)
}

export function frame(
  channel: number,
  performative: string,
  fields: Fields,
  payload: Buffer = Buffer.alloc(0),
): Buffer {
  const head = rheaFrames.write_frame(rheaFrames.amqp_frame(channel, make(performative, fields)))
  const whole = Buffer.concat([head, payload])
  whole.writeUInt32BE(whole.length, 0)
  return whole
}

/** A message with one data section of JSON. */
export const encodeJson = (body: unknown): Buffer =>
  rhea.message.encode({ body: rhea.message.data_section(Buffer.from(JSON.stringify(body))) })

/** The fields of a transfer of a whole delivery. */
export const transfer = (handle: number, id: number, fields: Fields = {}): Fields => ({
  handle,
  delivery_id: id,
  delivery_tag: Buffer.from([id & 0xff]),
  message_format: 0,
  ...fields,
})

/** Returns the condition of a detach, end, close or rejection. */
export function conditionIn(received: ReceivedFrame): unknown {
  const { error, state } = received.fields as {
    error?: { condition?: unknown }
    state?: { value?: { value?: unknown[] }[] }
  }
  return error?.condition ?? (state?.value?.[0]?.value?.[0] as { value?: unknown } | undefined)?.value
}
