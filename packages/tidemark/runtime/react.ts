import { LRUCache } from 'lru-cache'
import { toCloudEvent } from '../core/cloud-event.ts'
import type { CommandDone, CommandMetadata, CommandOutcome, CommandRequest } from '../core/command.ts'
import type { AnyDecider, Command, Decider } from '../core/decider.ts'
import { describeError, isTidemarkError, TidemarkError } from '../core/errors.ts'
import type { DomainEvent, EventContent, RecordedEvent } from '../core/event.ts'
import { type EventReader, eventReader } from '../core/event-reader.ts'
import type { StreamHead } from '../core/hash-chain.ts'
import { asJson, describeFault } from '../core/json.ts'
import type { ParkedEvent } from '../core/parking.ts'
import type { EventHistory, Schedule } from '../core/ports.ts'
import {
  type AnyReaction,
  formatConsumerName,
  type Send,
  type SendLater,
  type Sent,
  type Trace,
} from '../core/reaction.ts'
import { formatPosition, formatStream } from '../core/stream.ts'
import { NO_TELEMETRY, type Telemetry } from '../core/telemetry.ts'
import type { OnAppended } from './command.ts'
import type { Handler, Handling } from './consume.ts'
import { findReader } from './fold.ts'
import { CONCURRENCY, forEachLimited } from './limited.ts'
import { callHandler, type StreamFailure, selectWorst } from './parking.ts'
import { Sends, SendWatcher } from './sends.ts'
import { parseTime } from './time.ts'
import { checkAgainstSeen, findUnseenEvents, fork, sortByVersion } from './unseen-events.ts'
import { describeEvent } from './watch.ts'

export interface ReactDependencies {
  /** The service that reacts. */
  readonly service: string
  /** Those of the service: its reactions send to no other. */
  readonly deciders: readonly AnyDecider[]
  /** Its log: what a repeated command had led to is read there. */
  readonly log: EventHistory
  /** Where commands wait for their time. */
  readonly schedule: Pick<Schedule, 'add'>
  command(decider: AnyDecider, request: CommandRequest, onAppended: OnAppended): Promise<CommandOutcome>
  /**
   * Hears of every command that a reaction did not wait for, in a line. Absent: such a reaction is told of in
   * the log alone, once.
   */
  onUnawaited?(line: string): void
  /** Absent: nobody listens. */
  readonly telemetry?: Telemetry
}

/** How many streams a process remembers to have handled, so that what comes again costs nothing. */
const MAX_STREAMS = 50_000

/** The part of a stream that this process has handled: all events from one version to its head. */
interface HandledRange {
  readonly from: number
  readonly head: StreamHead
}

/**
 * A service's reaction to batches of events, all of the category that it follows. It handles each stream's
 * events in their order, and passes one once all its commands have taken effect. How far it is, is stored
 * nowhere: an event that comes again sends its commands again, with the ids of the first time, and they take
 * effect once. What this process remembers spares most of these.
 *
 * An event that it cannot process is parked, with all later ones of its stream. What may pass is thrown,
 * whereupon the trigger's retry policy brings the whole batch again: nothing is passed over.
 */
export function reaction(
  deps: ReactDependencies,
  declared: AnyReaction,
): Pick<Handler, 'handle' | 'forget'> & Required<Pick<Handler, 'retry'>> {
  const own = declared.service === deps.service
  const following: Following = {
    source: own ? deps.log : undefined,
    handled: new LRUCache<string, HandledRange>({ max: MAX_STREAMS }),
    reader: eventReader(declared.events, own ? 'own' : 'foreign'),
    content: own ? (event) => event : (event) => event.published ?? event,
    watcher: new SendWatcher(declared.name, deps.onUnawaited),
  }
  return {
    async handle(events, handling) {
      const failures: unknown[] = []
      await forEachLimited(
        Map.groupBy(events, ({ stream }) => stream),
        CONCURRENCY,
        ([stream, arrived]) =>
          reactToStream(deps, declared, following, stream, arrived, handling).catch((error: unknown) => {
            failures.push(error)
          }),
      )
      const worst = selectWorst(failures)
      if (worst !== undefined) throw worst
    },
    forget: () => following.handled.clear(),
    async retry(events, { trace }) {
      for (const event of events)
        try {
          await reactToEvent(deps, declared, following, event, { trace })
        } catch (cause) {
          return failureAt(declared, event, cause)
        }
      return undefined
    },
  }
}

/** How a reaction follows its streams. */
interface Following {
  /** What a gap is filled from: the own log. Another service's log is its own. */
  readonly source: EventHistory | undefined
  readonly handled: LRUCache<string, HandledRange>
  readonly reader: EventReader
  /** What it is told of an event. */
  readonly content: (event: RecordedEvent) => EventContent
  readonly watcher: SendWatcher
}

async function reactToStream(
  deps: ReactDependencies,
  declared: AnyReaction,
  following: Following,
  stream: string,
  events: readonly RecordedEvent[],
  handling: Handling,
): Promise<void> {
  const { trace, parking, place } = handling
  const { source, handled } = following
  const key = { handler: declared.name, stream }
  let arrived = events
  const waiting = await parking?.waiting(key)
  if (waiting) {
    const later = events.filter(({ version }) => version >= waiting.version)
    if (later.length === 0 || (await parking?.add(key, parkedEvents(following, later), trace))) {
      countParked(declared, following, later, handling)
      // What comes before the event that waits, as it does when it was lost and is published again, need not wait.
      arrived = events.filter(({ version }) => version < waiting.version)
      if (arrived.length === 0) return
    }
    // It was taken up, and what was processed meanwhile this process does not know.
    else handled.delete(stream)
  }
  let [due, done]: [readonly RecordedEvent[], number] = [arrived.toSorted((a, b) => a.version - b.version), 0]
  try {
    due = await selectUnhandled(source, handled.get(stream), stream, arrived, trace)
    for (const event of due) {
      await reactToEvent(deps, declared, following, event, handling)
      done += 1
      const known = handled.get(stream)
      if (known === undefined || event.version > known.head.version) {
        const from = known && event.version === known.head.version + 1 ? known.from : event.version
        handled.set(stream, { from, head: { version: event.version, hash: event.hash } })
      }
    }
  } catch (cause) {
    const left = due.slice(done)
    const [event] = left
    if (event === undefined || parking === undefined) throw cause
    const failure = failureAt(declared, event, cause)
    if (!parking.shouldPark(failure)) throw cause
    await parking.park(failure, place?.(event), parkedEvents(following, left), trace)
    return countParked(declared, following, left, handling)
  }
  parking?.succeeded(key)
}

async function reactToEvent(
  deps: ReactDependencies,
  declared: AnyReaction,
  { reader, content, watcher }: Following,
  event: RecordedEvent,
  { trace, watch }: Pick<Handling, 'trace' | 'watch'>,
): Promise<void> {
  const eventContent = content(event)
  if (!reader.knows(eventContent.type)) return
  const data = reader.read(eventContent, formatPosition(event))
  const { telemetry = NO_TELEMETRY } = deps
  const options = {
    kind: 'consumer',
    parent: event.traceparent,
    links: [watch?.traceparent],
    attributes: describeEvent(declared.name, { ...event, type: eventContent.type }),
  } as const
  await telemetry.span(`react ${declared.name}`, options, async ({ traceparent }) => {
    const sends = new Sends(watcher, formatPosition(event), trace)
    const { send, sendLater } = createSenders(deps, declared, event, sends, trace, traceparent)
    await callHandler(declared.name, () =>
      sends.run(() => declared.react({ ...event, type: eventContent.type, data }, send, sendLater)),
    )
  })
  watch?.count(declared.name, event, 'handled')
}

function countParked(
  { name }: AnyReaction,
  { reader, content }: Following,
  events: readonly RecordedEvent[],
  { watch }: Handling,
): void {
  for (const event of events) if (reader.knows(content(event).type)) watch?.count(name, event, 'parked')
}

function failureAt(declared: AnyReaction, { stream, version, type }: RecordedEvent, cause: unknown): StreamFailure {
  return { handler: declared.name, stream, version, type, cause }
}

/** What of these events waits: those that the reaction does nothing with need not. */
function parkedEvents({ reader, content }: Following, events: readonly RecordedEvent[]): readonly ParkedEvent[] {
  return events
    .filter((event) => reader.knows(content(event).type))
    .map((event) => ({ version: event.version, text: JSON.stringify(toCloudEvent(event)) }))
}

/**
 * What of the arrived events this process has not handled, in order. Where it knows the event before, each
 * must follow that one.
 * @throws TidemarkError `fork-detected`; `gap-unfilled` where the own log lacks what is missing.
 */
async function selectUnhandled(
  source: EventHistory | undefined,
  known: HandledRange | undefined,
  stream: string,
  arrived: readonly RecordedEvent[],
  trace: Trace,
): Promise<readonly RecordedEvent[]> {
  const sorted = sortByVersion(stream, arrived)
  if (known === undefined) return sorted
  // Published again, after a loss: this process began behind them.
  const earlier = sorted.filter(({ version }) => version < known.from)
  const rest = sorted.filter(({ version }) => version >= known.from)
  const { head } = known
  if (source) return [...earlier, ...(await findUnseenEvents(source, stream, head.version, [head], rest))]
  const later = rest.filter(({ version }) => version > head.version)
  const [next] = later
  // The hub has nothing between two batches: what is missing was not published.
  if (next && next.version > head.version + 1)
    trace(`${formatPosition(next)} came after version ${head.version}: what lies between was not published`, 'warn')
  for (const event of rest) checkAgainstSeen(stream, event, [head])
  if (next && next.version === head.version + 1 && next.previousHash !== head.hash) throw fork(stream, next.version)
  return [...earlier, ...later]
}

function createSenders(
  deps: ReactDependencies,
  reaction: AnyReaction,
  event: RecordedEvent,
  sends: Sends,
  trace: Trace,
  traceparent: string | undefined,
): { readonly send: Send; readonly sendLater: SendLater } {
  const consumer = formatConsumerName(deps.service, reaction)
  const metadata: CommandMetadata = {
    actor: `reaction:${consumer}`,
    correlation: event.correlation,
    causation: formatPosition(event),
    ...(traceparent === undefined ? {} : { traceparent }),
  }
  // A client's key has no space (request.ts): none can take this one.
  const formatKey = (commandId: string): string => `${consumer} ${commandId}`
  // One that is not listed would be appended to all the same, and be unknown to the schedule, to queries and
  // to its own history.
  const checkListed = (decider: AnyDecider): void => {
    if (deps.deciders.includes(decider)) return
    const why = `the reaction ${reaction.name} sends to ${decider.category}, a decider that ${deps.service} does not list`
    throw new TidemarkError('registration-invalid', why)
  }
  // It is hashed, and may wait in the schedule: as JSON has it, now and later.
  const toJsonCommand = <Cmd extends Command>(stream: string, command: Cmd): Cmd => {
    const json = asJson(command.data)
    if (json.valid) return { ...command, data: json.value }
    const where = describeFault(json.fault)
    const why = `the reaction ${reaction.name} sends ${command.type} to ${stream} with what JSON does not keep: ${where}`
    throw new TidemarkError('invalid-command', why)
  }
  const sendLater: SendLater = (due, decider, id, commandId, command) =>
    sends.send(`${command.type} to ${decider.category}-${id} for ${due}`, async () => {
      checkListed(decider)
      const stream = formatStream(decider.category, id)
      // In one form, which compares; what is no time would wait for ever.
      const time = new Date(parseTime(due)).toISOString()
      const scheduled = {
        stream,
        key: formatKey(commandId),
        due: time,
        command: toJsonCommand(stream, command),
        metadata,
      }
      await deps.schedule.add(scheduled).catch(throwInternal)
    })
  const send = <State, Cmd extends Command, Event extends DomainEvent>(
    decider: Decider<State, Cmd, Event>,
    id: string,
    commandId: string,
    command: Cmd,
  ): Promise<Sent<Event>> =>
    sends.send(`${command.type} to ${decider.category}-${id}`, async () => {
      checkListed(decider)
      const stream = formatStream(decider.category, id)
      const key = formatKey(commandId)
      let events: readonly RecordedEvent[] | undefined
      const request = { stream, key, receipts: 'all', command: toJsonCommand(stream, command), metadata } as const
      const outcome = await deps
        .command(decider, request, (appended) => {
          events = appended
        })
        .catch(throwInternal)
      if (outcome.contentDiffers) trace(describeKeptOutcome(metadata, stream, commandId), 'warn')
      if (outcome.done) {
        events ??= await readOutcomeEvents(deps.log, outcome).catch(throwInternal)
        return { events: events.map(findReader(decider).readEvent) as unknown as readonly Event[] }
      }
      trace(`${metadata.causation}: ${stream} refused ${command.type}: ${outcome.code}: ${outcome.detail}`, 'debug')
      return { events: [], refused: outcome.code }
    })
  return { send, sendLater }
}

/**
 * A command came again with another content: a build that is newer than the first one's makes something else
 * of the same event.
 */
export function describeKeptOutcome({ causation }: CommandMetadata, stream: string, id: string): string {
  return `${causation}: ${stream} was sent ${id} before, with another content: the first outcome stands`
}

/** What nobody foresaw below a reaction is no fault of the reaction. */
function throwInternal(error: unknown): never {
  if (isTidemarkError(error)) throw error
  throw new TidemarkError('internal', describeError(error), { cause: error })
}

/** What an earlier call of the same command had led to. */
async function readOutcomeEvents(
  log: EventHistory,
  { stream, version, events }: CommandDone,
): Promise<readonly RecordedEvent[]> {
  if (events === 0) return []
  return log.readRange(stream, { direction: 'forward', after: version - events, limit: events })
}
