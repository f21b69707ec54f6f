import type { Delivery, Message, Receiver, Sender } from 'rhea'
import rhea from 'rhea'
import { conditionOf } from './conditions.ts'

/** Requests a client may have on their way. */
const REQUESTS = 100

/** An answer of `$cbs` or `$management`. */
export interface Reply {
  readonly status: number
  readonly description: string
  readonly condition?: string
  readonly body?: unknown
}

/** A node that answers each request on a link of the same session (AMQP management, working draft 9, 3.2). */
export class RequestNode {
  readonly #receiver: Receiver
  readonly #answer: (request: Message) => Reply

  constructor(receiver: Receiver, answer: (request: Message) => Reply) {
    this.#receiver = receiver
    this.#answer = answer
    receiver.add_credit(REQUESTS)
  }

  onMessage(payload: Buffer, delivery: Delivery): void {
    this.#receiver.add_credit(1)
    let request: Message
    try {
      request = rhea.message.decode(payload) as unknown as Message
    } catch (error) {
      delivery.reject({ condition: 'amqp:decode-error', description: (error as Error).message })
      return
    }
    delivery.accept()
    const reply = this.#answer(request)
    this.#replyLink(request.reply_to)?.send({
      ...(request.message_id !== undefined && { correlation_id: request.message_id }),
      application_properties: {
        'status-code': rhea.types.wrap_int(reply.status),
        'status-description': reply.description,
        ...(reply.condition && { 'error-condition': reply.condition }),
      },
      body: reply.body ?? null,
    })
  }

  /** `reply_to` names the reply link itself (`$cbs`) or its target's address (`$management`). */
  #replyLink(replyTo: string | undefined): Sender | undefined {
    const address = this.#receiver.target?.address
    const { session } = this.#receiver
    const fromHere = (link: Sender): boolean => link.is_sender() && link.source?.address === address
    return (
      session.find_sender(
        (link: Sender) => fromHere(link) && (link.name === replyTo || link.target?.address === replyTo),
      ) ?? session.find_sender(fromHere)
    )
  }
}

/** Turns what was thrown into the answer SDKs expect: a status code and the condition beside it. */
export function refused(error: unknown): Reply {
  const { condition, description } = conditionOf(error)
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
