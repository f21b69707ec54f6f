import { fromCloudEvent, mayBeOf } from '../core/cloud-event.ts'
import { isTidemarkError, messageOf, TidemarkError } from '../core/errors.ts'
import type { RecordedEvent } from '../core/event.ts'
import type { Trace } from '../core/reaction.ts'
import { categoryOf } from '../core/stream.ts'

/** The views of a category, which are projected together; or a reaction. */
export interface Handler {
  /** What is told apart in the progress: each view, or the reaction. */
  readonly names: readonly string[]
  /** The category of the streams whose events it handles. */
  readonly category: string
  /** Where each begins in a partition in which no instance has had it before: with the first message that the hub has, or with the next. */
  readonly startsAt: 'first' | 'now'
  handle(events: readonly RecordedEvent[], trace: Trace): Promise<void>
  /** Another instance may have handled messages meanwhile: what this one remembers of streams may not be the last. */
  forget?(): void
}

/** Some handlers of one stream category failed; the others are done. */
export class HandlersFailed extends Error {
  override readonly name = 'HandlersFailed'
  readonly failures: readonly { readonly name: string; readonly cause: unknown }[]

  constructor(failures: HandlersFailed['failures']) {
    super(failures.map(({ name, cause }) => `${name}: ${messageOf(cause)}`).join('; '))
    this.failures = failures
  }
}

/**
 * Reads and checks each message once, and brings it to every handler of its stream's category. Handlers work side by side, so none waits for
 * another. It may be called again with the same messages: a handler that was done finds nothing new in them.
 * @throws TidemarkError which names the handlers that failed, once all are done.
 */
export async function handleMessages(
  handlers: readonly Handler[],
  messages: readonly unknown[],
  trace: Trace,
): Promise<void> {
  const categories = new Set(handlers.map(({ category }) => category))
  const events = messages.filter((message) => mayBeOf(categories, message)).map(fromCloudEvent)
  const byCategory = Map.groupBy(events, ({ stream }) => categoryOf(stream))
  const due = handlers.filter(({ category }) => byCategory.has(category))
  const outcomes = await Promise.allSettled(
    due.map(async (handler) => handler.handle(byCategory.get(handler.category) ?? [], trace)),
  )
  const failures = outcomes.flatMap((outcome, index) => {
    if (outcome.status === 'fulfilled') return []
    const cause: unknown = outcome.reason
    return cause instanceof HandlersFailed ? cause.failures : [{ name: due[index]?.names.join(', ') ?? '', cause }]
  })
  const [first] = failures
  if (first === undefined) return
  const code = isTidemarkError(first.cause) ? first.cause.code : 'internal'
  throw new TidemarkError(code, new HandlersFailed(failures).message, { cause: first.cause })
}
