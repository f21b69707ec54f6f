import type { InvocationContext } from '@azure/functions'
import * as z from 'zod'
import { TidemarkError } from '../core/errors.ts'
import type { JsonSchema } from '../core/json-schema.ts'
import type { Operations } from '../core/operations.ts'
import type { DiscardReason, ParkedAction, ParkedActionResult } from '../core/parking.ts'
import { validate } from '../core/schema.ts'
import { listConcerns } from '../core/status.ts'
import { type ActorSource, readActor } from './actor.ts'
import type { Endpoint, Route } from './http.ts'
import { object, type Parameter, queryNames } from './operation.ts'
import { checkOperator } from './operator.ts'
import { problem } from './problem.ts'
import { checkParameters, readJson } from './request.ts'
import { toTrace } from './triggers.ts'

/** What the functions for operators need of their service. */
export interface OperationsPort extends Operations {
  readonly name: string
  readonly actorSource: ActorSource
  /** Settles once the store answers. @throws TidemarkError `unavailable` */
  ready(): Promise<void>
}

/** The routes that every service has for whoever looks after it. */
export function buildOperationRoutes(port: OperationsPort): readonly Route[] {
  return [
    { name: 'live', path: 'health/live', GET: live },
    { name: 'ready', path: 'health/ready', GET: readyEndpoint(port) },
    { name: 'status', path: 'status', GET: statusEndpoint(port) },
    { name: 'parked', path: 'parked', GET: parkedEndpoint(port) },
    { name: 'parked-command', path: 'parked/{command}', POST: parkedCommand(port) },
  ]
}

/**
 * The most of what waits that one request does something about: each takes its time, and an answer comes
 * within 230 s or never.
 */
const MAX_ACTED = 100

/** `GET …/health/live`: the process answers. */
const live: Endpoint = {
  describe: () => [
    {
      summary: 'whether the process answers',
      parameters: [],
      answer: { status: 200, description: 'It does.', headers: {}, schema: object({ status: { const: 'live' } }) },
      problems: ['invalid-query'],
    },
  ],
  async handle(request) {
    checkParameters(request, [])
    return { jsonBody: { status: 'live' } }
  },
}

/**
 * `GET …/health/ready`: commands and queries are answered. Without a hub they are too: events wait in the
 * log, and `status` tells of it.
 */
function readyEndpoint(port: OperationsPort): Endpoint {
  return {
    describe: () => [
      {
        summary: 'whether commands and queries are answered',
        parameters: [],
        answer: { status: 200, description: 'They are.', headers: {}, schema: object({ status: { const: 'ready' } }) },
        problems: ['invalid-query', 'unavailable', 'container-missing'],
      },
    ],
    async handle(request) {
      checkParameters(request, [])
      await port.ready()
      return { jsonBody: { status: 'ready' } }
    },
  }
}

/** `GET …/status`: how far all is behind, what waits, and what somebody should look at. */
function statusEndpoint(port: OperationsPort): Endpoint {
  return {
    describe: () => [
      {
        summary: 'how the service does: lag, what waits, and what needs somebody',
        parameters: [],
        answer: { status: 200, description: 'What could be found out.', headers: {}, schema: statusAnswer },
        problems: ['invalid-query', 'operator-only', 'unavailable'],
      },
    ],
    async handle(request) {
      checkOperator(request, port.actorSource)
      checkParameters(request, [])
      const status = await port.status()
      return { jsonBody: { ...status, concerns: listConcerns(status) } }
    },
  }
}

/** `GET …/parked?stream=&handler=&code=`: what waits since it could not be processed. */
function parkedEndpoint(port: OperationsPort): Endpoint {
  return {
    describe: () => [
      {
        summary: 'what waits since it could not be processed',
        parameters: choiceParameters,
        answer: { status: 200, description: 'All of it: there is a limit.', headers: {}, schema: parkedAnswer },
        problems: ['invalid-query', 'operator-only', 'unavailable'],
      },
    ],
    async handle(request) {
      checkOperator(request, port.actorSource)
      checkParameters(request, queryNames(choiceParameters))
      const choice = Object.fromEntries(
        queryNames(choiceParameters).flatMap((name) => {
          const value = request.query.get(name)
          return value === null ? [] : [[name, value]]
        }),
      )
      const { streams, messages } = await port.parked(choice)
      return {
        jsonBody: {
          streams: streams.map(({ consumer, stream: { etag: _, ...stream } }) => ({ consumer, ...stream })),
          messages: messages.map(({ consumer, message }) => ({ consumer, ...message })),
        },
      }
    },
  }
}

const choiceShape = {
  stream: z.string().min(1).exactOptional(),
  handler: z.string().min(1).exactOptional(),
  code: z.string().min(1).exactOptional(),
}
const reason = z.string().trim().min(1).max(1000)
const bodies = {
  redrive: z.strictObject(choiceShape),
  skip: z.strictObject({ ...choiceShape, reason }),
  discard: z.strictObject({ ...choiceShape, message: z.string().min(1).exactOptional(), reason }),
}
const summaries: Readonly<Record<ParkedAction, string>> = {
  redrive: 'tries again what waits, by the code that runs',
  skip: 'gives up the event that a stream waits for, and tries the rest',
  discard: 'gives up what waits',
}
const actions = ['redrive', 'skip', 'discard'] as const

/** `POST …/parked/{redrive|skip|discard}`: does something about what waits, and tells what became of each. */
function parkedCommand(port: OperationsPort): Endpoint {
  return {
    describe: () =>
      actions.map((action) => ({
        command: action,
        summary: summaries[action],
        parameters: [],
        body: bodies[action],
        answer: { status: 200, description: 'What became of each.', headers: {}, schema: actedAnswer },
        problems: [
          ...(['invalid-json', 'invalid-command', 'invalid-query', 'unsupported-media-type'] as const),
          ...(['body-too-large', 'operator-only', 'not-parked', 'unavailable', 'outcome-unknown'] as const),
        ],
      })),
    async handle(request, context) {
      checkOperator(request, port.actorSource)
      checkParameters(request, [])
      const action = actions.find((each) => each === request.params.command)
      if (action === undefined)
        throw new TidemarkError('unknown-command', `the commands of what is parked are ${actions.join(', ')}`)
      const body = await readJson(request)
      const data = body.valid ? validate<ParkedCommandBody>(bodies[action], body.value) : body
      if (!data.valid) return problem('invalid-command', `the body is not that of ${action}`, { errors: data.issues })
      const { reason = '', ...choice } = data.value
      const why = { reason, by: readActor(request, port.actorSource) }
      return { jsonBody: await act(port, choice, action, why, context) }
    },
  }
}

type ParkedCommandBody = z.output<(typeof bodies)['redrive']> & { readonly message?: string; readonly reason?: string }

async function act(
  port: OperationsPort,
  choice: Omit<ParkedCommandBody, 'reason'>,
  action: ParkedAction,
  why: DiscardReason,
  context: InvocationContext,
): Promise<{ readonly items: readonly object[]; readonly more: boolean }> {
  const chosen = await port.chooseParked(choice, action)
  const items: object[] = []
  const now = chosen.slice(0, MAX_ACTED)
  for await (const each of port.actOnParked(now, action, why, toTrace(context))) items.push(toResultItem(each))
  return { items, more: chosen.length > now.length }
}

function toResultItem(acted: ParkedActionResult): object {
  const { consumer, outcome, code, reason } = acted
  const what =
    'stream' in acted ? { handler: acted.stream.handler, stream: acted.stream.stream } : { message: acted.message.id }
  return { consumer, ...what, outcome, ...(code ? { code } : {}), ...(reason ? { reason } : {}) }
}

const choiceParameters: readonly Parameter[] = [
  { name: 'stream', in: 'query', description: 'Of this stream alone.', schema: { type: 'string' } },
  {
    name: 'handler',
    in: 'query',
    description: 'For this view, generation of a view (`order@2`), or reaction alone.',
    schema: { type: 'string' },
  },
  { name: 'code', in: 'query', description: 'With this error code alone.', schema: { type: 'string' } },
]

const text: JsonSchema = { type: 'string' }
const count: JsonSchema = { type: 'integer', minimum: 0 }
const seconds: JsonSchema = { type: 'integer', minimum: 0, description: 'Seconds.' }
const time: JsonSchema = { type: 'string', format: 'date-time' }
const list = (items: JsonSchema): JsonSchema => ({ type: 'array', items })
const place = object({ hub: text, partition: text, sequence: { type: 'integer' } }, ['sequence'])

const statusAnswer = object(
  {
    service: text,
    build: text,
    time,
    clockSkewMs: { type: 'integer', description: "By how much the host's clock is ahead of the store's." },
    relay: object({ commits: count, more: { type: 'boolean' }, seconds }),
    consumers: list(
      object({
        consumer: text,
        hub: text,
        events: count,
        seconds,
        instances: count,
        paused: list(text),
        partitions: list(
          object({
            partition: text,
            handled: { type: ['integer', 'null'] },
            last: { type: 'integer', minimum: -1 },
            events: count,
            seconds,
          }),
        ),
      }),
    ),
    schedule: object({ seconds, oldest: text }, ['oldest']),
    parked: list(
      object(
        {
          consumer: text,
          streams: count,
          messages: count,
          since: time,
          codes: { type: 'object', additionalProperties: count },
        },
        ['since'],
      ),
    ),
    canary: object({ at: time, seconds }, ['at', 'seconds']),
    unknown: list(object({ part: text, reason: text })),
    concerns: list({ type: 'string', description: 'What somebody should look at: a sentence.' }),
  },
  ['clockSkewMs', 'relay', 'schedule', 'canary'],
)

const parkedAnswer = object({
  streams: list(
    object(
      {
        consumer: text,
        handler: text,
        stream: text,
        version: { type: 'integer', minimum: 1 },
        type: text,
        last: { type: 'integer' },
        code: text,
        reason: text,
        build: text,
        place,
        since: time,
        attempts: count,
        nextAttempt: time,
        events: count,
        bytes: count,
      },
      ['place'],
    ),
  ),
  messages: list(
    object({ consumer: text, id: text, place, code: text, reason: text, body: text, bytes: count, since: time }),
  ),
})

const actedAnswer = object({
  items: list(
    object(
      {
        consumer: text,
        handler: text,
        stream: text,
        message: text,
        outcome: { type: 'string', enum: ['done', 'waits', 'needless', 'discarded', 'failed'] },
        code: text,
        reason: text,
      },
      ['handler', 'stream', 'message', 'code', 'reason'],
    ),
  ),
  more: { type: 'boolean', description: 'Whether more of what was chosen waits: ask again.' },
})
