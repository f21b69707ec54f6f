import type { HttpRequest } from '@azure/functions'
import { type CommandRequest, formatCausation } from '../core/command.ts'
import type { CommandType } from '../core/decider.ts'
import { TidemarkError } from '../core/errors.ts'
import type { Ids } from '../core/ports.ts'
import { type ActorSource, readActor } from './actor.ts'
import { checkParameters, keyPattern, readBody, readToken, versionTagPattern } from './request.ts'

/** What a command's request does not say itself. */
export interface CommandContext {
  readonly actorSource: ActorSource
  /** Makes the key of a command whose client sent none. */
  readonly ids: Ids
  /**
   * The stream of the command with this key.
   * @throws TidemarkError `invalid-id`
   */
  readonly streamFor: (key: string) => string
  /** Of the span that answers the request. */
  readonly traceparent: string | undefined
}

/**
 * Reads the request of a command: everything that the command flow needs.
 * @throws TidemarkError in this order: `invalid-query`, `invalid-idempotency-key`, `invalid-id`,
 *   `invalid-if-match`, `invalid-header`, those of the body (see `readJson`), `invalid-command`
 */
export async function readCommandRequest(
  request: HttpRequest,
  type: CommandType,
  { actorSource, ids, streamFor, traceparent }: CommandContext,
): Promise<CommandRequest> {
  checkParameters(request, [])
  const clientsKey = readIdempotencyKey(request)
  const key = clientsKey ?? ids()
  const stream = streamFor(key)
  const expectedVersion = readExpectedVersion(request)
  const causation = formatCausation(key)
  const metadata = {
    actor: readActor(request, actorSource),
    correlation: readToken(request, 'x-correlation-id') ?? causation,
    causation,
    ...(traceparent === undefined ? {} : { traceparent }),
  }
  const data = await readBody(request, type.schema, `the body does not fit ${type.name}`)
  return {
    stream,
    key,
    receipts: clientsKey === undefined ? 'none' : 'unchanged',
    command: { type: type.name, data },
    metadata,
    ...(expectedVersion === undefined ? {} : { expectedVersion }),
  }
}

/** @throws TidemarkError `invalid-idempotency-key` */
function readIdempotencyKey(request: HttpRequest): string | undefined {
  const key = request.headers.get('idempotency-key')
  if (key === null) return undefined
  if (!keyPattern.test(key))
    throw new TidemarkError(
      'invalid-idempotency-key',
      'send one Idempotency-Key of 1 to 255 printable ASCII characters, without space and comma',
    )
  return key
}

/**
 * The version in `If-Match: "7"`.
 * @throws TidemarkError `invalid-if-match`
 */
function readExpectedVersion(request: HttpRequest): number | undefined {
  const tag = request.headers.get('if-match')
  if (tag === null) return undefined
  const digits = versionTagPattern.exec(tag)?.[1]
  if (digits === undefined)
    throw new TidemarkError(
      'invalid-if-match',
      'If-Match must be one version in quotes, as in ETag, such as "7": no *, no list, no weak tag',
    )
  return Number(digits)
}
