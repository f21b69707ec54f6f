import type { Socket } from 'node:net'
import { type Attach, readTerminus } from '../amqp/codec.ts'
import { AmqpConnection, type ConnectionHandler } from '../amqp/connection.ts'
import { IncomingLink, type OutgoingLink } from '../amqp/link.ts'
import {
  badEpoch,
  badFilter,
  beyondEnd,
  entityNotFound,
  STOPPING,
  toCondition,
  tokenExpired,
  tooManyReplyLinks,
} from '../api/conditions.ts'
import type { LogInfo } from '../log/partition-log.ts'
import { EARLIEST, parseSelector, type StartPosition } from '../log/start-position.ts'
import type { Hub } from '../namespace/hub.ts'
import type { Namespace } from '../namespace/namespace.ts'
import { type Address, type EgressAddress, parseAddress } from './address.ts'
import { Backlog } from './backlog.ts'
import { Claims } from './cbs.ts'
import type { Client } from './client.ts'
import { ConsumerLink } from './consumer-link.ts'
import { readManagement } from './management.ts'
import { ProducerLink } from './producer-link.ts'
import { MAX_REQUEST, ReplyLink, RequestNode } from './request-node.ts'

/** The service's limit for one send: https://learn.microsoft.com/azure/event-hubs/event-hubs-quotas */
const MAX_MESSAGE = 1024 * 1024
/**
 * The selector filter's name and its descriptor's number. Either one identifies the filter: rhea may use any
 * key with the right descriptor, and the .NET SDK uses the right key with descriptor 0x468C.
 */
const SELECTOR: readonly unknown[] = ['apache.org:selector-filter:string', 0x468c00000004]
/** Most reply links. A client needs at most two for each session. */
const MAX_REPLY_LINKS = 20
const METRICS = 'com.microsoft:enable-receiver-runtime-metric'
const EPOCH = 'com.microsoft:epoch'

/** A client's connection. Decides which links it may attach, and connects them to what serves them. */
export class ClientConnection implements ConnectionHandler, Client {
  readonly namespace: Namespace
  readonly connection: AmqpConnection
  readonly backlog: Backlog
  readonly #claims: Claims
  readonly #consumers = new Map<OutgoingLink, ConsumerLink>()
  readonly #replies = new Set<ReplyLink>()
  /** Settles when the socket is closed. */
  readonly ended: Promise<void>

  constructor(socket: Socket, namespace: Namespace) {
    this.namespace = namespace
    this.#claims = new Claims(namespace.key, () => this.#detachExpired())
    this.ended = new Promise((resolve) => socket.once('close', () => resolve()))
    this.connection = new AmqpConnection(socket, this)
    this.backlog = new Backlog(this.connection)
  }

  /** Detaches every link, closes, and settles when the socket is closed. */
  async stop(): Promise<void> {
    for (const link of this.connection.links) link.detach(STOPPING)
    this.connection.close()
    await this.ended
  }

  authenticate(user: string, password: string): boolean {
    return this.#claims.authenticate(user, password)
  }

  maxMessage(attach: Attach): number {
    const address = parseAddress(readTerminus(attach.target).address, true)
    return address?.node === 'ingress' ? MAX_MESSAGE : MAX_REQUEST
  }

  attach(link: IncomingLink | OutgoingLink): void {
    const sends = link instanceof IncomingLink
    try {
      const address = parseAddress(link.address, sends)
      if (!address) throw entityNotFound(link.address)
      if (sends) this.#attachIncoming(link, address)
      else if (address.node === 'egress') this.#attachConsumer(link, address)
      else this.#attachReplies(link)
    } catch (error) {
      link.refuse(toCondition(error))
    }
  }

  drained(): void {
    for (const consumer of this.#consumers.values()) consumer.pump()
  }

  closed(): void {
    this.#claims.stop()
  }

  #hub(name: string): Hub {
    const hub = this.namespace.hubs.get(name.toLowerCase())
    if (!hub) throw entityNotFound(name)
    return hub
  }

  #attachIncoming(link: IncomingLink, address: Address): void {
    const replies = (): Iterable<ReplyLink> => this.#replies
    if (address.node === 'cbs') {
      new RequestNode(link, (request) => this.#claims.putToken(request), replies).start()
    } else if (address.node === 'management') {
      const findHub = (name: string, token: unknown): Hub => {
        this.#claims.checkRequest(`${name}/$management`, token)
        return this.#hub(name)
      }
      new RequestNode(link, (request) => readManagement(findHub, request), replies).start()
    } else if (address.node === 'ingress') {
      this.#claims.check(link.address)
      const hub = this.#hub(address.hub)
      const fixed = address.partition === undefined ? undefined : hub.partition(address.partition)
      const target = { fixed, choose: (key: string | undefined) => hub.selectPartition(key) }
      new ProducerLink(link, this, target).start()
    }
  }

  #attachReplies(link: OutgoingLink): void {
    if (this.#replies.size >= MAX_REPLY_LINKS) throw tooManyReplyLinks(MAX_REPLY_LINKS)
    const replies = new ReplyLink(link)
    this.#replies.add(replies)
    link.onClosed = () => this.#replies.delete(replies)
    link.accept()
  }

  #attachConsumer(link: OutgoingLink, { hub: name, group, partition }: EgressAddress): void {
    this.#claims.check(link.address)
    const hub = this.#hub(name)
    const receivers = hub.receivers(group, partition)
    const log = hub.partition(partition)
    const consumer = new ConsumerLink(link, this, log, {
      start: readStartPosition(link, log.info),
      epoch: readEpoch(link),
      metrics: link.desiredCapabilities.includes(METRICS),
    })
    try {
      receivers.join(consumer)
    } catch (error) {
      consumer.close()
      throw error
    }
    this.#consumers.set(link, consumer)
    link.onClosed = () => {
      this.#consumers.delete(link)
      receivers.leave(consumer)
      consumer.close()
    }
    link.accept()
    consumer.start()
  }

  #detachExpired(): void {
    for (const link of this.connection.links) {
      const address = parseAddress(link.address, link instanceof IncomingLink)
      if (address?.node !== 'ingress' && address?.node !== 'egress') continue
      if (!this.#claims.allows(link.address)) link.detach(tokenExpired(link.address))
    }
  }
}

function readEpoch(link: OutgoingLink): number | undefined {
  const epoch = link.properties[EPOCH] ?? undefined
  if (epoch !== undefined && !Number.isSafeInteger(epoch)) throw badEpoch(epoch)
  return epoch as number | undefined
}

function readStartPosition(link: OutgoingLink, { lastSequence, lastOffset }: LogInfo): StartPosition {
  const selector = readSelector(link.source.filter ?? {})
  if (selector === undefined) return EARLIEST
  const start = parseSelector(selector)
  if (!start) throw badFilter(selector)
  if (start === 'latest') return { key: 'sequence', min: lastSequence + 1 }
  // Such a position comes from another log of this name. Waiting for it would look like a hub without events.
  if (start.key === 'sequence' && start.min > lastSequence + 1)
    throw beyondEnd('sequence number', start.min, lastSequence)
  if (start.key === 'offset' && start.min > lastOffset + 1) throw beyondEnd('offset', start.min, lastOffset)
  return start
}

/**
 * @throws Refusal com.microsoft:argument-error for a filter that the service does not have. Ignoring it would
 * send events that the client did not ask for.
 */
function readSelector(filter: Readonly<Record<string, unknown>>): string | undefined {
  let selector: string | undefined
  for (const [key, field] of Object.entries(filter)) {
    if (field === null || field === undefined) continue
    const { descriptor, value = field } = Object(field) as { descriptor?: { value?: unknown }; value?: unknown }
    if (!SELECTOR.includes(key) && !SELECTOR.includes(descriptor?.value)) throw badFilter(key)
    selector = String(value)
  }
  return selector
}
