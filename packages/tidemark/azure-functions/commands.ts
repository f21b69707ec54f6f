import type { HttpRequest, HttpResponseInit, InvocationContext } from '@azure/functions'
import type { CommandDone } from '../core/command.ts'
import type { DataPath } from '../core/data-path.ts'
import type { AnyDecider, CommandType } from '../core/decider.ts'
import { derivedId } from '../core/derived-id.ts'
import { TidemarkError } from '../core/errors.ts'
import type { Ids } from '../core/ports.ts'
import { formatPosition, formatStream, parseId } from '../core/stream.ts'
import { isSampled, isTraceparent, NO_TELEMETRY, type Span, type Telemetry } from '../core/telemetry.ts'
import type { ActorSource } from './actor.ts'
import { readCommandRequest } from './command-request.ts'
import type { Endpoint } from './http.ts'
import { commandHeaders, ETAG, idParameter, type Operation, object, version } from './operation.ts'
import { problem, toProblem } from './problem.ts'

/** What the command endpoints need of their service: the command flow, and who sends. */
export interface CommandPort extends Pick<DataPath, 'command'> {
  readonly name: string
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
  const parent = readParent(request, telemetry.isOn ? context.traceContext : undefined)
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
 * The client's trace, or else the host's. Trace Context requires that an invalid header is ignored. A host's
 * trace that is not sampled only passes an id on and is not a decision of the caller.
 */
function readParent(request: HttpRequest, hostTrace: InvocationContext['traceContext']): string | undefined {
  const sent = request.headers.get('traceparent')
  if (isTraceparent(sent)) return sent
  return isSampled(hostTrace?.traceParent) ? hostTrace?.traceParent : undefined
}

async function sendInSpan(span: Span, request: HttpRequest, sending: Sending): Promise<HttpResponseInit> {
  const { port, decider, type, idFor, status } = sending
  const streamFor = (key: string): string => {
    const stream = formatStream(decider.category, idFor(key))
    span.set({ 'tidemark.stream': stream })
    return stream
  }
  const { actorSource, ids } = port
  const command = await readCommandRequest(request, type, {
    actorSource,
    ids,
    streamFor,
    traceparent: span.traceparent,
  })
  const result = await port.command(decider, command)
  if (result.outcome === 'refused') return problem(result.code, result.detail)
  const id = parseId(result.stream)
  const location = status === 201 ? { location: `${new URL(request.url).pathname}/${id}` } : {}
  return { status, headers: { etag: `"${result.version}"`, ...location }, jsonBody: toAnswer(id, result) }
}

/** The same for every repeat of a key, because it derives from the commit or the receipt. */
function toAnswer(id: string, done: CommandDone): Record<string, unknown> {
  return { id, version: done.version, events: done.events, position: formatPosition(done) }
}
