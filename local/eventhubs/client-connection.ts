import type { Socket } from 'node:net'
import type { Connection, Delivery, EventContext, Receiver, Sender, Session } from 'rhea'
import rhea from 'rhea'
import { type Address, type EgressAddress, parseAddress } from './address.ts'
import { Claims } from './cbs.ts'
import { badEpoch, badFilter, beyondEnd, conditionOf, entityNotFound, STOPPING } from './conditions.ts'
import { ConsumerLink } from './consumer-link.ts'
import type { Hub } from './hub.ts'
import { readManagement } from './management.ts'
import type { PartitionLog } from './partition-log.ts'
import { Backlog, ProducerLink } from './producer-link.ts'
import { RequestNode } from './request-node.ts'
import { sessionOf } from './rhea-internals.ts'
import type { SharedAccessKey } from './sas-token.ts'
import { EARLIEST, parseSelector, type StartPosition } from './start-position.ts'
import { guardTransfers } from './transfer-guard.ts'

/** The service's limit of one send. */
const MAX_MESSAGE = 1024 * 1024
const MAX_FRAME = 1024 * 1024
/** AMQP 1.0 part 2, 2.7.1: no peer may take less. rhea would cut a message into frames of no bytes, without end. */
const MIN_FRAME = 512
const IDLE_MS = 120_000
const SELECTOR = 'apache.org:selector-filter:string'
const METRICS = 'com.microsoft:enable-receiver-runtime-metric'

/** What a connection serves. */
export interface Namespace {
  /** By name in lower case. */
  readonly hubs: ReadonlyMap<string, Hub>
  readonly key: SharedAccessKey
}

/** One client's connection: which links it may attach, and what comes over them. */
export class ClientConnection {
  readonly #namespace: Namespace
  readonly #socket: Socket
  readonly #connection: Connection
  readonly #claims: Claims
  readonly #backlog: Backlog
  readonly #incoming = new Map<Receiver, ProducerLink | RequestNode>()
  readonly #outgoing = new Map<Sender, { readonly link: ConsumerLink; readonly leave: () => void }>()
  readonly #closed: Promise<void>

  constructor(socket: Socket, namespace: Namespace) {
    this.#socket = socket
    this.#namespace = namespace
    this.#claims = new Claims(namespace.key)
    this.#backlog = new Backlog(socket)
    // A container of its own: rhea keeps SASL mechanisms and event handlers there.
    const container = rhea.create_container({ id: 'tidemark-eventhubs' })
    const sasl = container.sasl_server_mechanisms
    sasl.enable_anonymous()
    sasl.enable_plain((user: string, password: string) => this.#claims.authenticate(user, password))
    // Both let anyone in, as ANONYMOUS does: what a connection may do is decided on $cbs.
    sasl.MSSBCBS = sasl.ANONYMOUS
    sasl.EXTERNAL = sasl.ANONYMOUS
    this.#connection = container.create_connection({
      max_frame_size: MAX_FRAME,
      idle_time_out: IDLE_MS,
      receiver_options: { credit_window: 0, autoaccept: false, max_message_size: MAX_MESSAGE },
      // Everything is sent settled: a consumer's position is its own checkpoint.
      sender_options: { snd_settle_mode: 1 },
    } as Parameters<typeof container.create_connection>[0])
    this.#closed = new Promise((resolve) => socket.once('close', () => resolve()))
    this.#accept()
  }

  /** Detaches every link, closes, and settles when the socket is closed. */
  async stop(): Promise<void> {
    for (const { link, leave } of this.#outgoing.values()) {
      link.close()
      leave()
    }
    this.#connection.each_link((link: Sender | Receiver) => link.close(STOPPING))
    this.#connection.close()
    const timer = setTimeout(() => this.#socket.destroy(), 1000)
    await this.#closed
    clearTimeout(timer)
  }

  #accept(): void {
    const connection = this.#connection
    const socket = this.#socket
    socket.setNoDelay(true)
    // Also a client that connects and says nothing.
    socket.setTimeout(2 * IDLE_MS, () => socket.destroy())
    socket.on('close', () => this.#gone())
    socket.on('drain', () => this.#pump())
    connection.on('connection_open', () => {
      if ((connection.max_frame_size ?? MAX_FRAME) < MIN_FRAME) socket.destroy()
    })
    connection.on('receiver_open', (context: EventContext) => this.#attach(context.receiver as Receiver, true))
    connection.on('sender_open', (context: EventContext) => this.#attach(context.sender as Sender, false))
    connection.on('receiver_close', (context: EventContext) => this.#incoming.delete(context.receiver as Receiver))
    connection.on('sender_close', (context: EventContext) => this.#detached(context.sender as Sender))
    connection.on('session_open', (context: EventContext) => beginWindow(context.session as Session))
    connection.on('session_close', (context: EventContext) => this.#ended(context.session as Session))
    // The peer's errors end what they name; the close events above see to that.
    for (const name of ['sender_error', 'receiver_error', 'session_error', 'connection_error', 'connection_close'])
      connection.on(name, () => {})
    connection.on('disconnected', () => {})
    // What rhea or a handler throws on malformed input ends this connection alone.
    for (const name of ['error', 'protocol_error']) connection.on(name, () => socket.destroy())
    this.#receiveMessages()
    this.#watchInput()
    connection.accept(socket)
  }

  #receiveMessages(): void {
    const droppedWhy = guardTransfers(this.#connection, MAX_MESSAGE)
    this.#connection.on('message', ({ receiver, delivery, message }: EventContext) => {
      if (!receiver || !delivery) return
      const dropped = droppedWhy(receiver)
      if (dropped === 'aborted') delivery.update(true)
      else if (dropped) delivery.reject(conditionOf(dropped))
      else this.#incoming.get(receiver)?.onMessage(message as unknown as Buffer, delivery as Delivery)
    })
  }

  #watchInput(): void {
    const connection = this.#connection
    const socket = this.#socket
    const input = connection.input.bind(connection)
    connection.input = (bytes: Buffer) => {
      const written = socket.bytesWritten
      input(bytes)
      // The size of the frame that rhea collects, as the peer states it.
      if (connection.frame_size > MAX_FRAME) socket.destroy()
      setImmediate(() => {
        // A client with Nagle's algorithm holds its next frame back until this input is acknowledged: an empty frame does
        // that at once, the kernel only after 40 ms.
        if (socket.bytesWritten === written && connection.is_open()) connection._write_frame()
      })
    }
    const onFlow = connection.on_flow.bind(connection)
    connection.on_flow = (frame: unknown) => {
      onFlow(frame)
      this.#pump()
    }
    // Nothing that is sent or received here stays unsettled; rhea would walk any range a peer names.
    connection.on_disposition = () => {}
  }

  #attach(link: Sender | Receiver, sends: boolean): void {
    const terminus = sends ? link.target : link.source
    const path = String(terminus?.address ?? '')
    try {
      const address = parseAddress(path, sends)
      if (!address) throw entityNotFound(path)
      if (sends) this.#attachReceiver(link as Receiver, address, path)
      else if (address.node === 'egress') this.#attachConsumer(link as Sender, address, path)
      link.set_source({ ...(link.source?.filter && { filter: link.source.filter }), address: link.source?.address })
      link.set_target({ address: link.target?.address })
    } catch (error) {
      link.close(conditionOf(error))
    }
    // The attach leaves at once: rhea writes waiting transfers before it, if a client's first flow comes in the same read.
    this.#connection._process()
  }

  #hub(name: string, path: string): Hub {
    this.#claims.check(path)
    const hub = this.#namespace.hubs.get(name.toLowerCase())
    if (!hub) throw entityNotFound(name)
    return hub
  }

  #attachReceiver(receiver: Receiver, address: Address, path: string): void {
    if (address.node === 'cbs') {
      this.#incoming.set(receiver, new RequestNode(receiver, (request) => this.#claims.putToken(request)))
    } else if (address.node === 'management') {
      const findHub = (name: string): Hub => this.#hub(name, `${name}/$management`)
      this.#incoming.set(receiver, new RequestNode(receiver, (request) => readManagement(findHub, request)))
    } else if (address.node === 'ingress') {
      const hub = this.#hub(address.hub, path)
      const fixed = address.partition === undefined ? undefined : hub.partition(address.partition)
      this.#incoming.set(receiver, new ProducerLink(receiver, (key) => fixed ?? hub.partitionFor(key), this.#backlog))
    }
  }

  #attachConsumer(sender: Sender, { hub: name, group, partition }: EgressAddress, path: string): void {
    const hub = this.#hub(name, path)
    const receivers = hub.receivers(group, partition)
    const log = hub.partition(partition)
    const link = new ConsumerLink(sender, this.#socket, log, {
      start: startOf(sender, log),
      epoch: epochOf(sender),
      metrics: [sender.desired_capabilities].flat().includes(METRICS),
    })
    try {
      receivers.join(link)
    } catch (error) {
      link.close()
      throw error
    }
    this.#outgoing.set(sender, { link, leave: () => receivers.leave(link) })
  }

  #pump(): void {
    for (const { link } of this.#outgoing.values()) link.pump()
  }

  #detached(sender: Sender): void {
    const found = this.#outgoing.get(sender)
    this.#outgoing.delete(sender)
    found?.link.close()
    found?.leave()
  }

  #ended(session: Session): void {
    for (const sender of this.#outgoing.keys()) if (sender.session === session) this.#detached(sender)
    for (const receiver of this.#incoming.keys()) if (receiver.session === session) this.#incoming.delete(receiver)
  }

  #gone(): void {
    for (const sender of this.#outgoing.keys()) this.#detached(sender)
    this.#incoming.clear()
    // rhea hears only of an orderly end; its timers would outlive the socket.
    this.#connection._disconnected()
  }
}

/** Before the peer's first flow its window starts at its first transfer (AMQP 1.0 part 2, 2.5.6); rhea computes NaN. */
function beginWindow(session: Session): void {
  const { outgoing } = sessionOf({ session } as Sender)
  outgoing.remote_next_transfer_id ??= outgoing.next_transfer_id
}

function epochOf(sender: Sender): number | undefined {
  const epoch: unknown = sender.properties?.['com.microsoft:epoch'] ?? undefined
  if (epoch !== undefined && !Number.isSafeInteger(epoch)) throw badEpoch(epoch)
  return epoch as number | undefined
}

function startOf(sender: Sender, log: PartitionLog): StartPosition {
  const described: unknown = sender.source?.filter?.[SELECTOR]
  if (described === undefined || described === null) return EARLIEST
  const selector = typeof described === 'object' && 'value' in described ? String(described.value) : String(described)
  const start = parseSelector(selector)
  if (!start) throw badFilter(selector)
  const { lastSequence, lastOffset } = log.info
  if (start === 'latest') return { key: 'sequence', min: lastSequence + 1 }
  // Such a position comes from another log of this name: waiting for it would look like a hub without events.
  if (start.key === 'sequence' && start.min > lastSequence + 1)
    throw beyondEnd('sequence number', start.min, lastSequence)
  if (start.key === 'offset' && start.min > lastOffset + 1) throw beyondEnd('offset', start.min, lastOffset)
  return start
}
