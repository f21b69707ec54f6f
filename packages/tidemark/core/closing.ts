import { type Command, type Decider, isRefusal, refuse } from './decider.ts'
import { TidemarkError } from './errors.ts'
import type { DomainEvent, EventType } from './event.ts'
import type { ImmediateReaction } from './reaction.ts'
import { formatEventPosition, formatStream } from './stream.ts'

/**
 * How a stream is closed and continued.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { type Closing, type Command, eventType } from 'tidemark'
 * import * as z from 'zod'
 *
 * const Closed = eventType('YearClosed', z.object({ next: z.string(), pages: z.int() }))
 * const closing: Closing<'YearClosed', { next: string; pages: number }, Command<'begin', { pages: number }>> = {
 *   closes: Closed,
 *   opens: ({ pages }) => ({ type: 'begin', data: { pages } }),
 * }
 * assert.equal(closing.opens({ next: '2027', pages: 90 }).data.pages, 90)
 * ```
 */
export interface Closing<Name extends string, Summary extends { readonly next: string }, Cmd extends Command> {
  /**
   * The summary event, which is the last of its stream. The decider lists it. Its `next` is the id of the stream
   * that continues this one.
   */
  readonly closes: EventType<Name, Summary>
  /** The command that starts the next stream from the summary. It must be one that may start a stream. */
  readonly opens: (summary: Summary) => Cmd
}

/**
 * The state of a stream that can be closed.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import type { Closable } from 'tidemark'
 *
 * const isClosed = ({ next }: Closable<unknown>): boolean => next !== undefined
 * assert.deepEqual([{ state: 3 }, { state: 3, next: '2027' }].map(isClosed), [false, true])
 * ```
 */
export interface Closable<State> {
  readonly state: State
  /** The id of the stream that continues this one. Present once it is closed. */
  readonly next?: string
}

/**
 * The decider and the reaction that `closeBooks` makes. A service lists both.
 * @example
 * ```ts
 * import type { ClosedBooks, Command, DomainEvent, Service } from 'tidemark'
 *
 * type Books = ClosedBooks<number, Command, DomainEvent>
 * export const withBooks = (service: Service, { decider, reaction }: Books): Service => ({
 *   ...service,
 *   deciders: [...service.deciders, decider],
 *   reactions: [...service.reactions, reaction],
 * })
 * ```
 */
export interface ClosedBooks<State, Cmd extends Command, Event extends DomainEvent> {
  readonly decider: Decider<Closable<State>, Cmd, Event>
  /** Starts the next stream. */
  readonly reaction: ImmediateReaction<Event>
}

/**
 * Closes the books of long streams. A stream ends with a summary event and continues in another, which starts
 * from the summary. Every later command to the closed stream is refused with `stream-closed`, and the refusal
 * names the next stream.
 *
 * A reaction to the summary event sends the opening command. Its id is the event's position, so the next stream
 * is started once, however often the event is delivered.
 * @param service the name of the service that has the decider.
 * @example
 * ```ts
 * import { type Command, closeBooks, commandType, type Decider, type EventOf, eventType } from 'tidemark'
 * import { given } from 'tidemark/testing'
 * import * as z from 'zod'
 *
 * const pages = z.object({ pages: z.int() })
 * const Begun = eventType('Begun', pages)
 * const Closed = eventType('YearClosed', z.object({ next: z.string(), pages: z.int() }))
 * type Cmd = Command<'begin', { pages: number }> | Command<'close', { next: string }>
 * const diary: Decider<number, Cmd, EventOf<typeof Begun | typeof Closed>> = {
 *   category: 'diary',
 *   commands: [commandType('begin', pages, { creates: true }), commandType('close', z.object({ next: z.string() }))],
 *   events: [Begun, Closed],
 *   initial: 0,
 *   evolve: (_, { data }) => data.pages,
 *   decide: (pages, { type, data }) =>
 *     type === 'begin' ? [{ type: 'Begun', data }] : [{ type: 'YearClosed', data: { next: data.next, pages } }],
 * }
 * // A service lists `decider` and `reaction`.
 * const { decider } = closeBooks('diaries', diary, {
 *   closes: Closed,
 *   opens: ({ pages }) => ({ type: 'begin', data: { pages } }),
 * })
 * given(decider, [{ type: 'YearClosed', data: { next: '2027', pages: 90 } }])
 *   .when({ type: 'close', data: { next: '2028' } }, { id: '2026' })
 *   .thenRefused('stream-closed')
 * ```
 */
export function closeBooks<
  State,
  Cmd extends Command,
  Event extends DomainEvent,
  Name extends Event['type'],
  Summary extends { readonly next: string },
  const Opening extends Cmd,
>(
  service: string,
  decider: Decider<State, Cmd, Event>,
  { closes, opens }: Closing<Name, Summary, Opening>,
): ClosedBooks<State, Cmd, Event> {
  const { category, subject, ...declared } = decider
  const findNext = (event: DomainEvent): string | undefined =>
    event.type === closes.name ? (event.data as Summary).next : undefined
  const closable: Decider<Closable<State>, Cmd, Event> = {
    ...declared,
    category,
    ...(subject ? { subject: ({ state }: Closable<State>) => subject.call(decider, state) } : {}),
    initial: { state: decider.initial },
    refusals: { ...decider.refusals, 'stream-closed': 'The stream is closed: it continues in another one.' },
    evolve({ state }, event) {
      const next = findNext(event)
      return { state: decider.evolve(state, event), ...(next === undefined ? {} : { next }) }
    },
    decide({ state, next }, command, context) {
      const stream = formatStream(category, context.id)
      if (next !== undefined)
        return refuse('stream-closed', `${stream} is closed: it continues in ${formatStream(category, next)}`)
      const decision = decider.decide(state, command, context)
      if (!isRefusal(decision)) checkClosing(stream, decision.map(findNext), context.id)
      return decision
    },
  }
  return {
    decider: closable,
    reaction: {
      name: `${category}-continues`,
      service,
      category,
      events: [closes],
      startsAt: 'first',
      async react(event, send) {
        const command = opens(event.data as Summary)
        const { next } = event.data as Summary
        const sent = await send(closable, next, formatEventPosition(event), command)
        // Without the summary the next stream would be wrong, so somebody must look.
        if (sent.outcome === 'refused')
          throw new TidemarkError(
            'handler-failed',
            `${formatStream(category, next)} refused ${command.type} with ${sent.code}, ` +
              `so it does not continue ${event.stream}`,
          )
      },
    },
  }
}

/** @throws TidemarkError `event-invalid` if a stream would go on after its end, or continue in itself. */
function checkClosing(stream: string, nexts: readonly (string | undefined)[], id: string): void {
  const at = nexts.findIndex((next) => next !== undefined)
  if (at === -1) return
  if (at < nexts.length - 1)
    throw new TidemarkError('event-invalid', `${stream} gets events after the one that closes it`)
  if (nexts[at] === id) throw new TidemarkError('event-invalid', `${stream} cannot continue in itself`)
}
