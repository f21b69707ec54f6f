import type { HttpRequest } from '@azure/functions'
import { readToken } from './request.ts'

/**
 * Where the actor's identity comes from:
 * - `platform`: App Service Authentication, which sets the principal headers and drops those of the client.
 * - `client`: the header `x-actor`, on a laptop.
 * - `nobody`: neither is available, so every request is anonymous.
 */
export type ActorSource = 'platform' | 'client' | 'nobody'

const ANONYMOUS = 'anonymous'

/**
 * The actor recorded in events: `<identity provider>:<principal id>`, or `anonymous`. Never taken from the
 * body.
 * @throws TidemarkError `invalid-header`
 *   https://learn.microsoft.com/azure/app-service/configure-authentication-user-identities
 */
export function readActor(request: HttpRequest, source: ActorSource): string {
  if (source === 'client') return readToken(request, 'x-actor') ?? ANONYMOUS
  if (source === 'nobody') return ANONYMOUS
  const id = readToken(request, 'x-ms-client-principal-id')
  const provider = readToken(request, 'x-ms-client-principal-idp')
  return id === undefined ? ANONYMOUS : `${provider ?? 'unknown'}:${id}`
}
