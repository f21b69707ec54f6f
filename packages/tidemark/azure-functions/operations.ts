import type { InvocationContext } from '@azure/functions'
import * as z from 'zod'
import { TidemarkError } from '../core/errors.ts'
import type { JsonSchema } from '../core/json-schema.ts'
import type { Operations } from '../core/operations.ts'
import type { DiscardReason, ParkedAction, ParkedActionResult } from '../core/parking.ts'
import { hasPersonalData, type Service } from '../core/service.ts'
import { listConcerns } from '../core/status.ts'
import { type ActorSource, readActor } from './actor.ts'
import type { Endpoint, Route } from './http.ts'
import { count, list, object, type Parameter, queryNames, text, time } from './operation.ts'
import { checkOperator } from './operator.ts'
import { checkParameters, pickParameters, readBody } from './request.ts'
import { subjectCommand } from './subjects.ts'
import { toTrace } from './triggers.ts'

/** What the operations endpoints need of their service. */
export interface OperationsPort extends Operations {
  readonly name: string
  readonly declaration: Pick<Service, 'deciders'>
  readonly actorSource: ActorSource
  /**
   * Resolves once the store answers.
   * @throws TidemarkError `unavailable`
   */
  ready(): Promise<void>
}

/** The operations routes that every service has. */
export function buildOperationRoutes(port: OperationsPort): readonly Route[] {
  return [
    { name: 'live', path: 'health/live', GET: live },
    { name: 'ready', path: 'health/ready', GET: readyEndpoint(port) },
    { name: 'status', path: 'status', GET: statusEndpoint(port) },
    { name: 'parked', path: 'parked', GET: parkedEndpoint(port) },
    ...(hasPersonalData(port.declaration)
      ? [{ name: 'subject-command', path: 'subjects/{command}', POST: subjectCommand(port) }]
      : []),
    { name: 'parked-command', path: 'parked/{command}', POST: parkedCommand(port) },
  ]
}

/**
 * How many parked items one request acts on at most. Each takes time, and Azure ends a request after 230 s.
 */
const MAX_ACTED = 100

/** `GET …/health/live`: whether the process answers. */
const live: Endpoint = {
  describe: () => [
    {
      summary: 'whether the process answers',
      parameters: [],
      answer: { status: 200, description: 'It answers.', headers: {}, schema: object({ status: { const: 'live' } }) },
      problems: ['invalid-query'],
    },
  ],
  async handle(request) {
    checkParameters(request, [])
    return { jsonBody: { status: 'live' } }
  },
}

/**
 * `GET …/health/ready`: whether commands and queries are answered. They are answered without a hub too:
 * events then wait in the log, and `status` reports the lag.
 */
function readyEndpoint(port: OperationsPort): Endpoint {
  return {
    describe: () => [
      {
        summary: 'whether the service can answer commands and queries',
        parameters: [],
        answer: { status: 200, description: 'It is.', headers: {}, schema: object({ status: { const: 'ready' } }) },
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

/** `GET …/status`: the lag, what is parked, and what needs attention. */
function statusEndpoint(port: OperationsPort): Endpoint {
  return {
    describe: () => [
      {
        summary: 'the status of the service: lag, what is parked, and what needs attention',
        parameters: [],
        answer: { status: 200, description: 'All parts that could be read.', headers: {}, schema: statusAnswer },
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

/** `GET …/parked?stream=&handler=&code=`: parked streams and messages. */
function parkedEndpoint(port: OperationsPort): Endpoint {
  return {
    describe: () => [
      {
        summary: 'parked streams and messages',
        parameters: choiceParameters,
        answer: { status: 200, description: 'All that match, without paging.', headers: {}, schema: parkedAnswer },
        problems: ['invalid-query', 'operator-only', 'unavailable'],
      },
    ],
    async handle(request) {
      checkOperator(request, port.actorSource)
      checkParameters(request, queryNames(choiceParameters))
      const { streams, messages } = await port.parked(pickParameters(request.query, 'stream', 'handler', 'code'))
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
  redrive: 'retries parked streams with the running code',
  skip: 'discards the event that a stream waits for, and retries the rest',
  discard: 'discards what is parked',
}
const actions = ['redrive', 'skip', 'discard'] as const

/** `POST …/parked/{redrive|skip|discard}`: acts on parked streams and messages, and reports each result. */
function parkedCommand(port: OperationsPort): Endpoint {
  return {
    describe: () =>
      actions.map((action) => ({
        command: action,
        summary: summaries[action],
        parameters: [],
        body: bodies[action],
        answer: { status: 200, description: 'The result for each item.', headers: {}, schema: actedAnswer },
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
        throw new TidemarkError('unknown-command', `the commands for parked streams are ${actions.join(', ')}`)
      const body = await readBody<ParkedCommandBody>(request, bodies[action], `the body does not fit ${action}`)
      const { reason = '', ...choice } = body
      const why = { reason, by: readActor(request, port.actorSource) }
      return { jsonBody: await act(port, { action, choice, why }, context) }
    },
  }
}

type ParkedCommandBody = z.output<(typeof bodies)['redrive']> & { readonly message?: string; readonly reason?: string }

/** A command for parked streams and messages. */
interface ParkedCommand {
  readonly action: ParkedAction
  /** What it applies to. */
  readonly choice: Omit<ParkedCommandBody, 'reason'>
  readonly why: DiscardReason
}

async function act(
  port: OperationsPort,
  { action, choice, why }: ParkedCommand,
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
  { name: 'stream', in: 'query', description: 'Only this stream.', schema: { type: 'string' } },
  {
    name: 'handler',
    in: 'query',
    description: 'Only this view, generation of a view (`order@2`) or reaction.',
    schema: { type: 'string' },
  },
  { name: 'code', in: 'query', description: 'Only this error code.', schema: { type: 'string' } },
]

const seconds: JsonSchema = { type: 'integer', minimum: 0, description: 'Seconds.' }
const place = object({ hub: text, partition: text, sequence: { type: 'integer' } }, ['sequence'])

const statusAnswer = object(
  {
    service: text,
    build: text,
    time,
    clockSkewMs: { type: 'integer', description: "How far the host's clock is ahead of the store's." },
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
    archive: object(
      {
        segments: count,
        newest: time,
        items: count,
        more: { type: 'boolean' },
        seconds,
        intervalSeconds: seconds,
      },
      ['newest'],
    ),
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
    concerns: list({ type: 'string', description: 'What needs attention: a sentence.' }),
  },
  ['clockSkewMs', 'relay', 'schedule', 'archive', 'canary'],
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
  more: { type: 'boolean', description: 'Whether more matching items are parked: repeat the request.' },
})
