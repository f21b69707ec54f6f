import { type Container, CosmosClient, type CosmosClientOptions } from '@azure/cosmos'
import { describeError, TidemarkError } from '../core/errors.ts'

/** How to reach an account: a connection string, or an endpoint and an identity. */
export type CosmosConnection =
  | { readonly connectionString: string }
  | { readonly endpoint: string; readonly credential: NonNullable<CosmosClientOptions['aadCredentials']> }

const REQUEST_TIMEOUT_MS = 10_000

/** @param consistency weaker than the account's own, for reads that need no more: a read then costs half. */
export function cosmosClient(connection: CosmosConnection, consistency?: 'Session'): CosmosClient {
  const options = {
    connectionPolicy: { requestTimeout: REQUEST_TIMEOUT_MS },
    ...(consistency === undefined ? {} : { consistencyLevel: consistency }),
  }
  return 'connectionString' in connection
    ? new CosmosClient({ ...options, connectionString: connection.connectionString })
    : new CosmosClient({ ...options, endpoint: connection.endpoint, aadCredentials: connection.credential })
}

/** The HTTP status of an SDK error, or the code of a network error. */
export function readErrorCode(error: unknown): number | string | undefined {
  if (!(error instanceof Error)) return undefined
  // What a batch throws has no code of its own: it wraps the error that has.
  return (error as Error & { code?: number | string }).code ?? readErrorCode(error.cause)
}

// Sub-statuses of a 404. Without one, the item is not there.
// https://learn.microsoft.com/azure/cosmos-db/nosql/troubleshoot-not-found
/** The replica that was asked has not caught up with the session: it does not know whether the item is there. */
const SESSION_BEHIND = 1002
/** The container, or its database, is not there. */
const OWNER_NOT_FOUND = 1003

/** An answer of the service, as far as it tells what was not found. */
interface Answer {
  readonly statusCode?: number | undefined
  readonly substatus?: number | undefined
}

/** Whether this says of an item that it is not there, and not that the store cannot tell. */
export function saysNoItem({ statusCode, substatus }: Answer): boolean {
  return statusCode === 404 && substatus !== OWNER_NOT_FOUND && substatus !== SESSION_BEHIND
}

/** What an SDK error answers: its status and sub-status, also where a batch wraps it. */
export function readErrorAnswer(error: unknown): Answer {
  if (!(error instanceof Error)) return {}
  const { code, substatus, cause } = error as Error & { code?: number | string; substatus?: number }
  if (code === undefined) return readErrorAnswer(cause)
  return typeof code === 'number' ? { statusCode: code, substatus } : {}
}

/** What a 404 means that is not about an item. Whoever provisions the container mends that, and what waits goes on. */
export function notFoundError(container: Container, { substatus }: Answer, cause?: unknown): TidemarkError {
  if (substatus === SESSION_BEHIND)
    return new TidemarkError('unavailable', 'the store cannot be read: no replica is up to date', { cause })
  return new TidemarkError(
    'container-missing',
    `the store has no container ${container.database.id}/${container.id}: provision it (infra/topology.json)`,
    { cause },
  )
}

// The request did not reach the service, or the service did not take it.
const notTaken: ReadonlySet<unknown> = new Set([429, 'ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH'])

// The service's own word that nothing was written; 408 and 449 say nothing of the kind.
function isRefusal(code: unknown): boolean {
  return typeof code === 'number' && code >= 400 && code < 500 && code !== 408 && code !== 449
}

/** What a failed read means: that the store cannot be asked now, or a fault that trying again does not mend. */
export function readError(error: unknown, container: Container): unknown {
  const code = readErrorCode(error)
  // A read of an item that is not there is no error: what is not found is what it is read from.
  if (code === 404) return notFoundError(container, readErrorAnswer(error), error)
  if (isRefusal(code) && !notTaken.has(code)) return error
  return new TidemarkError('unavailable', `the store cannot be read: ${describeError(error)}`, { cause: error })
}

/**
 * What a failed write means: nothing was written, or nobody knows.
 * @param error not the 404 of an item that is not there.
 */
export function writeError(error: unknown, container: Container): unknown {
  const code = readErrorCode(error)
  if (code === 404) return notFoundError(container, readErrorAnswer(error), error)
  if (notTaken.has(code))
    return new TidemarkError('unavailable', `the store cannot be written: ${describeError(error)}`, { cause: error })
  if (isRefusal(code)) return error
  return new TidemarkError('outcome-unknown', `the store did not say whether it wrote: ${describeError(error)}`, {
    cause: error,
  })
}
