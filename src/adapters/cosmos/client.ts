import { CosmosClient, type CosmosClientOptions } from '@azure/cosmos'
import { TidemarkError } from '../../core/errors.ts'

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
export function codeOf(error: unknown): number | string | undefined {
  if (!(error instanceof Error)) return undefined
  // What a batch throws has no code of its own: it wraps the error that has.
  return (error as Error & { code?: number | string }).code ?? codeOf(error.cause)
}

// The request did not reach the service, or the service did not take it.
const notTaken: ReadonlySet<unknown> = new Set([429, 'ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'EHOSTUNREACH'])

// The service's own word that nothing was written; 408 and 449 say nothing of the kind.
function isRefusal(code: unknown): boolean {
  return typeof code === 'number' && code >= 400 && code < 500 && code !== 408 && code !== 449
}

/** What a failed read means: that the store cannot be asked now, or a fault that trying again does not mend. */
export function readError(error: unknown): unknown {
  const code = codeOf(error)
  if (isRefusal(code) && !notTaken.has(code)) return error
  return new TidemarkError('unavailable', `the store cannot be read: ${messageOf(error)}`, { cause: error })
}

/** What a failed write means: nothing was written, or nobody knows. */
export function writeError(error: unknown): unknown {
  const code = codeOf(error)
  if (notTaken.has(code))
    return new TidemarkError('unavailable', `the store cannot be written: ${messageOf(error)}`, { cause: error })
  if (isRefusal(code)) return error
  return new TidemarkError('outcome-unknown', `the store did not say whether it wrote: ${messageOf(error)}`, {
    cause: error,
  })
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}
