import { createHmac, timingSafeEqual } from 'node:crypto'
import { unauthorized } from '../api/conditions.ts'

export interface SharedAccessKey {
  readonly name: string
  readonly value: string
}

/** The access that a token gives: to `path` and everything below it, until `expires` (milliseconds since 1970). */
export interface Grant {
  readonly path: string
  readonly expires: number
}

/**
 * Verifies `SharedAccessSignature sr=…&sig=…&se=…&skn=…` against the key.
 * https://learn.microsoft.com/azure/event-hubs/authenticate-shared-access-signature
 * @throws Refusal amqp:unauthorized-access
 */
export function verifySasToken(token: string, key: SharedAccessKey, now: number): Grant {
  const [scheme, query] = token.split(' ', 2)
  if (scheme !== 'SharedAccessSignature' || !query) throw unauthorized('The token is not a SharedAccessSignature.')
  // URLSearchParams would decode `sr`, but the signature covers it exactly as sent.
  const fields = new Map(
    query.split('&').map((pair): [string, string] => {
      const at = pair.indexOf('=')
      return [pair.slice(0, at), pair.slice(at + 1)]
    }),
  )
  const resource = fields.get('sr') ?? ''
  const expiry = fields.get('se') ?? ''
  if (decode(fields.get('skn')) !== key.name) throw unauthorized('The token names an unknown key.')
  const expected = createHmac('sha256', key.value).update(`${resource}\n${expiry}`).digest()
  const given = Buffer.from(decode(fields.get('sig')), 'base64')
  if (given.length !== expected.length || !timingSafeEqual(given, expected))
    throw unauthorized('The token has an invalid signature.')
  const expires = Number(expiry) * 1000
  if (!(expires > now)) throw unauthorized('The token has expired.')
  return { path: entityPath(decode(resource)), expires }
}

/** `sb://host:port/Hub/Partitions/0` → `hub/partitions/0`: comparison ignores case and host. */
export function entityPath(audience: string): string {
  return audience
    .replace(/^[a-z]+:\/\/[^/]*/i, '')
    .replace(/^\/+|\/+$/g, '')
    .toLowerCase()
}

/** Whether `path` is the grant's path or below it. */
export function covers(grant: Grant, path: string): boolean {
  return grant.path === '' || path === grant.path || path.startsWith(`${grant.path}/`)
}

function decode(text: string | undefined): string {
  try {
    return decodeURIComponent(text ?? '')
  } catch {
    throw unauthorized('The token is not URL-encoded.')
  }
}
