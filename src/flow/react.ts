import type { LRUCache } from 'lru-cache'
import type { CommandDone, CommandMetadata, CommandOutcome, CommandRequest } from '../core/command.ts'
import type { AnyDecider, Command, Decider } from '../core/decider.ts'
import { isTidemarkError, TidemarkError } from '../core/errors.ts'
import type { DomainEvent, EventContent, RecordedEvent } from '../core/event.ts'
import { type EventReader, eventReader } from '../core/event-reader.ts'
import { EMPTY_STREAM } from '../core/hash-chain.ts'
import type { ConsumerPosition, EventHistory, Positions, Schedule } from '../core/ports.ts'
import { type AnyReaction, consumerOf, type Send, type SendLater, type Sent, type Trace } from '../core/reaction.ts'
import { formatPosition, streamOf } from '../core/stream.ts'
import type { OnAppended } from './command.ts'
import { readerOf } from './fold.ts'
import { forEachLimited } from './limited.ts'
import { noSource, pendingOf, type Source } from './pending.ts'
import { AT_ONCE, contended, MAX_ATTEMPTS, REMEMBERED } from './projecting.ts'
import { remembered } from './remembered.ts'
import { parseTime } from './time.ts'

export interface ReactDependencies {
  /** The service that reacts. */
  readonly service: string
  /** Those of the service: its reactions send to no other. */
  readonly deciders: readonly AnyDecider[]
  /** Its log: what a repeated command had led to is read there. */
  readonly log: EventHistory
  readonly positions: Positions
  /** Where commands wait for their time. */
  readonly schedule: Pick<Schedule, 'add'>
  command(decider: AnyDecider, request: CommandRequest, onAppended: OnAppended): Promise<CommandOutcome>
}

/**
 * A service's reaction to batches of events, all of the category that it follows. It handles each stream's events in their order, and passes one
 * once all its commands have taken effect. What comes again is recognised by the stream's position; where a crash or a second instance
 * leads to an event a second time all the same, its commands carry the ids of the first time and take effect once.
 *
 * What it returns throws TidemarkError, whereupon the trigger's retry policy brings the whole batch again: nothing is passed over.
 */
export function reaction(
  deps: ReactDependencies,
  reaction: AnyReaction,
): (events: readonly RecordedEvent[], trace: Trace) => Promise<void> {
  const known = remembered<ConsumerPosition>(REMEMBERED)
  const own = reaction.service === deps.service
  const follow: Following = {
    source: own ? deps.log : noSource,
    known,
    reader: eventReader(reaction.events, own ? 'own' : 'foreign'),
    content: own ? (event) => event : (event) => event.published ?? event,
  }
  return async (events, trace) => {
    await forEachLimited(
      Map.groupBy(events, (event) => event.stream),
      AT_ONCE,
      ([stream, arrived]) => reactToStream(deps, reaction, follow, stream, arrived, trace),
    )
  }
}

/** How a reaction follows its streams. */
interface Following {
  /** What a gap is filled from. */
  readonly source: Source
  readonly known: LRUCache<string, ConsumerPosition>
  readonly reader: EventReader
  /** What it is told of an event. */
  readonly content: (event: RecordedEvent) => EventContent
}

async function reactToStream(
  deps: ReactDependencies,
  reaction: AnyReaction,
  { source, known, reader, content }: Following,
  stream: string,
  arrived: readonly RecordedEvent[],
  trace: Trace,
): Promise<void> {
  const { positions } = deps
  for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
    const remembered = known.get(stream)
    const position = remembered ?? (await positions.readPosition(stream))
    const pending = await pendingOf(source, stream, position?.tip ?? EMPTY_STREAM, arrived).catch((error: unknown) => {
      // Another instance may have followed the stream since this one last did: what is stored decides.
      if (remembered === undefined || !isAboutPosition(error)) throw error
      return undefined
    })
    if (pending === undefined) {
      known.delete(stream)
      continue
    }
    const last = pending.at(-1)
    if (last === undefined) return
    for (const event of pending) {
      const said = content(event)
      if (!reader.knows(said.type)) continue
      const data = reader.read(said, formatPosition(event))
      const { send, sendLater } = senders(deps, reaction, event, trace)
      await reaction.react({ ...event, type: said.type, data }, send, sendLater)
    }
    const tip = { version: last.version, hash: last.hash }
    const result = await positions.writePosition(stream, tip, position?.etag)
    if (result.outcome === 'written') {
      known.set(stream, { tip, etag: result.etag })
      return
    }
    known.delete(stream)
  }
  throw contended(reaction, stream)
}

function isAboutPosition(error: unknown): boolean {
  return isTidemarkError(error, 'gap-unfilled') || isTidemarkError(error, 'fork-detected')
}

function senders(
  deps: ReactDependencies,
  reaction: AnyReaction,
  event: RecordedEvent,
  trace: Trace,
): { readonly send: Send; readonly sendLater: SendLater } {
  const consumer = consumerOf(deps.service, reaction)
  const metadata: CommandMetadata = {
    actor: `reaction:${consumer}`,
    correlation: event.correlation,
    causation: formatPosition(event),
    ...(event.traceparent === undefined ? {} : { traceparent: event.traceparent }),
  }
  // A client's key has no space (request.ts): none can take this one.
  const keyOf = (commandId: string): string => `${consumer} ${commandId}`
  // One that is not listed would be appended to all the same, and be unknown to the schedule, to queries and to its own history.
  const checkListed = (decider: AnyDecider): void => {
    if (deps.deciders.includes(decider)) return
    const why = `the reaction ${reaction.name} sends to ${decider.category}, a decider that ${deps.service} does not list`
    throw new TidemarkError('registration-invalid', why)
  }
  const sendLater: SendLater = async (due, decider, id, commandId, command) => {
    checkListed(decider)
    const stream = streamOf(decider.category, id)
    // In one form, which compares; what is no time would wait for ever.
    const time = new Date(parseTime(due)).toISOString()
    await deps.schedule.add({ stream, key: keyOf(commandId), due: time, command, metadata })
  }
  const send = async <State, Cmd extends Command, Event extends DomainEvent>(
    decider: Decider<State, Cmd, Event>,
    id: string,
    commandId: string,
    command: Cmd,
  ): Promise<Sent<Event>> => {
    checkListed(decider)
    const stream = streamOf(decider.category, id)
    const key = keyOf(commandId)
    let events: readonly RecordedEvent[] | undefined
    const request = { stream, key, receipts: 'all', command, metadata } as const
    const outcome = await deps.command(decider, request, (appended) => {
      events = appended
    })
    if (outcome.contentDiffers) trace(firstStands(metadata, stream, commandId), 'warn')
    if (outcome.done) {
      events ??= await eventsOf(deps.log, outcome)
      return { events: events.map(readerOf(decider).readEvent) as unknown as readonly Event[] }
    }
    trace(`${metadata.causation}: ${stream} refused ${command.type}: ${outcome.code}: ${outcome.detail}`, 'debug')
    return { events: [], refused: outcome.code }
  }
  return { send, sendLater }
}

/** A command came again with another content: a build that is newer than the first one's makes something else of the same event. */
export function firstStands({ causation }: CommandMetadata, stream: string, id: string): string {
  return `${causation}: ${stream} was sent ${id} before, with another content: the first outcome stands`
}

/** What an earlier call of the same command had led to. */
async function eventsOf(
  log: EventHistory,
  { stream, version, events }: CommandDone,
): Promise<readonly RecordedEvent[]> {
  if (events === 0) return []
  return log.readRange(stream, { direction: 'forward', after: version - events, limit: events })
}
