import { createHmac, timingSafeEqual } from 'node:crypto'
import { Failure } from './failure.ts'

/**
 * Checks a request's master-key signature.
 * @throws Failure 401
 * https://learn.microsoft.com/rest/api/cosmos-db/access-control-on-cosmosdb-resources
 */
export function checkSignature(
  key: string,
  request: { readonly method: string; readonly authorization: string | undefined; readonly date: string | undefined },
  resource: { readonly type: string; readonly link: string },
): void {
  const { type, ver, sig } = Object.fromEntries(
    new URLSearchParams(decodeURIComponent(request.authorization ?? '').replaceAll('+', '%2B')),
  )
  if (type !== 'master' || ver !== '1.0' || sig === undefined || request.date === undefined)
    throw new Failure(401, 'Unauthorized', 'the request carries no master-key signature')
  // Links by rid are signed in lower case, links by name as they are.
  const candidates = [resource.link, resource.link.split('/').at(-1)?.toLowerCase() ?? '']
  const valid = candidates.some((link) => {
    const text = `${request.method.toLowerCase()}\n${resource.type}\n${link}\n${request.date?.toLowerCase()}\n\n`
    const expected = createHmac('sha256', Buffer.from(key, 'base64')).update(text).digest()
    const given = Buffer.from(sig, 'base64')
    return given.length === expected.length && timingSafeEqual(given, expected)
  })
  if (!valid) throw new Failure(401, 'Unauthorized', 'the signature of the request is not that of the account key')
}
