import { LRUCache } from 'lru-cache'
import { toCloudEvent } from '../core/cloud-event.ts'
import type { CommandDone, CommandMetadata, CommandRequest, CommandResult } from '../core/command.ts'
import { type AnyDecider, type Command, type Decider, refuse } from '../core/decider.ts'
import { describeError, isTidemarkError, TidemarkError } from '../core/errors.ts'
import type { DomainEvent, EventContent, Recorded, RecordedEvent } from '../core/event.ts'
import { type EventReader, eventReader, listReadTypes } from '../core/event-reader.ts'
import type { StreamHead } from '../core/hash-chain.ts'
import { asJson, describeFault } from '../core/json.ts'
import type { ParkedEvent } from '../core/parking.ts'
import { listOpened, listPersonalFields, redactError, withoutMessage } from '../core/personal.ts'
import type { EventHistory, Schedule } from '../core/ports.ts'
import {
  type AnyReaction,
  formatConsumerName,
  type Send,
  type SendLater,
  type Sent,
  type Trace,
} from '../core/reaction.ts'
import { formatEventPosition, formatPosition, formatStream } from '../core/stream.ts'
import { NO_TELEMETRY, type Telemetry } from '../core/telemetry.ts'
import type { OnAppended } from './command.ts'
import type { Handler, Handling } from './consume.ts'
import { findReader } from './fold.ts'
import { CONCURRENCY, forEachLimited } from './limited.ts'
import { once } from './once.ts'
import { callHandler, type StreamFailure, selectWorst } from './parking.ts'
import { FRESH_MS, type Personal } from './personal.ts'
import { Sends, SendWatcher } from './sends.ts'
import { parseTime } from './time.ts'
import { checkAgainstSeen, findUnseenEvents, fork, sortByVersion } from './unseen-events.ts'
import { describeEvent } from './watch.ts'

export interface ReactDependencies {
  /** The service that reacts. */
  readonly service: string
  /** The service's deciders. Its reactions send only to these. */
  readonly deciders: readonly AnyDecider[]
  /** The service's log, where the events of repeated commands are read. */
  readonly log: EventHistory
  /** Stores commands to send later. */
  readonly schedule: Pick<Schedule, 'add'>
  /** Opens the personal texts that the service may read. Absent: none is sealed. */
  readonly personal?: Pick<Personal, 'elapsed' | 'openContent' | 'openEvents'>
  command(decider: AnyDecider, request: CommandRequest, onAppended: OnAppended): Promise<CommandResult>
  /**
   * Receives a line for every command that a reaction did not await. Absent: such a reaction is only logged,
   * once.
   */
  onUnawaited?(line: string): void
  /** Absent: nothing is recorded. */
  readonly telemetry?: Telemetry
}

/** How many streams' handled ranges a process caches, so that redelivered events cost nothing. */
const MAX_STREAMS = 50_000

/** The part of a stream that this process has handled: all events from one version to its head. */
interface HandledRange {
  readonly from: number
  readonly head: StreamHead
}

/**
 * A service's reaction to batches of events of the category that it follows. It handles the events of each
 * stream in order. An event is done once all its commands have taken effect. A reaction stores no cursor: a
 * redelivered event sends its commands again with the same ids, and they take effect once. A cache in this
 * process avoids most of these repeats.
 *
 * If an event cannot be processed, it is parked with all later ones of its stream. A transient failure is
 * thrown, so that the trigger's retry policy redelivers the whole batch and nothing is skipped.
 */
export function reaction(
  deps: ReactDependencies,
  declared: AnyReaction,
): Pick<Handler, 'handle' | 'forget'> & Required<Pick<Handler, 'retry'>> {
  const own = declared.service === deps.service
  const eventTypes = deps.deciders.flatMap(({ events }) => events)
  const following: Following = {
    deps,
    declared,
    source: own ? deps.log : undefined,
    // It allocates all its entries at once. Who only redrives or lists handlers needs none.
    handled: once(() => new LRUCache<string, HandledRange>({ max: MAX_STREAMS })),
    reader: own
      ? eventReader(listReadTypes(declared.events, eventTypes), 'own')
      : eventReader(declared.events, 'foreign'),
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
          reactToStream(following, stream, arrived, handling).catch((error: unknown) => {
            failures.push(error)
          }),
      )
      const worst = selectWorst(failures)
      if (worst !== undefined) throw worst
    },
    forget: () => following.handled().clear(),
    async retry(events, { trace }) {
      for (const event of events)
        try {
          await reactToEvent(following, event, { trace })
        } catch (cause) {
          return failureAt(declared, event, cause)
        }
      return undefined
    },
  }
}

/** A reaction that follows streams, and its state. */
interface Following {
  readonly deps: ReactDependencies
  readonly declared: AnyReaction
  /**
   * The own log, which fills gaps. Undefined if the reaction follows another service, whose log it cannot
   * read.
   */
  readonly source: EventHistory | undefined
  readonly handled: () => LRUCache<string, HandledRange>
  readonly reader: EventReader
  /** Returns the content of an event as the reaction receives it. */
  readonly content: (event: RecordedEvent) => EventContent
  readonly watcher: SendWatcher
}

async function reactToStream(
  following: Following,
  stream: string,
  events: readonly RecordedEvent[],
  handling: Handling,
): Promise<void> {
  const { trace, parking, place } = handling
  const { declared } = following
  const handled = following.handled()
  const key = { handler: declared.name, stream }
  let arrived = events
  const waiting = await parking?.waiting(key)
  if (waiting) {
    const later = events.filter(({ version }) => version >= waiting.version)
    if (later.length === 0 || (await parking?.add(key, parkedEvents(following, later), trace))) {
      countParked(following, later, handling)
      // Earlier events need not wait. They come if one was lost and is published again.
      arrived = events.filter(({ version }) => version < waiting.version)
      if (arrived.length === 0) return
    }
    // It was redriven, and this process does not know what was processed meanwhile.
    else handled.delete(stream)
  }
  let [due, done]: [readonly RecordedEvent[], number] = [arrived.toSorted((a, b) => a.version - b.version), 0]
  try {
    due = await selectUnhandled(following, stream, arrived, trace)
    for (const event of due) {
      await reactToEvent(following, event, handling)
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
    return countParked(following, left, handling)
  }
  parking?.succeeded(key)
}

async function reactToEvent(
  following: Following,
  event: RecordedEvent,
  handling: Pick<Handling, 'trace' | 'watch'>,
): Promise<void> {
  const { deps, declared, reader, content } = following
  const eventContent = content(event)
  if (!reader.knows(eventContent.type)) return
  const openedAt = deps.personal?.elapsed()
  const handled: HandledEvent = { sent: new Map(), hasTexts: false, ...(openedAt === undefined ? {} : { openedAt }) }
  const opened = deps.personal ? await deps.personal.openContent(eventContent, FRESH_MS) : eventContent
  try {
    for (const read of reader.readAll(opened, formatPosition(event)))
      await reactToRead(following, { ...event, ...read }, handling, handled)
  } catch (error) {
    const texts = listOpened(opened.data, eventContent.data)
    const hidesMessage = texts.length > 0 || handled.hasTexts
    throw hidesMessage && isTidemarkError(error, 'handler-failed')
      ? new TidemarkError(error.code, withoutMessage(error.cause, declared.name).message)
      : redactError(error, texts)
  }
  handling.watch?.count(declared.name, event, 'handled')
}

/** Reacts to one of the events that a stored event is read as. A repeat of any of them sends the same commands. */
async function reactToRead(
  following: Following,
  event: Recorded<DomainEvent>,
  { trace, watch }: Pick<Handling, 'trace' | 'watch'>,
  handled: HandledEvent,
): Promise<void> {
  const { deps, declared, watcher } = following
  const { telemetry = NO_TELEMETRY } = deps
  const options = {
    kind: 'consumer',
    parent: event.traceparent,
    links: [watch?.traceparent],
    attributes: describeEvent(declared.name, event),
  } as const
  await telemetry.span(`react ${declared.name}`, options, async ({ traceparent }) => {
    const sends = new Sends(watcher, formatEventPosition(event), trace)
    const { send, sendLater } = createSenders(following, event, { sends, trace, traceparent, handled })
    await callHandler(declared.name, () => sends.run(() => declared.react(event, send, sendLater)))
  })
}

function countParked(
  { declared, reader, content }: Following,
  events: readonly RecordedEvent[],
  { watch }: Handling,
): void {
  for (const event of events) if (reader.knows(content(event).type)) watch?.count(declared.name, event, 'parked')
}

function failureAt(declared: AnyReaction, { stream, version, type }: RecordedEvent, cause: unknown): StreamFailure {
  return { handler: declared.name, stream, version, type, cause }
}

/** The events to park. Events that the reaction does not handle are left out. */
function parkedEvents({ reader, content }: Following, events: readonly RecordedEvent[]): readonly ParkedEvent[] {
  return events
    .filter((event) => reader.knows(content(event).type))
    .map((event) => ({ version: event.version, text: JSON.stringify(toCloudEvent(event)) }))
}

/**
 * The arrived events that this process has not handled, in order. If it knows the preceding event, the first
 * must follow that one.
 * @throws TidemarkError `fork-detected`; `gap-unfilled` if the own log lacks the missing events.
 */
async function selectUnhandled(
  { source, handled }: Following,
  stream: string,
  arrived: readonly RecordedEvent[],
  trace: Trace,
): Promise<readonly RecordedEvent[]> {
  const sorted = sortByVersion(stream, arrived)
  const known = handled().get(stream)
  if (known === undefined) return sorted
  // These were published again after a loss: this process started after them.
  const earlier = sorted.filter(({ version }) => version < known.from)
  const rest = sorted.filter(({ version }) => version >= known.from)
  const { head } = known
  if (source) {
    const seen = { stream, after: head.version, seen: [head] }
    return [...earlier, ...(await findUnseenEvents(source, seen, rest))]
  }
  const later = rest.filter(({ version }) => version > head.version)
  const [next] = later
  // The hub has no message between two batches, so the missing events were not published.
  if (next && next.version > head.version + 1)
    trace(`${formatPosition(next)} came after version ${head.version}: the events between were not published`, 'warn')
  for (const event of rest) checkAgainstSeen(stream, event, [head])
  if (next && next.version === head.version + 1 && next.previousHash !== head.hash) throw fork(stream, next.version)
  return [...earlier, ...later]
}

/**
 * The commands sent because of one stored event, by stream and key: which of the events that it is read as
 * sent them, and their content.
 */
type SentCommands = Map<string, { readonly part: number; readonly content: string }>

/** What a stored event has led to. */
interface HandledEvent {
  readonly sent: SentCommands
  /** Whether the reaction got events that may have personal texts as the answer to a command. */
  hasTexts: boolean
  /** As in `CommandRequest`. */
  readonly openedAt?: number
}

/** One call of a reaction. */
interface Reacting {
  readonly handled: HandledEvent
  readonly sends: Sends
  readonly trace: Trace
  readonly traceparent: string | undefined
}

function createSenders(
  { deps, declared }: Following,
  event: Recorded<DomainEvent>,
  { sends, trace, traceparent, handled }: Reacting,
): { readonly send: Send; readonly sendLater: SendLater } {
  const consumer = formatConsumerName(deps.service, declared)
  const metadata: CommandMetadata = {
    actor: `reaction:${consumer}`,
    correlation: event.correlation,
    causation: formatPosition(event),
    ...(traceparent === undefined ? {} : { traceparent }),
  }
  // A client's key never contains a space (request.ts), so it cannot equal this one.
  const formatKey = (commandId: string): string => `${consumer} ${commandId}`
  // The append would succeed for an unlisted decider. But the schedule, queries and the stream's history
  // would not know it.
  const checkListed = (decider: AnyDecider): void => {
    if (deps.deciders.includes(decider)) return
    const why =
      `the reaction ${declared.name} sends to ${decider.category}, ` + `a decider that ${deps.service} does not list`
    throw new TidemarkError('registration-invalid', why)
  }
  // A command is hashed and may be scheduled, so JSON must represent it unchanged.
  const toJsonCommand = <Cmd extends Command>(stream: string, command: Cmd): Cmd => {
    const json = asJson(command.data)
    if (json.outcome === 'valid') return { ...command, data: json.value }
    const where = describeFault(json.fault)
    const why =
      `the reaction ${declared.name} sends ${command.type} to ${stream} ` +
      `with data that JSON cannot represent: ${where}`
    throw new TidemarkError('invalid-command', why)
  }
  // It would wait in the schedule as plain text, whatever happens to its subject.
  const checkImpersonal = (decider: AnyDecider, stream: string, { type }: Command): void => {
    const { schema } = decider.commands.find(({ name }) => name === type) ?? {}
    if (schema === undefined || listPersonalFields(schema).length === 0) return
    const why = `the reaction ${declared.name} schedules ${type} to ${stream}, which has personal fields: `
    throw new TidemarkError('invalid-command', `${why}schedule a command without them, and read them from the state`)
  }
  // The second command would be lost: the first outcome of a key stands.
  const checkDistinct = (stream: string, commandId: string, { type, data }: Command): void => {
    const [id, part, content] = [`${stream} ${commandId}`, event.part ?? 1, JSON.stringify([type, data])]
    const before = handled.sent.get(id)
    if (before !== undefined && before.part !== part && before.content !== content)
      throw new TidemarkError(
        'invalid-command',
        `the reaction ${declared.name} sends two commands ${commandId} to ${stream}, for two events that ` +
          `${formatPosition(event)} is read as: make the id from formatEventPosition(event)`,
      )
    handled.sent.set(id, { part, content })
  }
  const sendLater: SendLater = (decider, id, { commandId, due }, command) =>
    sends.send(`${command.type} to ${decider.category}-${id} for ${due}`, async () => {
      checkListed(decider)
      const stream = formatStream(decider.category, id)
      // One form makes times comparable. An invalid time would wait for ever.
      const time = new Date(parseTime(due)).toISOString()
      checkImpersonal(decider, stream, command)
      const json = toJsonCommand(stream, command)
      checkDistinct(stream, commandId, json)
      const scheduled = { stream, key: formatKey(commandId), due: time, command: json, metadata }
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
      const json = toJsonCommand(stream, command)
      checkDistinct(stream, commandId, json)
      const { openedAt } = handled
      const request = {
        ...({ stream, key, receipts: 'all', command: json, metadata } as const),
        ...(openedAt === undefined ? {} : { openedAt }),
      }
      const result = await deps
        .command(decider, request, (appended) => {
          events = appended
        })
        .catch(throwInternal)
      if (result.contentDiffers) trace(describeKeptOutcome(metadata, stream, commandId), 'warn')
      if (result.outcome === 'done') {
        events ??= await readOutcomeEvents(deps, result).catch(throwInternal)
        handled.hasTexts ||= decider.subject !== undefined
        return {
          outcome: 'done',
          events: events.flatMap(findReader(decider).readEvents) as unknown as readonly Event[],
        }
      }
      trace(`${metadata.causation}: ${stream} refused ${command.type}: ${result.code}: ${result.detail}`, 'debug')
      return { ...refuse(result.code, result.detail), events: [] }
    })
  return { send, sendLater }
}

/**
 * The line for a repeated command whose content differs: a newer build derives another command from the same
 * event.
 */
export function describeKeptOutcome({ causation }: CommandMetadata, stream: string, id: string): string {
  return `${causation}: ${stream} was sent ${id} before with different content: the first outcome stands`
}

/** Turns an unexpected error of the framework into `internal`, so that the reaction is not blamed. */
function throwInternal(error: unknown): never {
  if (isTidemarkError(error)) throw error
  throw new TidemarkError('internal', describeError(error), { cause: error })
}

/** Reads the events that an earlier call of the same command led to. */
async function readOutcomeEvents(
  { log, personal }: Pick<ReactDependencies, 'log' | 'personal'>,
  { stream, version, events }: CommandDone,
): Promise<readonly RecordedEvent[]> {
  if (events === 0) return []
  const stored = await log.readRange(stream, { direction: 'forward', after: version - events, limit: events })
  return personal ? personal.openEvents(stored, FRESH_MS) : stored
}
