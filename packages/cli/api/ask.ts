import { localHeaders } from '../project/local-settings.ts'
import { type Addresses, isLoopback } from './addresses.ts'
import type { Credentials } from './credentials.ts'
import { UnreachableError } from './errors.ts'

/**
 * A GET of `status` asks every hub. A POST may take the longest time that Azure allows for an answer: 230 s.
 */
const GIVE_UP_AFTER_MS = { GET: 60_000, POST: 240_000 }

/** How requests are made. */
export interface ApiOptions {
  readonly addresses: Addresses
  readonly credentials: Credentials
  /** Aborts the requests. */
  readonly signal?: AbortSignal
  readonly giveUpAfterMs?: number
  /** The actor that a service on a laptop records. In Azure the actor comes from the sign-in. */
  readonly actor?: string
}

interface ApiRequest {
  readonly method: 'GET' | 'POST'
  /** With its query, from `/api/` on. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Buffer<ArrayBuffer> | undefined
}

interface ApiResponse {
  readonly url: string
  readonly response: Response
  /** The error to throw if the answer breaks off. */
  failure(error: Error): Error
}

/** Sends a request to a service, with the caller's credentials. @throws UnreachableError */
export async function ask(service: string, request: ApiRequest, options: ApiOptions): Promise<ApiResponse> {
  const { method, path, headers, body } = request
  const { addresses, credentials, signal, giveUpAfterMs = GIVE_UP_AFTER_MS[method], actor } = options
  const address = await addresses.of(service)
  if (addresses.given && credentials.secret && !address.startsWith('https:') && !isLoopback(address))
    throw new UnreachableError(`${address} was not asked: over http: others could read the key. Use https:`)
  const authHeaders = addresses.given ? await credentials.headers(service) : await localHeaders()
  const url = `${address}${path}`
  const timeout = AbortSignal.timeout(giveUpAfterMs)
  const failure = (error: Error): Error => {
    if (signal?.aborted) return error
    const why = timeout.aborted ? `no answer in ${giveUpAfterMs / 1000} s` : `no answer: ${describeCause(error)}`
    return new UnreachableError(credentials.masked(`${url} gave ${why}`))
  }
  const response = await fetch(url, {
    method,
    // A redirect leads to a sign-in page or to another host, and the key must not go there.
    redirect: 'manual',
    headers: {
      ...headers,
      ...(actor !== undefined && isLoopback(address) ? { 'x-actor': actor } : {}),
      ...authHeaders,
    },
    ...(body === undefined ? {} : { body }),
    signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
  }).catch((error: Error) => {
    throw failure(error)
  })
  return { url, response, failure }
}

/** `fetch` says only that it failed; the cause of its error says why. */
function describeCause(error: Error): string {
  const { cause } = error
  if (!(cause instanceof Error)) return error.message
  return cause.message || (cause as NodeJS.ErrnoException).code || error.message
}
