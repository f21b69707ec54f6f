import type { HttpRequest } from '@azure/functions'
import * as z from 'zod'
import { keyFault } from '../core/document-key.ts'
import { isTidemarkError, TidemarkError } from '../core/errors.ts'
import type { JsonSchema } from '../core/json-schema.ts'
import type { DocumentAtQuery, Operations, ViewAtQuery } from '../core/operations.ts'
import { REBUILD_ACTIONS, REBUILD_STAGES, type RebuildAction } from '../core/rebuild.ts'
import { listReactions, type Service } from '../core/service.ts'
import { type AnyView, isOwnView } from '../core/view.ts'
import { type ActorSource, readActor } from './actor.ts'
import { recordedEvent } from './history.ts'
import type { Endpoint, Route } from './http.ts'
import {
  count,
  limitParameter,
  list,
  type Operation,
  object,
  type Parameter,
  queryNames,
  text,
  time,
  version,
} from './operation.ts'
import { checkOperator } from './operator.ts'
import { problem } from './problem.ts'
import { filterParameters } from './queries.ts'
import {
  checkParameters,
  DEFAULT_LIMIT,
  MAX_LIMIT,
  pickParameters,
  readBody,
  readLimit,
  readWholeNumber,
} from './request.ts'
import { toTrace } from './triggers.ts'

/** What the browse endpoints need of their service. */
export interface BrowsePort extends Operations {
  readonly declaration: Pick<Service, 'views' | 'reactions' | 'processes'>
  readonly actorSource: ActorSource
}

/**
 * The routes through which the console and the command line show a service. All are for operators: see
 * operator.ts.
 */
export function buildBrowseRoutes(port: BrowsePort): readonly Route[] {
  return [
    { name: 'about', path: 'about', GET: aboutEndpoint(port) },
    { name: 'streams', path: 'streams', GET: streamsEndpoint(port) },
    { name: 'tail', path: 'events', GET: tailEndpoint(port) },
    { name: 'read-log', path: 'events/read', POST: readLogEndpoint(port) },
    { name: 'trace', path: 'traces/{correlation}', GET: traceEndpoint(port) },
    { name: 'schedule', path: 'schedule', GET: scheduleEndpoint(port) },
    { name: 'verification', path: 'verification', POST: verificationEndpoint(port) },
    { name: 'all-views', path: 'views', GET: viewsEndpoint(port) },
    { name: 'view-events', path: 'views/{view}/events', GET: documentEventsEndpoint(port) },
    { name: 'view-documents', path: 'views/{view}/documents', GET: documentsEndpoint(port) },
    { name: 'view-as-of', path: 'views/{view}/as-of', POST: asOfEndpoint(port) },
    ...REBUILD_ACTIONS.map((action) => ({
      name: `view-${action}`,
      path: `views/{view}/${action}`,
      POST: rebuildEndpoint(port, action),
    })),
  ]
}

/** A GET route for operators. */
interface Reading {
  readonly summary: string
  readonly parameters: readonly Parameter[]
  readonly description: string
  readonly schema: JsonSchema
  readonly problems?: Operation['problems']
  answer(request: HttpRequest): object | Promise<object>
}

/** A GET for operators: checks the role, then the parameters, and answers. */
function readingEndpoint(port: BrowsePort, reading: Reading): Endpoint {
  const { summary, parameters, description, schema, problems = readProblems } = reading
  return {
    describe: () => [{ summary, parameters, answer: { status: 200, description, headers: {}, schema }, problems }],
    async handle(request) {
      checkOperator(request, port.actorSource)
      checkParameters(request, queryNames(parameters))
      return { jsonBody: await reading.answer(request) }
    },
  }
}

/** `GET …/about`: what the service declares. */
function aboutEndpoint(port: BrowsePort): Endpoint {
  return readingEndpoint(port, {
    summary: 'what the service declares: categories, events and their versions, views, consumers',
    parameters: [],
    description: 'It changes only with the build.',
    schema: aboutAnswer,
    problems: ['invalid-query', 'operator-only'],
    answer: () => port.about(),
  })
}

/**
 * `GET …/streams?category=&prefix=&limit=&continuation=`: the most recently written streams, or those whose
 * names start with a prefix.
 */
function streamsEndpoint(port: BrowsePort): Endpoint {
  return readingEndpoint(port, {
    summary: 'streams: the most recently written ones, or those whose names start with a prefix',
    parameters: [categoryParameter, prefixParameter, limitParameter, continuationParameter],
    description:
      'Without a prefix: newest first, each once per page; a stream may reappear on a later page, with an ' +
      'earlier write. With a prefix: by name.',
    schema: buildPageSchema(object({ stream: text, version, time, types: list(text) })),
    answer: (request) =>
      port.streams({
        ...pickParameters(request.query, 'category', 'prefix', 'continuation'),
        limit: readLimit(request),
      }),
  })
}

/** `GET …/events?after=&category=&type=&limit=`: events as they are recorded. Clients poll it. */
function tailEndpoint(port: BrowsePort): Endpoint {
  return readingEndpoint(port, {
    summary: 'events as they are recorded: the newest, then those recorded since',
    parameters: [categoryParameter, typeParameter, limitParameter, afterParameter],
    description:
      'Without `after`: the newest events, oldest first; some may be repeated in the next answer. ' +
      'Empty: nothing new yet; poll with the continuation.',
    schema: object({ items: list(recordedEvent), continuation: text }),
    answer: (request) =>
      port.events({ ...pickParameters(request.query, 'category', 'type', 'after'), limit: readLimit(request) }),
  })
}

/** `GET …/traces/{correlation}`: every event that one request caused in this service. */
function traceEndpoint(port: BrowsePort): Endpoint {
  return readingEndpoint(port, {
    summary: 'every event that one request caused in this service',
    parameters: [correlationParameter, limitParameter, continuationParameter],
    description: 'By time. `causation` is the cause of each event: a command, or an event of any service.',
    schema: buildPageSchema(recordedEvent),
    answer(request) {
      const { correlation = '' } = request.params
      return port.trace(correlation, readLimit(request), pickParameters(request.query, 'continuation').continuation)
    },
  })
}

/** `GET …/schedule?limit=&continuation=`: the scheduled commands. */
function scheduleEndpoint(port: BrowsePort): Endpoint {
  return readingEndpoint(port, {
    summary: 'scheduled commands',
    parameters: [limitParameter, continuationParameter],
    description: 'Earliest first.',
    schema: buildPageSchema(object({ stream: text, due: time, type: text, data: {}, ...origin })),
    async answer(request) {
      const page = await port.scheduled(readLimit(request), pickParameters(request.query, 'continuation').continuation)
      const items = page.commands.map(({ stream, due, command, metadata: { correlation, causation, actor } }) => {
        return { stream, due, type: command.type, data: command.data, correlation, causation, actor }
      })
      return { items, ...(page.continuation ? { continuation: page.continuation } : {}) }
    },
  })
}

/** A POST route for operators that reads a part. Clients repeat it with the continuation. */
interface PartReading<Body> {
  readonly summary: string
  readonly parameters?: readonly Parameter[]
  readonly body: z.ZodType<Body>
  readonly description: string
  readonly schema: JsonSchema
  readonly problems?: Operation['problems']
  read(body: Body, request: HttpRequest): Promise<object>
}

/** A POST for operators. The continuation is in the body, because it may be longer than an address may be. */
function partEndpoint<Body>(port: BrowsePort, reading: PartReading<Body>): Endpoint {
  const { summary, parameters = [], body: shape, description, schema, problems = [] } = reading
  return {
    describe: () => [
      {
        summary,
        parameters,
        body: shape,
        answer: { status: 200, description, headers: {}, schema },
        problems: [...bodyProblems, ...(['operator-only', 'unavailable'] as const), ...problems],
      },
    ],
    async handle(request) {
      checkOperator(request, port.actorSource)
      checkParameters(request, [])
      const body = await readBody(request, shape, 'the body does not fit: see the errors')
      return { jsonBody: await reading.read(body, request) }
    },
  }
}

const continuation = z.string().min(1).exactOptional()

/** `POST …/verification`: verifies a part of the log. */
function verificationEndpoint(port: BrowsePort): Endpoint {
  return partEndpoint(port, {
    summary: 'verifies that the log is as it was written, part by part',
    body: z.strictObject({ continuation }),
    description: 'The result of this part. Repeat with the continuation; the last part has none.',
    schema: object(
      {
        checked: object({ streams: count, commits: count, events: count, receipts: count }),
        findings: list(object({ place: text, wrong: text, detail: text })),
        found: count,
        progress,
        continuation: text,
      },
      ['continuation'],
    ),
    read: ({ continuation }) => port.verify(continuation),
  })
}

/** The most events of a part of the log, and the default. */
const LOG_PART = 1000

/** `POST …/events/read`: a part of the events of a category, or of what a view follows, from the first event on. */
function readLogEndpoint(port: BrowsePort): Endpoint {
  return partEndpoint(port, {
    summary: 'the events of a category, or of what a view follows, from the first on, part by part',
    body: z
      .strictObject({
        category: z.string().min(1).exactOptional(),
        view: z.string().min(1).exactOptional(),
        limit: z.int().min(1).max(LOG_PART).default(LOG_PART),
        continuation,
      })
      .refine(({ category, view }) => category !== undefined || view !== undefined, 'give category or view'),
    description:
      'Those of each stream are in order. Repeat with the continuation while there is more; afterwards it leads ' +
      'to newer events. With a continuation of an earlier build, events come again. `discarded` ' +
      'lists the items that were discarded for the view in the body. Without `category`, it is what that view ' +
      'follows. Of several services these are their archives and then their hubs, which repeat events of the ' +
      'archives. Events that such a view does not handle have an empty type and no data.',
    schema: object({
      items: list(recordedEvent),
      discarded: list(text),
      progress,
      continuation: text,
      more: { type: 'boolean' },
    }),
    problems: ['view-not-found'],
    read({ category, ...query }) {
      if (category !== undefined) return port.readLog({ category, ...query })
      const view = findView(port, query.view)
      return isOwnView(view) ? port.readLog({ category: view.category, ...query }) : port.readSources(view, query)
    },
  })
}

/** The most events of the log from which one answer projects a whole view, and the default. */
const MAX_VIEW_EVENTS = 10_000

/** `POST …/views/{view}/as-of`: a document, or all documents, as of a point in time. */
function asOfEndpoint(port: BrowsePort): Endpoint {
  const { views } = port.declaration
  const endpoint = partEndpoint(port, {
    summary: 'a document of a view, or all of them, as of a point in time, projected by the running code',
    parameters: [viewParameter(views)],
    body: z.strictObject({
      key: z
        .string()
        .refine((key) => keyFault(key) === undefined, 'no document can have this key')
        .exactOptional(),
      at: z.string().exactOptional(),
      version: z.int().min(1).exactOptional(),
      limit: z.int().min(1).max(MAX_LIMIT).exactOptional(),
      maxEvents: z.int().min(1).max(MAX_VIEW_EVENTS).exactOptional(),
      continuation,
    }),
    description:
      'With `key`: repeat with the continuation until there is none. The last part has the document, or no item ' +
      'if there was none. Give `at`, or `version` for a single-stream view; without either it is as of the newest ' +
      'event. Without `key`: a page of all documents by key, as of `at`. Each page reads the whole log, so a log of ' +
      'more than `maxEvents` events is refused.',
    schema: object(
      { items: list(object({ key: text, version, document: {} }, ['version'])), events: count, continuation: text },
      ['continuation'],
    ),
    problems: [
      ...(['view-not-found', 'version-not-found', 'invalid-time', 'log-too-long'] as const),
      ...(['event-unknown', 'event-unreadable', 'handler-failed', 'chain-broken'] as const),
    ],
    read({ key, limit, maxEvents, ...query }, request) {
      const view = findView(port, request.params.view)
      if (key === undefined) return port.viewAt(view, toViewQuery(query, limit, maxEvents))
      if (limit === undefined && maxEvents === undefined) return port.documentAt(view, { key, ...query })
      throw new TidemarkError('invalid-query', 'limit and maxEvents are for all documents: leave out key')
    },
  })
  return {
    ...endpoint,
    async handle(request, context) {
      try {
        return await endpoint.handle(request, context)
      } catch (error) {
        // An operator may know which event the view cannot apply.
        if (isTidemarkError(error, 'handler-failed') || isTidemarkError(error, 'event-unreadable'))
          return problem(error.code, error.message)
        throw error
      }
    },
  }
}

/** @throws TidemarkError `invalid-query` */
function toViewQuery(
  { at, version, continuation }: Omit<DocumentAtQuery, 'key'>,
  limit = DEFAULT_LIMIT,
  maxEvents = MAX_VIEW_EVENTS,
): ViewAtQuery {
  if (at === undefined || version !== undefined)
    throw new TidemarkError('invalid-query', 'without key, give at: all documents have no version in common')
  return { at, limit, maxEvents, ...(continuation === undefined ? {} : { continuation }) }
}

/** `GET …/views`: the views, their generations and the state of their rebuilds. */
function viewsEndpoint(port: BrowsePort): Endpoint {
  return readingEndpoint(port, {
    summary: 'the views, their generations and the state of their rebuilds',
    parameters: [],
    description: 'All views.',
    schema: object({ items: list(viewSummary) }),
    answer: async () => ({ items: await port.views() }),
  })
}

/**
 * `GET …/views/{view}/documents?<filters>&search=&limit=&continuation=`: documents of a view, optionally only
 * those that match a search.
 */
function documentsEndpoint(port: BrowsePort): Endpoint {
  const { views } = port.declaration
  const item = object({ key: text, version, document: {} }, ['version'])
  return readingEndpoint(port, {
    summary: 'documents of a view, descending by sort key',
    parameters: [
      viewParameter(views),
      ...filterParameters(views),
      ...[searchParameter, keyParameter, generationParameter, limitParameter, continuationParameter],
    ],
    description:
      'In a single-stream view the key is the stream, and `version` is the stream version it reflects. ' +
      'A search reads a limited number of documents per page: a page may be empty and have a continuation.',
    schema: object({ items: list(item), searched: count, continuation: text }, ['continuation']),
    problems: [...readProblems, 'view-not-found'],
    answer(request) {
      const view = findView(port, request.params.view)
      const key = readKey(request)
      const listing = [...Object.keys(view.filters), 'search', 'limit', 'continuation']
      // OpenAPI lists the filters of all views, so refuse those of other views. With a key there is no list.
      checkParameters(request, ['generation', ...(key === undefined ? listing : ['key'])])
      const filter = Object.fromEntries(
        Object.keys(view.filters).flatMap((field) => request.query.getAll(field).map((value) => [field, value])),
      )
      const given = pickParameters(request.query, 'search', 'continuation')
      const generation = readWholeNumber(request, 'generation', 1, Number.MAX_SAFE_INTEGER)
      const choice = {
        ...given,
        ...(generation === undefined ? {} : { generation }),
        ...(key === undefined ? {} : { key }),
      }
      return port.findDocuments(view, { ...choice, filter, limit: readLimit(request) })
    },
  })
}

const nothing = z.strictObject({})
const summaries: Readonly<Record<RebuildAction, string>> = {
  rebuild: "builds the view's next generation from the log, then makes queries read it",
  build: "builds the view's next generation beside the live one, keeps it up to date, and compares the two",
  promote: 'makes queries read the built generation',
  'promote-if-equal': 'compares the built generation with the live one again, and promotes it only if they are equal',
  abandon: 'removes the built generation',
  'go-back': 'rolls back: makes queries read the previously live generation again',
}

/** `GET …/views/{view}/events?key=&limit=&continuation=`: the events that a document was built from. */
function documentEventsEndpoint(port: BrowsePort): Endpoint {
  const { views } = port.declaration
  return readingEndpoint(port, {
    summary: 'the events that a document of a view was built from',
    parameters: [viewParameter(views), { ...keyParameter, required: true }, limitParameter, continuationParameter],
    description:
      'Events of one stream are in order. For a multi-stream view the log is searched: a page may be empty and ' +
      'have a continuation.',
    schema: buildPageSchema(recordedEvent),
    problems: [...readProblems, 'view-not-found'],
    answer(request) {
      const view = findView(port, request.params.view)
      const { continuation } = pickParameters(request.query, 'continuation')
      const key = readKey(request)
      if (key === undefined) throw new TidemarkError('invalid-query', 'the parameter key is missing')
      return port.documentEvents(view, { key, limit: readLimit(request), ...(continuation ? { continuation } : {}) })
    },
  })
}

/** `POST …/views/{view}/<action>`: starts the action. `GET …/views` reports its progress. */
function rebuildEndpoint(port: BrowsePort, action: RebuildAction): Endpoint {
  const { views } = port.declaration
  return {
    describe: () => [
      {
        summary: summaries[action],
        parameters: [viewParameter(views)],
        body: nothing,
        answer: {
          status: 202,
          description: 'It has started and replaces any running one. `GET …/views` reports its progress.',
          headers: {},
          schema: rebuild,
        },
        problems: [
          ...bodyProblems,
          ...(['operator-only', 'view-not-found', 'view-contended', 'unavailable', 'outcome-unknown'] as const),
        ],
      },
    ],
    async handle(request, context) {
      checkOperator(request, port.actorSource)
      checkParameters(request, [])
      const view = findView(port, request.params.view)
      await readBody(request, nothing, `the body does not fit ${action}`)
      const started = await port.rebuild(view, action, readActor(request, port.actorSource), toTrace(context))
      return { status: 202, jsonBody: started }
    },
  }
}

/** @throws TidemarkError `invalid-query` */
function readKey({ query }: HttpRequest): string | undefined {
  const { key } = pickParameters(query, 'key')
  const fault = key === undefined ? undefined : keyFault(key)
  if (fault) throw new TidemarkError('invalid-query', `key: ${fault}`)
  return key
}

/** @throws TidemarkError `view-not-found` */
function findView({ declaration }: BrowsePort, name: string | undefined): AnyView {
  const view = declaration.views.find((each) => each.name === name)
  if (view) return view
  if (listReactions(declaration).some((each) => each.name === name))
    throw new TidemarkError('view-not-found', `${name} is a reaction: a rebuild would send its commands again`)
  throw new TidemarkError('view-not-found', `the views are ${declaration.views.map((each) => each.name).join(', ')}`)
}

const readProblems = ['invalid-query', 'operator-only', 'unavailable'] as const
/** The problems of requests with a body. */
const bodyProblems = [
  'invalid-json',
  'invalid-command',
  'invalid-query',
  'unsupported-media-type',
  'body-too-large',
] as const

const buildPageSchema = (item: JsonSchema): JsonSchema =>
  object({ items: list(item), continuation: { type: 'string' } }, ['continuation'])
const progress = object({ done: count, total: count })
const origin = { correlation: text, causation: text, actor: text }

const categoryParameter: Parameter = {
  name: 'category',
  in: 'query',
  description: 'Only streams of this category.',
  schema: text,
}
const prefixParameter: Parameter = {
  name: 'prefix',
  in: 'query',
  description: 'The start of the stream names, such as `order-4`.',
  schema: { type: 'string', minLength: 1 },
}
const typeParameter: Parameter = {
  name: 'type',
  in: 'query',
  description: 'Only events of this type.',
  schema: text,
}
const afterParameter: Parameter = {
  name: 'after',
  in: 'query',
  description: 'The continuation of an earlier answer: only events recorded since.',
  schema: text,
}
const searchParameter: Parameter = {
  name: 'search',
  in: 'query',
  description: "Text in the document's key or JSON, ignoring case.",
  schema: text,
}
const generationParameter: Parameter = {
  name: 'generation',
  in: 'query',
  description: 'The generation of the view; default the live one.',
  schema: { type: 'integer', minimum: 1 },
}
const keyParameter: Parameter = {
  name: 'key',
  in: 'query',
  description: "The document's key. In a single-stream view it is the stream.",
  schema: { type: 'string', minLength: 1 },
}
const continuationParameter: Parameter = {
  name: 'continuation',
  in: 'query',
  description: 'The continuation of the previous page; the last page has none.',
  schema: text,
}
const correlationParameter: Parameter = {
  name: 'correlation',
  in: 'path',
  description: 'The correlation id: `command:` and the Idempotency-Key, or the X-Correlation-Id, of a request.',
  schema: text,
}
const viewParameter = (views: readonly AnyView[]): Parameter => ({
  name: 'view',
  in: 'path',
  description: 'The name of a view.',
  schema: { type: 'string', enum: views.map(({ name }) => name) },
})

const versions = list(
  object({ version, change: { type: 'string', enum: ['first', 'additive', 'breaking'] }, schema: { type: 'object' } }),
)
const kind: JsonSchema = { type: 'string', enum: ['one-stream', 'many-streams', 'many-services'] }
const fieldType = (...types: readonly string[]): JsonSchema => ({ type: 'string', enum: types })
const filters: JsonSchema = {
  type: 'object',
  additionalProperties: { anyOf: [list(text), fieldType('string', 'number', 'boolean')] },
}
const orders: JsonSchema = { type: 'object', additionalProperties: fieldType('string', 'number') }

const aboutAnswer = object({
  service: text,
  build: text,
  hub: text,
  categories: list(object({ name: text, process: { type: 'boolean' }, commands: list(text), events: list(text) })),
  events: list(
    object({ type: text, category: text, versions, ended: list(text), published: object({ type: text, versions }) }, [
      'ended',
      'published',
    ]),
  ),
  views: list(object({ name: text, kind, category: text, filters, orders })),
  consumers: list(
    object({
      name: text,
      hub: text,
      kind: { type: 'string', enum: ['views', 'reactions'] },
      handlers: list(object({ name: text, category: text, events: { type: ['array', 'null'], items: text } })),
    }),
  ),
})

const comparison = object({
  compared: count,
  changed: count,
  added: count,
  removed: count,
  examples: list(object({ key: text, difference: { type: 'string', enum: ['changed', 'added', 'removed'] } })),
})

const rebuild = object(
  {
    action: { type: 'string', enum: [...REBUILD_ACTIONS] },
    state: { type: 'string', enum: ['running', 'done', 'failed'] },
    stage: { type: 'string', enum: [...REBUILD_STAGES] },
    target: version,
    commits: count,
    total: count,
    events: count,
    comparison,
    startedAt: time,
    updatedAt: time,
    by: text,
    instance: text,
    code: text,
    reason: text,
  },
  ['target', 'events', 'comparison', 'code', 'reason'],
)

const viewSummary = object(
  {
    name: text,
    kind,
    category: text,
    filters,
    live: version,
    generations: list(
      object(
        { number: version, role: { type: 'string', enum: ['live', 'built', 'writing', 'previous'] }, left: time },
        ['left'],
      ),
    ),
    rebuild,
  },
  ['rebuild'],
)
