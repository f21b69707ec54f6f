import type { HttpRequest, HttpResponseInit } from '@azure/functions'
import type { CommandDone, CommandMetadata, CommandOutcome, CommandRequest } from '../../core/command.ts'
import type { AnyDecider } from '../../core/decider.ts'
import { derivedId } from '../../core/derived-id.ts'
import { TidemarkError } from '../../core/errors.ts'
import type { Ids } from '../../core/ports.ts'
import { validate } from '../../core/schema.ts'
import { formatPosition, streamOf } from '../../core/stream.ts'
import { type ActorSource, actorOf } from './actor.ts'
import type { Handler } from './http.ts'
import { problem } from './problem.ts'
import { checkParameters, expectedVersionOf, idempotencyKeyOf, readJson, tokenOf, traceparentOf } from './request.ts'

/** What a command function needs of its service: the flow, and who asks. */
export interface CommandPort {
  readonly name: string
  command(decider: AnyDecider, request: CommandRequest): Promise<CommandOutcome>
  readonly ids: Ids
  readonly actorSource: ActorSource
}

/** `POST …/{id}/{command}`: a command to an aggregate that the path names. */
export function commandTo(port: CommandPort, decider: AnyDecider): Handler {
  return (request) => {
    const { id = '', command = '' } = request.params
    return send(port, decider, request, command, () => id, 200)
  }
}

/** `POST …`: a command that creates an aggregate; its id derives from the command's key. */
export function commandCreating(port: CommandPort, decider: AnyDecider, command: string): Handler {
  return (request) => send(port, decider, request, command, (key) => derivedId(port.name, decider.category, key), 201)
}

async function send(
  port: CommandPort,
  decider: AnyDecider,
  request: HttpRequest,
  name: string,
  idFor: (key: string) => string,
  status: 200 | 201,
): Promise<HttpResponseInit> {
  checkParameters(request, [])
  const commandType = decider.commands.find((candidate) => candidate.name === name)
  if (commandType === undefined) {
    const names = decider.commands.map((candidate) => candidate.name).join(', ')
    throw new TidemarkError('unknown-command', `the commands of ${decider.category} are ${names}`)
  }
  const key = idempotencyKeyOf(request) ?? port.ids()
  const id = idFor(key)
  const stream = streamOf(decider.category, id)
  const expectedVersion = expectedVersionOf(request)
  const metadata = metadataOf(port, request, key)
  const data = validate(commandType.schema, await readJson(request))
  if (!data.valid) return problem('invalid-command', `the body is not that of ${name}`, { errors: data.issues })

  const outcome = await port.command(decider, {
    stream,
    key,
    command: { type: name, data: data.value },
    metadata,
    ...(expectedVersion === undefined ? {} : { expectedVersion }),
  })
  if (!outcome.done) return problem(outcome.code, outcome.detail)
  const location = status === 201 ? { location: `${new URL(request.url).pathname}/${id}` } : {}
  return { status, headers: { etag: `"${outcome.version}"`, ...location }, jsonBody: answerOf(id, outcome) }
}

/** The same for every repeat of a key, since all of it derives from the command's mark. */
function answerOf(id: string, outcome: CommandDone): Record<string, unknown> {
  return { id, version: outcome.version, events: outcome.events, position: formatPosition(outcome) }
}

function metadataOf(port: CommandPort, request: HttpRequest, key: string): CommandMetadata {
  const traceparent = traceparentOf(request)
  const causation = `command:${key}`
  return {
    actor: actorOf(request, port.actorSource),
    correlation: tokenOf(request, 'x-correlation-id') ?? causation,
    causation,
    ...(traceparent === undefined ? {} : { traceparent }),
  }
}
