import type { DataPath } from '../core/data-path.ts'
import { TidemarkError } from '../core/errors.ts'
import type { JsonSchema } from '../core/json-schema.ts'
import { streamPattern } from '../core/stream.ts'
import type { Endpoint } from './http.ts'
import { ETAG, limitParameter, object, type Parameter, queryNames, text, time, version } from './operation.ts'
import { checkParameters, readLimit, readWholeNumber } from './request.ts'

/** What the history endpoints need of their service. */
export type HistoryPort = Pick<DataPath, 'history' | 'stateAt'>

/** `GET …/{stream}/events?direction=&after=&limit=`: a page of a stream's events, as stored in the log. */
export function listEvents(port: HistoryPort): Endpoint {
  return {
    describe: () => [
      {
        summary: "a page of a stream's events",
        parameters: [streamParameter, ...pageParameters],
        answer: { status: 200, description: 'The events, as stored in the log.', headers: {}, schema: eventsPage },
        problems: ['invalid-query', 'invalid-id', 'stream-not-found', 'unavailable', 'event-unreadable'],
      },
    ],
    async handle(request) {
      checkParameters(request, pageNames)
      const { stream = '' } = request.params
      const direction = request.query.get('direction') ?? 'forward'
      if (direction !== 'forward' && direction !== 'backward')
        throw new TidemarkError('invalid-query', 'direction must be forward or backward')
      const after = readWholeNumber(request, 'after', 0, Number.MAX_SAFE_INTEGER)
      const limit = readLimit(request)
      const page = await port.history(stream, { direction, limit, ...(after === undefined ? {} : { after }) })
      const { events: items, continuation } = page
      return { jsonBody: { stream, direction, items, ...(continuation === undefined ? {} : { continuation }) } }
    },
  }
}

/** `GET …/{stream}/state?version=` or `?at=`: the aggregate state at that point. */
export function getState(port: HistoryPort): Endpoint {
  return {
    describe: () => [
      {
        summary: "a stream's state, now or in the past",
        parameters: [streamParameter, ...pointParameters],
        answer: { status: 200, description: 'The state, folded from the events.', headers: ETAG, schema: stateAnswer },
        problems: [
          ...(['invalid-query', 'invalid-id', 'invalid-time', 'stream-not-found', 'version-not-found'] as const),
          ...(['unavailable', 'event-unreadable', 'event-unknown', 'chain-broken'] as const),
        ],
      },
    ],
    async handle(request) {
      checkParameters(request, pointNames)
      const { stream = '' } = request.params
      const version = readWholeNumber(request, 'version', 1, Number.MAX_SAFE_INTEGER)
      const at = request.query.get('at')
      if (version !== undefined && at !== null) throw new TidemarkError('invalid-query', 'give version or at, not both')
      const point = { ...(version === undefined ? {} : { version }), ...(at === null ? {} : { at }) }
      const { state, head, time } = await port.stateAt(stream, point)
      return {
        headers: { etag: `"${head.version}"` },
        jsonBody: { stream, version: head.version, time, hash: head.hash, state },
      }
    },
  }
}

const streamParameter: Parameter = {
  name: 'stream',
  in: 'path',
  description: 'The name of a stream, such as `order-1`.',
  schema: { type: 'string', pattern: streamPattern.source },
}

const pageParameters: readonly Parameter[] = [
  {
    name: 'direction',
    in: 'query',
    description: '`forward`: oldest first. `backward`: newest first.',
    schema: { type: 'string', enum: ['forward', 'backward'], default: 'forward' },
  },
  {
    name: 'after',
    in: 'query',
    description: 'Continues after this version, in the same direction.',
    schema: { type: 'integer', minimum: 0 },
  },
  limitParameter,
]

const pointParameters: readonly Parameter[] = [
  { name: 'version', in: 'query', description: 'The state at this stream version.', schema: version },
  {
    name: 'at',
    in: 'query',
    description: 'The state at this moment. Not together with `version`.',
    schema: { type: 'string', format: 'date-time' },
  },
]

const pageNames = queryNames(pageParameters)
const pointNames = queryNames(pointParameters)

const content: Readonly<Record<string, JsonSchema>> = {
  type: text,
  schemaVersion: version,
  readableFrom: version,
  data: {},
}

/** An event, as stored in the log. */
export const recordedEvent = object(
  {
    ...{
      id: text,
      stream: text,
      version,
      source: text,
      time,
      ...content,
      published: object(content, ['readableFrom']),
    },
    ...{ correlation: text, causation: text, actor: text, traceparent: text, previousHash: text, hash: text },
  },
  ['readableFrom', 'published', 'traceparent'],
)

const eventsPage = object(
  {
    stream: text,
    direction: { type: 'string', enum: ['forward', 'backward'] },
    items: { type: 'array', items: recordedEvent },
    continuation: version,
  },
  ['continuation'],
)

const stateAnswer = object({ stream: text, version, time, hash: text, state: {} })
