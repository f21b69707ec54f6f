import { fromCloudEvent, mayBeOf } from '../core/cloud-event.ts'
import { isTidemarkError, messageOf, TidemarkError } from '../core/errors.ts'
import type { RecordedEvent } from '../core/event.ts'
import type { Trace } from '../core/reaction.ts'
import { categoryOf } from '../core/stream.ts'

/** A view's projection, or a reaction. */
export interface Handler {
  readonly name: string
  /** The category of the streams whose events it handles. */
  readonly category: string
  handle(events: readonly RecordedEvent[], trace: Trace): Promise<void>
}

/** Brings a batch of a hub's messages to those who handle them. */
export type Consume = (messages: readonly unknown[], trace: Trace) => Promise<void>

/**
 * A consumer of a hub: it reads and checks each message once, and brings it to every handler of its stream's category. Handlers work side by
 * side, so none waits for another.
 *
 * What it returns throws TidemarkError, whereupon the trigger's retry policy brings the whole batch again: nothing is passed over, and a
 * handler that was done finds nothing new in it. The error names the handlers that failed.
 */
export function consumer(handlers: readonly Handler[]): Consume {
  const categories = new Set(handlers.map(({ category }) => category))
  return async (messages, trace) => {
    const events = messages.filter((message) => mayBeOf(categories, message)).map(fromCloudEvent)
    const byCategory = Map.groupBy(events, ({ stream }) => categoryOf(stream))
    const due = handlers.filter(({ category }) => byCategory.has(category))
    const outcomes = await Promise.allSettled(
      due.map(({ category, handle }) => handle(byCategory.get(category) ?? [], trace)),
    )
    const failures = outcomes.flatMap((outcome, index) =>
      outcome.status === 'rejected' ? [{ name: due[index]?.name, cause: outcome.reason as unknown }] : [],
    )
    const [first] = failures
    if (first === undefined) return
    const code = isTidemarkError(first.cause) ? first.cause.code : 'internal'
    const message = failures.map(({ name, cause }) => `${name}: ${messageOf(cause)}`).join('; ')
    throw new TidemarkError(code, message, { cause: first.cause })
  }
}
