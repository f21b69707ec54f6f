import { type Container, CosmosClient, type CosmosClientOptions, type Plugin } from '@azure/cosmos'
import { describeError, TidemarkError } from '../core/errors.ts'
import type { RequestBudget } from './request-budget.ts'

/** How to reach an account: a connection string, or an endpoint and an identity. */
export type CosmosConnection =
  | { readonly connectionString: string }
  | { readonly endpoint: string; readonly credential: NonNullable<CosmosClientOptions['aadCredentials']> }

const REQUEST_TIMEOUT_MS = 10_000

interface ClientChoice {
  /** Weaker than the account's default. Session reads cost half of strong ones. */
  readonly consistency?: 'Session'
  /** Paces all requests of this client. */
  readonly budget?: RequestBudget | undefined
}

export function cosmosClient(connection: CosmosConnection, { consistency, budget }: ClientChoice = {}): CosmosClient {
  // Each request to the service, also a repeated one, and outside its timeout.
  const pace: Plugin<unknown> = (context, _, next) => (budget ? budget.run(() => next(context)) : next(context))
  const options = {
    ...(budget === undefined ? {} : { plugins: [{ on: 'request', plugin: pace }] }),
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
  // The error that a batch throws has no code; its cause has one.
  return (error as Error & { code?: number | string }).code ?? readErrorCode(error.cause)
}

// Sub-statuses of a 404. Without one, the item does not exist.
// https://learn.microsoft.com/azure/cosmos-db/nosql/troubleshoot-not-found
/** The replica has not caught up with the session, so it cannot tell whether the item exists. */
const SESSION_BEHIND = 1002
/** The container or its database does not exist. */
const OWNER_NOT_FOUND = 1003

/** The part of a service answer that says what was not found. */
interface Answer {
  readonly statusCode?: number | undefined
  readonly substatus?: number | undefined
}

/** Whether the answer says that the item does not exist. Other 404s only say that the store cannot tell. */
export function saysNoItem({ statusCode, substatus }: Answer): boolean {
  return statusCode === 404 && substatus !== OWNER_NOT_FOUND && substatus !== SESSION_BEHIND
}

/** Returns the status and sub-status of an SDK error, or of the error that a batch wraps. */
export function readErrorAnswer(error: unknown): Answer {
  if (!(error instanceof Error)) return {}
  const { code, substatus, cause } = error as Error & { code?: number | string; substatus?: number }
  if (code === undefined) return readErrorAnswer(cause)
  return typeof code === 'number' ? { statusCode: code, substatus } : {}
}

/** The error for a 404 that is not about an item. Once the container exists, waiting work continues. */
export function notFoundError(container: Container, { substatus }: Answer, cause?: unknown): TidemarkError {
  if (substatus === SESSION_BEHIND)
    return new TidemarkError('unavailable', 'the store cannot be read: no replica is up to date', { cause })
  return new TidemarkError(
    'container-missing',
    `the store has no container ${container.database.id}/${container.id}: provision it (infra/topology.json)`,
    { cause },
  )
}

// The request did not reach the service, or the service did not accept it.
const notTaken: ReadonlySet<unknown> = new Set([429, 'ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH'])

// The service says that nothing was written. 408 and 449 leave that open.
function isRefusal(code: unknown): boolean {
  return typeof code === 'number' && code >= 400 && code < 500 && code !== 408 && code !== 449
}

/** The error for a failed read: `unavailable` if a retry may help, `container-missing`, or the original error. */
export function readError(error: unknown, container: Container): unknown {
  const code = readErrorCode(error)
  // A read of a missing item throws no error, so a 404 here is about the container or the replica.
  if (code === 404) return notFoundError(container, readErrorAnswer(error), error)
  if (isRefusal(code) && !notTaken.has(code)) return error
  return new TidemarkError('unavailable', `the store cannot be read: ${describeError(error)}`, { cause: error })
}

/**
 * The error for a failed write: nothing was written, or the outcome is unknown.
 * @param error not the 404 of a missing item.
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
