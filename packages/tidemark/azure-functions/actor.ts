import type { HttpRequest } from '@azure/functions'
import { readToken } from './request.ts'

/**
 * Who is believed about who asks:
 * - `platform`: App Service Authentication, which sets the principal's headers and drops those that a client sent.
 * - `client`: the header `x-actor`, on a laptop.
 * - `nobody`: neither is there, so nobody is named.
 */
export type ActorSource = 'platform' | 'client' | 'nobody'

const ANONYMOUS = 'anonymous'

/**
 * The actor that events name: `<identity provider>:<principal id>`, or `anonymous`. Never from the body.
 * @throws TidemarkError `invalid-header`
 * https://learn.microsoft.com/azure/app-service/configure-authentication-user-identities
 */
export function readActor(request: HttpRequest, source: ActorSource): string {
  if (source === 'client') return readToken(request, 'x-actor') ?? ANONYMOUS
  if (source === 'nobody') return ANONYMOUS
  const id = readToken(request, 'x-ms-client-principal-id')
  const provider = readToken(request, 'x-ms-client-principal-idp')
  return id === undefined ? ANONYMOUS : `${provider ?? 'unknown'}:${id}`
}
