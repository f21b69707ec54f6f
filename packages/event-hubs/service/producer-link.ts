import { randomInt } from 'node:crypto'
import rhea from 'rhea'
import type { Condition } from '../amqp/condition.ts'
import type { Delivery, IncomingLink } from '../amqp/link.ts'
import {
  badProducer,
  missingPublishingProperties,
  producerStolen,
  serverBusy,
  toCondition,
  tooLarge,
} from '../api/conditions.ts'
import type { SendFault } from '../faults/faults.ts'
import { type PublishedEvent, type PublishingProperties, readPublished } from '../log/event-message.ts'
import type { Append, PartitionLog } from '../log/partition-log.ts'
import type { Client } from './client.ts'

const CREDIT = 1000
/** Capability of producers that number their events, so that repeated sends are recognised. */
const IDEMPOTENT = 'com.microsoft:idempotent-producer'
const ID = 'com.microsoft:producer-id'
const EPOCH = 'com.microsoft:producer-epoch'
const SEQUENCE = 'com.microsoft:producer-sequence-number'
/** Generated ids stay below this: longs that are safe integers in JavaScript clients. */
const MAX_ID = 2 ** 47
/** The epoch is a short, the sequence an int. */
const MAX_EPOCH = 2 ** 15 - 1
const MAX_SEQUENCE = 2 ** 31 - 1

interface ProducerTarget {
  /** The partition that the link names, if any. */
  readonly fixed: PartitionLog | undefined
  /** Chooses the partition of a send that names none. */
  choose(partitionKey: string | undefined): PartitionLog
}

/** Open links of idempotent producers, by partition and producer id. */
const idempotentLinks = new WeakMap<PartitionLog, Map<number, Set<ProducerLink>>>()

/** A link that a producer sends events on. Each transfer is stored, and acknowledged when it is on disk. */
export class ProducerLink {
  readonly link: IncomingLink
  readonly client: Client
  readonly #target: ProducerTarget
  #epoch: number | undefined

  constructor(link: IncomingLink, client: Client, target: ProducerTarget) {
    this.link = link
    this.client = client
    this.#target = target
    link.onDelivery = (delivery) => this.#onDelivery(delivery)
  }

  /**
   * Accepts the link and grants credit.
   * @throws Refusal com.microsoft:producer-epoch-stolen, com.microsoft:argument-error
   */
  start(): void {
    const { fixed } = this.#target
    // A link without a partition cannot number events by partition. The .NET SDK asks for it anyway, because
    // it creates its batches on such a link.
    const idempotent = fixed !== undefined && this.link.desiredCapabilities.includes(IDEMPOTENT)
    this.link.accept(idempotent ? this.#openProducer(fixed) : {})
    this.link.grant(CREDIT)
  }

  /** Builds the producer's identity from its properties; missing ones are the known values, or new ones. */
  #openProducer(log: PartitionLog): Readonly<Record<string, unknown>> {
    const { properties } = this.link
    const id = readInteger(properties, ID, Number.MAX_SAFE_INTEGER) ?? randomInt(1, MAX_ID)
    const known = log.producer(id)
    const epoch = readInteger(properties, EPOCH, MAX_EPOCH) ?? known?.epoch ?? 0
    const sequence = readInteger(properties, SEQUENCE, MAX_SEQUENCE) ?? known?.sequence ?? 0
    log.openProducer(id, epoch, sequence)
    this.#join(log, id, epoch)
    return {
      offered_capabilities: [IDEMPOTENT],
      properties: {
        [ID]: rhea.types.wrap_long(id),
        [EPOCH]: rhea.types.wrap_short(epoch),
        [SEQUENCE]: rhea.types.wrap_int(sequence),
      },
    }
  }

  #join(log: PartitionLog, id: number, epoch: number): void {
    const byId = idempotentLinks.get(log) ?? new Map<number, Set<ProducerLink>>()
    idempotentLinks.set(log, byId)
    const links = byId.get(id) ?? new Set()
    for (const other of links) {
      const theirs = other.#epoch ?? 0
      if (theirs < epoch) other.link.detach(toCondition(producerStolen(theirs, epoch)))
    }
    this.#epoch = epoch
    links.add(this)
    // Set it again: detaching the last other link has removed the set.
    byId.set(id, links)
    this.link.onClosed = () => {
      links.delete(this)
      if (links.size === 0) byId.delete(id)
    }
  }

  #onDelivery(delivery: Delivery): void {
    const { link } = this
    const { connection, namespace } = this.client
    if (link.credit <= CREDIT / 2) link.grant(CREDIT)
    try {
      const { payload } = delivery
      if (!payload) throw tooLarge(link.maxMessage)
      const { partitionKey, producer, events } = readPublished(payload, delivery.format)
      if (this.#epoch !== undefined && !producer) throw missingPublishingProperties()
      if (namespace.throttle && !namespace.throttle.admit(payload.length, events.length)) throw serverBusy()
      const fault = namespace.faults.onSend()
      if (fault === 'server-busy') throw serverBusy()
      if (fault === 'drop-before-store') {
        connection.destroy()
        return
      }
      const log = this.#target.fixed ?? this.#target.choose(partitionKey)
      const publishing = this.#epoch === undefined ? undefined : producer
      log.append(new Send(this, delivery, { events, bytes: payload.length, producer: publishing }, fault))
    } catch (error) {
      this.acknowledge(delivery, toCondition(error))
    }
  }

  acknowledge({ id, settled }: Delivery, refusal: Condition | undefined): void {
    const ms = this.client.namespace.faults.latencyMs()
    if (settled) return
    const { session } = this.link
    if (ms > 0) setTimeout(() => session.settle(id, refusal), ms)
    else session.settle(id, refusal)
  }
}

/** What a transfer stores. */
type Content = Omit<Append, 'settled'>

/** One transfer on its way to the disk. */
class Send implements Append {
  readonly events: readonly PublishedEvent[]
  readonly bytes: number
  readonly producer: PublishingProperties | undefined
  readonly #from: ProducerLink
  readonly #delivery: Delivery
  readonly #fault: SendFault | undefined

  constructor(
    from: ProducerLink,
    delivery: Delivery,
    { events, bytes, producer }: Content,
    fault: SendFault | undefined,
  ) {
    this.events = events
    this.bytes = bytes
    this.producer = producer
    this.#from = from
    this.#delivery = delivery
    this.#fault = fault
    from.client.backlog.add(bytes)
  }

  settled(error: Error | undefined): void {
    const { backlog, connection } = this.#from.client
    backlog.remove(this.bytes)
    if (this.#fault === 'drop-before-ack') connection.destroy()
    else if (this.#fault === 'half-close-before-ack') connection.halfClose()
    else {
      this.#from.acknowledge(this.#delivery, error && toCondition(error))
      if (this.#fault === 'drop-after-ack') connection.destroySoon()
      else if (this.#fault === 'half-close-after-ack') connection.halfClose()
    }
  }
}

function readInteger(properties: Readonly<Record<string, unknown>>, name: string, max: number): number | undefined {
  const value = properties[name] ?? undefined
  if (value === undefined) return undefined
  if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < 0 || value > max) throw badProducer(name)
  return value
}
