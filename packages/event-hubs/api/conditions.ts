import type { Condition } from '../amqp/condition.ts'
import { DecodeError } from '../amqp/encoding.ts'

/** A refusal by the service. It reaches the peer as a detach, a rejection or a status code. */
export class Refusal extends Error {
  override name = 'Refusal'
  readonly condition: string

  constructor(condition: string, description: string) {
    super(description)
    this.condition = condition
  }
}

export const entityNotFound = (entity: string): Refusal =>
  new Refusal('amqp:not-found', `The messaging entity '${entity}' could not be found.`)

export const badPartition = (partitions: number): Refusal =>
  new Refusal(
    'com.microsoft:argument-out-of-range',
    'The specified partition is invalid for an EventHub partition sender or receiver. ' +
      `It should be between 0 and ${partitions - 1}.`,
  )

export const badFilter = (selector: string): Refusal =>
  new Refusal('com.microsoft:argument-error', `The filter '${selector}' is not a start position.`)

export const badEpoch = (epoch: unknown): Refusal =>
  new Refusal('com.microsoft:argument-error', `The epoch '${epoch}' is not a whole number.`)

export const beyondEnd = (key: 'offset' | 'sequence number', asked: number, last: number): Refusal =>
  new Refusal(
    'com.microsoft:argument-error',
    `The supplied ${key} '${asked}' is invalid. The last ${key} in the system is '${last}'.`,
  )

export const unauthorized = (description: string): Refusal => new Refusal('amqp:unauthorized-access', description)

export const tooLarge = (limit: number): Refusal =>
  new Refusal('amqp:link:message-size-exceeded', `The message is larger than the limit of ${limit} bytes.`)

export const stolen = (epoch: number | undefined, current: number): Refusal =>
  new Refusal(
    'amqp:link:stolen',
    epoch === undefined
      ? `A receiver without epoch is not allowed while a receiver with epoch ${current} is connected.`
      : `At least one receiver for the partition has a higher epoch: epoch '${epoch}', current epoch '${current}'.`,
  )

export const receiverDisconnected = (epoch: number): Refusal =>
  new Refusal('amqp:link:stolen', `New receiver with epoch '${epoch}' is created, hence this receiver is disconnected.`)

/** The injected fault `steal`: as if another receiver had attached. */
export const injectedSteal = (): Refusal =>
  new Refusal('amqp:link:stolen', 'New receiver is created, hence this receiver is disconnected (an injected fault).')

export const tooManyReceivers = (limit: number): Refusal =>
  new Refusal(
    'amqp:resource-limit-exceeded',
    `Exceeded the maximum number of allowed receivers per partition in a consumer group which is ${limit}.`,
  )

export const tooManyReplyLinks = (limit: number): Refusal =>
  new Refusal('amqp:resource-limit-exceeded', `A connection may have at most ${limit} links for answers.`)

export const tokenExpired = (path: string): Condition => ({
  condition: 'amqp:unauthorized-access',
  description: `ExpiredToken: the token of '${path}' has expired.`,
})

export const serverBusy = (): Refusal =>
  new Refusal(
    'com.microsoft:server-busy',
    'The request was terminated because the namespace is being throttled. Error code: 50002. Wait and try again.',
  )

export const missingPublishingProperties = (): Refusal =>
  new Refusal(
    'com.microsoft:argument-error',
    'An idempotent producer must number its events: producer-id, producer-epoch and producer-sequence-number.',
  )

export const badProducer = (property: string): Refusal =>
  new Refusal('com.microsoft:argument-error', `The producer's property '${property}' is out of range.`)

export const producerStolen = (epoch: number, current: number): Refusal =>
  new Refusal(
    'com.microsoft:producer-epoch-stolen',
    `The producer was opened again with a higher epoch: epoch '${epoch}', current epoch '${current}'.`,
  )

export const outOfOrder = (sequence: number, expected: number): Refusal =>
  new Refusal(
    'com.microsoft:out-of-order-sequence',
    `The producer's sequence number '${sequence}' is out of order. The next one is '${expected}'.`,
  )

export const STOPPING: Condition = {
  condition: 'amqp:link:detach-forced',
  description: 'The link is detached because the emulator stops.',
}

/** Returns the AMQP error to send for anything thrown while serving the peer. */
export function toCondition(error: unknown): Condition {
  if (error instanceof Refusal) return { condition: error.condition, description: error.message }
  if (error instanceof DecodeError) return { condition: 'amqp:decode-error', description: error.message }
  return { condition: 'amqp:internal-error', description: error instanceof Error ? error.message : String(error) }
}
