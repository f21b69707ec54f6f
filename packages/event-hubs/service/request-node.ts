import type { Message } from 'rhea'
import rhea from 'rhea'
import { checkedEnd, sectionValue } from '../amqp/encoding.ts'
import type { Delivery, IncomingLink, OutgoingLink } from '../amqp/link.ts'
import { toCondition, tooLarge } from '../api/conditions.ts'

/** Most requests that a client can have in flight. */
const REQUESTS = 100
/** Largest request, in bytes. */
export const MAX_REQUEST = 64 * 1024
/** Most answers, and their bytes, that wait for a client which gives no credit. */
const MAX_QUEUED = 2 * REQUESTS
const MAX_QUEUED_BYTES = 1024 * 1024

/** An answer of `$cbs` or `$management`. */
export interface Reply {
  readonly status: number
  readonly description: string
  readonly condition?: string
  readonly body?: unknown
}

/** The link on which a client receives its answers. */
export class ReplyLink {
  readonly link: OutgoingLink
  readonly #queue: Buffer[] = []
  #queuedBytes = 0

  constructor(link: OutgoingLink) {
    this.link = link
    link.onCapacity = () => this.#send()
  }

  /** Sends an answer as soon as there is credit. If too many answers wait, it drops the oldest. */
  push(answer: Buffer): void {
    this.#queue.push(answer)
    this.#queuedBytes += answer.length
    while (this.#queue.length > MAX_QUEUED || this.#queuedBytes > MAX_QUEUED_BYTES) this.#shift()
    this.#send()
  }

  #shift(): Buffer | undefined {
    const answer = this.#queue.shift()
    this.#queuedBytes -= answer?.length ?? 0
    return answer
  }

  #send(): void {
    while (this.link.capacity > 0) {
      const answer = this.#shift()
      if (!answer) break
      this.link.send({ bytes: answer, start: 0, end: answer.length, insert: 0 })
    }
    if (this.link.draining && this.#queue.length === 0) this.link.drained()
  }
}

/** A node that answers each request on a reply link of the same session (AMQP management, working draft 9, 3.2). */
export class RequestNode {
  readonly #link: IncomingLink
  readonly #answer: (request: Message) => Reply
  readonly #replyLinks: () => Iterable<ReplyLink>

  /** @param replyLinks returns the reply links of the client's connection. */
  constructor(link: IncomingLink, answer: (request: Message) => Reply, replyLinks: () => Iterable<ReplyLink>) {
    this.#link = link
    this.#answer = answer
    this.#replyLinks = replyLinks
    link.onDelivery = (delivery) => this.#onRequest(delivery)
  }

  start(): void {
    this.#link.accept()
    this.#link.grant(REQUESTS)
  }

  #onRequest({ payload, id, settled }: Delivery): void {
    if (this.#link.credit <= REQUESTS / 2) this.#link.grant(REQUESTS)
    const { session } = this.#link
    let request: Message
    try {
      if (!payload) throw tooLarge(MAX_REQUEST)
      request = decode(payload)
    } catch (error) {
      if (!settled) session.settle(id, toCondition(error))
      return
    }
    if (!settled) session.settle(id, undefined)
    const reply = this.#answer(request)
    this.#replyLink(request.reply_to)?.push(
      rhea.message.encode({
        ...(request.message_id !== undefined && { correlation_id: request.message_id }),
        application_properties: {
          'status-code': rhea.types.wrap_int(reply.status),
          'status-description': reply.description,
          ...(reply.condition && { 'error-condition': reply.condition }),
        },
        body: reply.body ?? null,
      }),
    )
  }

  /** Finds the reply link. `reply_to` names the link itself (`$cbs`) or its target's address (`$management`). */
  #replyLink(replyTo: string | undefined): ReplyLink | undefined {
    const { session, address } = this.#link
    const here = [...this.#replyLinks()].filter(({ link }) => link.session === session && link.address === address)
    return here.find(({ link }) => link.name === replyTo || link.target.address === replyTo) ?? here[0]
  }
}

function decode(payload: Buffer): Message {
  for (let at = 0; at < payload.length; ) at = checkedEnd(payload, sectionValue(payload, at), payload.length)
  // rhea's typings wrongly say that decode returns a Buffer.
  return rhea.message.decode(payload) as unknown as Message
}

/** Turns an error into the answer that SDKs expect: a status code and a condition. */
export function toErrorReply(error: unknown): Reply {
  const { condition, description } = toCondition(error)
  const status =
    condition === 'amqp:unauthorized-access'
      ? 401
      : condition === 'amqp:not-found'
        ? 404
        : condition.startsWith('com.microsoft:argument')
          ? 400
          : 500
  return { status, condition, description }
}
