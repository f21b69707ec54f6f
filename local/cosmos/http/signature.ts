import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto'
import { Failure } from '../failure.ts'
import type { Target } from './requests.ts'

/** @param key base64 */
export const signingKey = (key: string): KeyObject => createSecretKey(key, 'base64')

/**
 * Checks a request's master-key signature. Its date may be any: whoever can replay a request of this machine can read the key too.
 * @throws Failure 401
 * https://learn.microsoft.com/rest/api/cosmos-db/access-control-on-cosmosdb-resources
 */
export function checkSignature(key: KeyObject, { method, headers, type, link }: Target): void {
  const { authorization = '', 'x-ms-date': date } = headers
  // As the SDK for JavaScript writes it. To take it apart costs as much as all else that a point read does here.
  if (date !== undefined && authorization === `${WRITTEN}${encodeURIComponent(sign(key, method, type, link, date))}`)
    return
  const [, given] = /^type=master&ver=1\.0&sig=([\w+/=-]+)$/.exec(decode(authorization)) ?? []
  if (given === undefined || date === undefined) throw unauthorized('the request carries no master-key signature')
  // Links by name are signed as they are, links by rid as that rid in lower case.
  const rid = link.split('/').at(-1)?.toLowerCase() ?? ''
  const signature = Buffer.from(given, 'base64')
  const signs = (signed: string): boolean => {
    const expected = Buffer.from(sign(key, method, type, signed, date), 'base64')
    return signature.length === expected.length && timingSafeEqual(signature, expected)
  }
  if (!signs(link) && !signs(rid)) throw unauthorized('the signature of the request is not that of the account key')
}

const WRITTEN = encodeURIComponent('type=master&ver=1.0&sig=')

/** @returns base64 */
function sign(key: KeyObject, method: string, type: string, link: string, date: string): string {
  return createHmac('sha256', key)
    .update(`${method.toLowerCase()}\n${type}\n${link}\n${date.toLowerCase()}\n\n`)
    .digest('base64')
}

const unauthorized = (message: string): Failure => new Failure(401, 'Unauthorized', message)

function decode(header: string): string {
  try {
    return decodeURIComponent(header)
  } catch {
    return ''
  }
}
