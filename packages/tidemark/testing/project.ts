import { AssertionError } from 'node:assert'
import { isDeepStrictEqual } from 'node:util'
import type { DomainEvent, EventType, Recorded, RecordedEvent } from '../core/event.ts'
import { describeIssues, validate } from '../core/schema.ts'
import type { Service } from '../core/service.ts'
import { formatPosition, formatSourceStream, parseCategory, parseSourceStream } from '../core/stream.ts'
import {
  type AnyView,
  isOwnView,
  type MultiServiceView,
  type MultiStreamView,
  type SingleStreamView,
  storedDocument,
} from '../core/view.ts'
import { toSourceEvent } from '../runtime/view-events.ts'
import { diffValues, formatValue, refuseAwait, toJson, truncate } from './format.ts'
import { moment } from './moment.ts'
import { pure } from './pure.ts'
import { recordGiven } from './record-given.ts'
import type { Given } from './recorded-as.ts'
import { runProjection } from './run-projection.ts'
import { inParts, listSeeds, type Orders, seeded, shuffled } from './shuffle.ts'

/**
 * Events by stream, such as `order-1`; or the events of one stream, named `<category of the view>-1`. In a view
 * over several services a stream has its service before it, `ordering/order-1`, and its events are public ones.
 * @example
 * ```ts
 * import { type GivenStreams, moment, project } from 'tidemark/testing'
 * import { entries, titles } from './entries.ts'
 * import type { Opened } from './entry.ts'
 *
 * const seasons: GivenStreams<Opened> = {
 *   'entry-1': [{ type: 'Opened', data: { title: 'winter' } }],
 *   'entry-2': [{ type: 'Opened', data: { title: 'spring' } }],
 * }
 * await project(entries, titles)
 *   .given(seasons)
 *   .then('entry-2', { title: 'spring', openedAt: moment(1) })
 * ```
 */
export type GivenStreams<Event extends DomainEvent> =
  | readonly Given<Event>[]
  | Readonly<Record<string, readonly Given<Event>[]>>

/**
 * A view under test. Each expectation delivers the events to the real projection, in one batch, one by one,
 * and in every further requested way. It rejects with AssertionError if the documents differ after any of
 * them.
 * @example
 * ```ts
 * import type { DomainEvent } from 'tidemark'
 * import { type Projected, project } from 'tidemark/testing'
 * import { entries, titles } from './entries.ts'
 *
 * // One helper requests every kind of delivery for the tests of all views.
 * const anyhow = <Document, Event extends DomainEvent>(
 *   projected: Projected<Document, Event>,
 * ): Projected<Document, Event> => projected.deliveredTwice().outOfOrder()
 * const winter = project(entries, titles).given([{ type: 'Opened', data: { title: 'winter' } }])
 * await anyhow(winter).thenNone('entry-2')
 * ```
 */
export interface Projected<Document, Event extends DomainEvent> {
  /**
   * Adds events. The n-th of all events, counted from 0, is recorded at `moment(n)`.
   * @throws AssertionError for an event the service cannot record.
   */
  given(streams: GivenStreams<Event>): Projected<Document, Event>
  /**
   * Delivers every batch again: to an instance that dies before it stores its cursors, to two instances at
   * once, and to one of these once more. Finally delivers all batches to a fresh instance.
   */
  deliveredTwice(): Projected<Document, Event>
  /** Also delivers the events in other orders, across and within streams, and in other batches. */
  outOfOrder(orders?: Orders): Projected<Document, Event>
  /** Expects exactly one document, equal to this. */
  then(document: Document): Promise<void>
  /** Expects this document under this key. In a single-stream view the key is the stream's name. */
  then(key: string, document: Document): Promise<void>
  /** Expects exactly these documents, by key. */
  thenAll(documents: Readonly<Record<string, Document>>): Promise<void>
  /** Expects no document under this key. */
  thenNone(key: string): Promise<void>
}

interface Story {
  readonly service: Service
  readonly view: AnyView
  readonly events: readonly RecordedEvent[]
  readonly twice: boolean
  readonly seeds: readonly number[]
}

/**
 * Tests a view. It runs the real projection, on a log and documents in memory.
 * @param service the service that declares the view.
 * @example
 * ```ts
 * import { moment, project } from 'tidemark/testing'
 * import { entries, titles } from './entries.ts'
 *
 * await project(entries, titles)
 *   .given([{ type: 'Opened', data: { title: 'a title' } }])
 *   .deliveredTwice()
 *   .outOfOrder()
 *   .then({ title: 'a title', openedAt: moment(0) })
 * ```
 */
export function project<Document, Event extends DomainEvent>(
  service: Service,
  view: SingleStreamView<Document, Event> | MultiStreamView<Document, Event> | MultiServiceView<Document, Event>,
): Projected<Document, Event> {
  return projected({ service, view: withPurityChecks(view), events: [], twice: false, seeds: [] })
}

function projected<Document, Event extends DomainEvent>(story: Story): Projected<Document, Event> {
  return {
    given: (streams) => projected({ ...story, events: [...story.events, ...recordEvents(story, streams)] }),
    deliveredTwice: () => projected({ ...story, twice: true }),
    outOfOrder: (orders = {}) => projected({ ...story, seeds: listSeeds(orders) }),
    // biome-ignore lint/suspicious/noThenProperty: the usual word; awaiting the story by mistake is an error.
    then(...args: readonly unknown[]) {
      refuseAwait(args[0])
      if (args.length === 1) return checkEvery(story, (documents) => diffOnly(args[0], documents))
      return checkEvery(story, (documents) => diffOne(String(args[0]), args[1], documents))
    },
    thenAll: (expected) => checkEvery(story, (documents) => diffAll(expected, documents)),
    thenNone: (key) => checkEvery(story, (documents) => diffOne(key, undefined, documents)),
  }
}

type Documents = ReadonlyMap<string, unknown>
/** Returns the lines in which the documents differ from what is expected. */
type Differ = (documents: Documents) => readonly string[]

function diffOnly(expected: unknown, documents: Documents): readonly string[] {
  const [first, ...more] = documents.keys()
  if (first !== undefined && more.length === 0) return diffOne(first, expected, documents)
  return [`expected one document, got ${first === undefined ? 'none' : [first, ...more].join(', ')}`]
}

function diffOne(key: string, expected: unknown, documents: Documents): readonly string[] {
  const [wantedDocument, came] = [toJson(expected), toJson(documents.get(key))]
  if (isDeepStrictEqual(wantedDocument, came)) return []
  if (wantedDocument !== undefined && came !== undefined)
    return [`document ${key}:`, ...diffValues(wantedDocument, came).map((line) => `  ${line}`)]
  const others = [...documents.keys()].filter((other) => other !== key)
  return [
    `document ${key}: expected ${formatValue(wantedDocument)}, got ${formatValue(came)}`,
    ...(came === undefined && others.length > 0 ? [`  the view has ${others.join(', ')}`] : []),
  ]
}

function diffAll(expected: Readonly<Record<string, unknown>>, documents: Documents): readonly string[] {
  const keys = new Set([...Object.keys(expected), ...documents.keys()])
  return [...keys].flatMap((key) => diffOne(key, expected[key], documents))
}

/** One way to deliver the events. */
interface Delivery {
  readonly how: string
  readonly batches: readonly (readonly RecordedEvent[])[]
}

async function checkEvery(story: Story, differ: Differ): Promise<void> {
  const { service, view, events, twice, seeds } = story
  for (const { how, batches } of listDeliveries(events, seeds)) {
    const came = batches.map((batch) => batch.map(formatPosition).join(', ')).join(' | ')
    const delivered = `${how}${twice ? ', each batch twice' : ''}: ${truncate(came)}`
    let lines: readonly string[]
    try {
      lines = differ(await runProjection(service, view, { log: events, batches, twice }))
    } catch (cause) {
      const message = `${view.name} fails when events arrive ${delivered}\n  ${(cause as Error).message}`
      throw Object.assign(new AssertionError({ message }), { cause })
    }
    if (lines.length > 0)
      throw new AssertionError({
        message: [`${view.name} differs when events arrive ${delivered}`, ...lines].join('\n  '),
      })
  }
}

function listDeliveries(events: readonly RecordedEvent[], seeds: readonly number[]): readonly Delivery[] {
  const oneByOne = events.map((event) => [event])
  return [
    { how: 'in one batch', batches: events.length === 0 ? [] : [events] },
    { how: 'one by one', batches: oneByOne },
    ...seeds.map((seed) => {
      const random = seeded(seed)
      return { how: `out of order (seed ${seed})`, batches: inParts(random, shuffled(random, events)) }
    }),
  ]
}

function recordEvents<Event extends DomainEvent>(
  { service, view, events }: Story,
  streams: GivenStreams<Event>,
): readonly RecordedEvent[] {
  const byStream = isList(streams) ? { [firstStream(view)]: streams } : streams
  const recorded: RecordedEvent[] = []
  for (const [name, given] of Object.entries(byStream)) {
    const { stream } = parseSourceStream(name)
    const recorder = isOwnView(view) ? { ...service, events: listTypes(service, name) } : findSource(view, name)
    let last = events.findLast((event) => event.stream === name)
    for (const event of given) {
      const now = moment(events.length + recorded.length)
      const made = recordGiven(recorder, event, { stream, before: last, now })
      last = isOwnView(view) ? made : toSourceEvent(recorder.name, made)
      recorded.push(last)
    }
  }
  return recorded
}

/** The stream of events that are given without one. */
function firstStream(view: AnyView): string {
  if (isOwnView(view)) return `${view.category}-1`
  const [source] = view.sources
  return source === undefined ? '' : formatSourceStream(source.service, `${source.category}-1`)
}

function listTypes({ deciders }: Service, stream: string): readonly EventType[] {
  return deciders.find(({ category }) => category === parseCategory(stream))?.events ?? []
}

/** What the source of a stream can publish to the view. */
function findSource({ name, sources }: Extract<AnyView, { kind: 'many-services' }>, stream: string) {
  const { service } = parseSourceStream(stream)
  const source = sources.find((each) => each.service === service && each.category === parseCategory(stream))
  if (source) return { name: source.service, publishes: [], events: source.events }
  throw new AssertionError({ message: `${name} does not follow ${stream}: a stream is named like ordering/order-1` })
}

function isList<Event extends DomainEvent>(streams: GivenStreams<Event>): streams is readonly Given<Event>[] {
  return Array.isArray(streams)
}

/**
 * Wraps a view: calls each function twice with frozen arguments and validates each document against its
 * schema.
 */
function withPurityChecks(view: AnyView): AnyView {
  const evolve = `evolve of ${view.name}`
  if (view.kind === 'one-stream')
    return {
      ...view,
      evolve: (document: unknown, event: Recorded<DomainEvent>) =>
        checkDeclared(
          view,
          event.stream,
          pure(evolve, (...args) => view.evolve(...args), document, event),
        ),
    }
  return {
    ...view,
    documentKeys: (event) => pure(`documentKeys of ${view.name}`, (...args) => view.documentKeys(...args), event),
    evolve: (document, event, key) =>
      checkDeclared(
        view,
        key,
        pure(evolve, (...args) => view.evolve(...args), document, event, key),
      ),
  }
}

function checkDeclared(view: AnyView, key: string, document: unknown): unknown {
  const stored = storedDocument(view, key, document)
  if (view.document === undefined || stored === undefined) return document
  const result = validate<unknown>(view.document, stored)
  const wrong = result.outcome === 'valid' ? diffValues(result.value, stored) : [describeIssues(result.issues)]
  if (wrong.length > 0)
    throw new AssertionError({
      message: `a document of ${view.name} does not fit the schema that the view declares: ${wrong.join('; ')}`,
    })
  return document
}
