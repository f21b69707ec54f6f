import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'
import { checkOrigin } from '../kit/guard.ts'
import { drain } from '../kit/http-server.ts'
import { formatCharge, MIN_CHARGE } from './api/charges.ts'
import { Failure } from './api/failure.ts'
import { faultAnswer } from './faults/fault-answers.ts'
import type { Faults } from './faults/faults.ts'
import type { Answer } from './http/answers.ts'
import type { Bodies } from './http/bodies.ts'
import type { Connections } from './http/connections.ts'
import { readRequest, readTarget } from './http/requests.ts'
import { formatSessionToken } from './http/session.ts'
import type { Signatures } from './http/signature.ts'
import { FULL_RANGE } from './resources/ranges.ts'
import type { Account } from './routes/item-routes.ts'
import { answer, findRoute } from './routes.ts'
import { endIfDamaged } from './store/damage.ts'

/** What the request handler needs. */
interface RequestContext {
  readonly account: Account
  readonly signatures: Signatures
  readonly bodies: Bodies
  readonly connections: Connections
  /** The faults in force now. */
  readonly faults: Faults
}

/** Answers one request. Never throws because of a request. */
export async function serveRequest(
  context: RequestContext,
  message: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  if (!context.connections.startRequest(message.socket)) return
  let answered: Answer | undefined
  let reported: number | undefined
  try {
    // The key is public, so a page of another origin could send signed requests.
    const foreign = checkOrigin(message)
    if (foreign) throw new Failure(foreign.status, 'Forbidden', foreign.detail)
    const target = readTarget(message)
    context.signatures.check(target)
    const route = findRoute(target)
    const { latencyMs, failing } = context.faults.draw(route.operation)
    reported = context.account.replica?.reportedLsn(route.operation, target)
    const request = await readRequest(message, target, context.bodies)
    context.connections.requestReceived(message.socket)
    if (latencyMs > 0) await delay(latencyMs)
    if (!failing) answered = await answer(context.account, route, request)
    else if (failing.kind !== 'drop-after-commit') answered = faultAnswer(failing)
    // The client gets no answer, whether the operation succeeded or failed.
    else await Promise.try(answer, context.account, route, request).catch(refuse)
  } catch (error) {
    answered = refuse(error)
    await drain(message)
  }
  // The client is gone.
  if (response.destroyed || message.socket.destroyed) return
  if (answered === undefined) response.destroy()
  else send(context, response, answered, reported)
}

function send(
  { account, connections }: RequestContext,
  response: ServerResponse,
  answered: Answer,
  reported: number | undefined,
): void {
  const body = formatBody(answered)
  const bytes = Buffer.byteLength(body)
  response.writeHead(answered.status, {
    'content-type': 'application/json',
    'content-length': bytes,
    'x-ms-activity-id': randomUUID(),
    'x-ms-request-charge': formatCharge(answered.charge ?? MIN_CHARGE),
    'x-ms-session-token': formatSessionToken(
      answered.range ?? FULL_RANGE.id,
      answered.lsn ?? reported ?? account.store.lsn,
    ),
    'x-ms-version': '2018-12-31',
    ...answered.headers,
  })
  // A body with one byte per character, as most are, needs no UTF-8 encoding.
  const encoding = typeof body === 'string' && body.length === bytes ? 'latin1' : 'utf8'
  response.end(response.req.method === 'HEAD' ? '' : body, encoding)
  connections.answerSent(response, bytes)
}

/** Node sends a string in one piece with the headers. */
function formatBody({ bytes, text, body }: Answer): Buffer | string {
  return bytes ?? text ?? (body === undefined ? '' : JSON.stringify(body))
}

/** Ends the process when the data file is damaged. Any other unexpected error is a 500. */
function refuse(error: unknown): Answer {
  if (!(error instanceof Failure)) {
    endIfDamaged(error)
    console.error(error)
    return refusal(new Failure(500, 'InternalServerError', 'the emulator has failed: its log says why'))
  }
  return refusal(error)
}

function refusal({ status, code, message, substatus, headers: reported, lsn }: Failure): Answer {
  const headers = {
    ...reported,
    ...(substatus === undefined ? {} : { 'x-ms-substatus': substatus }),
    // https://www.rfc-editor.org/rfc/rfc9110#name-503-service-unavailable
    ...(status === 503 ? { 'retry-after': 1 } : {}),
  }
  return { status, body: { code, message }, headers, ...(lsn !== undefined && { lsn }) }
}
