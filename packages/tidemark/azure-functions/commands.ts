import type { HttpRequest, HttpResponseInit, InvocationContext } from '@azure/functions'
import type { CommandDone, CommandMetadata, CommandOutcome, CommandRequest } from '../core/command.ts'
import type { AnyDecider, CommandType } from '../core/decider.ts'
import { derivedId } from '../core/derived-id.ts'
import { TidemarkError } from '../core/errors.ts'
import type { Ids } from '../core/ports.ts'
import { validate } from '../core/schema.ts'
import { formatPosition, formatStream } from '../core/stream.ts'
import { isSampled, NO_TELEMETRY, type Span, type Telemetry } from '../core/telemetry.ts'
import { type ActorSource, readActor } from './actor.ts'
import type { Endpoint } from './http.ts'
import { commandHeaders, ETAG, idParameter, type Operation, object, version } from './operation.ts'
import { problem, toProblem } from './problem.ts'
import {
  checkParameters,
  readExpectedVersion,
  readIdempotencyKey,
  readJson,
  readToken,
  readTraceparent,
} from './request.ts'

/** What the command endpoints need of their service: the command flow, and who sends. */
export interface CommandPort {
  readonly name: string
  command(decider: AnyDecider, request: CommandRequest): Promise<CommandOutcome>
  readonly ids: Ids
  readonly actorSource: ActorSource
  /** Absent: nothing is exported. */
  readonly telemetry?: Telemetry
}

/**
 * `POST …/{id}/{command}`: a command to the aggregate in the path.
 * @param offered the commands clients may send. Commands that only reactions send are left out.
 */
export function postCommand(port: CommandPort, decider: AnyDecider, offered: readonly string[]): Endpoint {
  const types = offered.map((name) => findCommandType(decider, name))
  return {
    uses: { decider },
    describe: () =>
      types.map((type) => ({
        command: type.name,
        ...describeOperation(decider, type, 200),
        parameters: [idParameter, ...commandHeaders],
      })),
    handle: (request, context) => {
      const { id = '', command = '' } = request.params
      const type = types.find(({ name }) => name === command)
      if (type === undefined)
        throw new TidemarkError('unknown-command', `the commands of ${decider.category} are ${offered.join(', ')}`)
      return send(request, context, { port, decider, type, idFor: () => id, status: 200 })
    },
  }
}

/** `POST …`: a command that creates an aggregate, whose id derives from the command's key. */
export function postCreate(port: CommandPort, decider: AnyDecider, command: string): Endpoint {
  const type = findCommandType(decider, command)
  return {
    uses: { decider },
    describe: () => [{ ...describeOperation(decider, type, 201), parameters: commandHeaders }],
    handle: (request, context) => {
      const idFor = (key: string): string => derivedId(port.name, decider.category, key)
      return send(request, context, { port, decider, type, idFor, status: 201 })
    },
  }
}

function describeOperation(decider: AnyDecider, type: CommandType, status: 200 | 201): Omit<Operation, 'parameters'> {
  return {
    summary: `${type.name.replaceAll('-', ' ')}: ${decider.category}`,
    body: type.schema,
    refusals: decider.refusals ?? {},
    answer: {
      status,
      description: 'It took effect, now or when its key was first sent; with 0 events there was nothing to do.',
      headers: { ...ETAG, ...(status === 201 ? { Location: 'The path of the created aggregate.' } : {}) },
      schema: object({
        id: { type: 'string' },
        version,
        events: { type: 'integer', minimum: 0 },
        position: { type: 'string', description: 'Pass it as `?position=` to a query to see this result.' },
      }),
    },
    problems: [
      ...(['invalid-json', 'invalid-command', 'invalid-id', 'invalid-idempotency-key', 'invalid-if-match'] as const),
      ...(['invalid-query', 'invalid-header', 'unsupported-media-type', 'body-too-large'] as const),
      ...(type.creates ? [] : (['stream-not-found'] as const)),
      ...(['idempotency-key-reused', 'version-mismatch', 'event-too-large', 'decision-too-large'] as const),
      ...(['stream-contended', 'unavailable', 'outcome-unknown'] as const),
      ...(['event-invalid', 'event-unreadable', 'event-unknown', 'chain-broken'] as const),
    ],
  }
}

function findCommandType(decider: AnyDecider, name: string): CommandType {
  const type = decider.commands.find((candidate) => candidate.name === name)
  if (type === undefined) throw new TidemarkError('registration-invalid', `${decider.category} has no command ${name}`)
  return type
}

/** How a route sends a command. */
interface Sending {
  readonly port: CommandPort
  readonly decider: AnyDecider
  readonly type: CommandType
  /** The id of the aggregate. `key` is the command's idempotency key. */
  readonly idFor: (key: string) => string
  readonly status: 200 | 201
}

/**
 * Sends a command in a span: https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-server-span
 */
function send(request: HttpRequest, context: InvocationContext, sending: Sending): Promise<HttpResponseInit> {
  const { port, decider, type } = sending
  const { telemetry = NO_TELEMETRY } = port
  const attributes = {
    'http.request.method': request.method,
    'tidemark.category': decider.category,
    'tidemark.command': type.name,
  }
  const name = `${request.method} ${decider.category} ${type.name}`
  const parent = readTraceparent(request) ?? (telemetry.isOn ? readHostTrace(context) : undefined)
  return telemetry.span(name, { kind: 'server', parent, attributes }, async (span) => {
    const answer = await sendInSpan(span, request, sending).catch((error) => toProblem(error, context))
    const status = answer.status ?? 200
    span.set({ 'http.response.status_code': status })
    // A client's mistake is not a server error.
    if (status >= 500) span.fail(String(status))
    return answer
  })
}

/**
 * The host's trace, if it is sampled. An unsampled one only passes an id on and is not a decision of the
 * caller.
 */
function readHostTrace({ traceContext }: InvocationContext): string | undefined {
  const parent = traceContext?.traceParent
  return isSampled(parent) ? parent : undefined
}

async function sendInSpan(
  span: Span,
  request: HttpRequest,
  { port, decider, type, idFor, status }: Sending,
): Promise<HttpResponseInit> {
  checkParameters(request, [])
  const clientsKey = readIdempotencyKey(request)
  const key = clientsKey ?? port.ids()
  const id = idFor(key)
  const stream = formatStream(decider.category, id)
  const expectedVersion = readExpectedVersion(request)
  const metadata = buildMetadata(port, request, key, span.traceparent)
  span.set({ 'tidemark.stream': stream })
  const body = await readJson(request)
  const data = body.valid ? validate(type.schema, body.value) : body
  if (!data.valid) return problem('invalid-command', `the body does not fit ${type.name}`, { errors: data.issues })

  const outcome = await port.command(decider, {
    stream,
    key,
    receipts: clientsKey === undefined ? 'none' : 'unchanged',
    command: { type: type.name, data: data.value },
    metadata,
    ...(expectedVersion === undefined ? {} : { expectedVersion }),
  })
  if (!outcome.done) return problem(outcome.code, outcome.detail)
  const location = status === 201 ? { location: `${new URL(request.url).pathname}/${id}` } : {}
  return { status, headers: { etag: `"${outcome.version}"`, ...location }, jsonBody: toAnswer(id, outcome) }
}

/** The same for every repeat of a key, because it derives from the commit or the receipt. */
function toAnswer(id: string, outcome: CommandDone): Record<string, unknown> {
  return { id, version: outcome.version, events: outcome.events, position: formatPosition(outcome) }
}

function buildMetadata(
  port: CommandPort,
  request: HttpRequest,
  key: string,
  traceparent: string | undefined,
): CommandMetadata {
  const causation = `command:${key}`
  return {
    actor: readActor(request, port.actorSource),
    correlation: readToken(request, 'x-correlation-id') ?? causation,
    causation,
    ...(traceparent === undefined ? {} : { traceparent }),
  }
}
