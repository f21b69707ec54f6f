import { createHmac, createSecretKey, type KeyObject, timingSafeEqual } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { Failure } from '../api/failure.ts'
import type { Target } from './requests.ts'

const MAX_CACHED_LENGTH = 1000

/**
 * Checks the master-key signatures of requests. Accepts any date: a program that can replay a request of this
 * machine can also read the key.
 * https://learn.microsoft.com/rest/api/cosmos-db/access-control-on-cosmosdb-resources
 */
export class Signatures {
  readonly #key: KeyObject
  /** By the signed text. All posts to a container within one second have the same signature. */
  readonly #known = new LRUCache<string, string>({ max: 1000 })

  /** @param key base64 */
  constructor(key: string) {
    this.#key = createSecretKey(key, 'base64')
  }

  /** @throws Failure 401 */
  check({ method, headers, type, link }: Target): void {
    const { authorization = '', 'x-ms-date': date } = headers
    if (date === undefined) throw unauthorized('the request carries no master-key signature')
    const verb = method.toLowerCase()
    const buildStringToSign = (signed: string): string => `${verb}\n${type}\n${signed}\n${date.toLowerCase()}\n\n`
    // The form that the JavaScript SDK sends. Parsing it would cost as much as the rest of a point read.
    if (authorization === this.#header(buildStringToSign(link))) return
    const [, given] = /^type=master&ver=1\.0&sig=([\w+/=-]+)$/.exec(decode(authorization)) ?? []
    if (given === undefined) throw unauthorized('the request carries no master-key signature')
    // Links by name are signed unchanged, links by rid as the rid in lower case.
    const rid = link.split('/').at(-1)?.toLowerCase() ?? ''
    if (![link, rid].some((signed) => isSame(given, this.#sign(buildStringToSign(signed)))))
      throw unauthorized('the request is not signed with the account key')
  }

  #header(text: string): string {
    const known = this.#known.get(text)
    if (known !== undefined) return known
    const header = encodeURIComponent(`type=master&ver=1.0&sig=${this.#sign(text)}`)
    if (text.length <= MAX_CACHED_LENGTH) this.#known.set(text, header)
    return header
  }

  /** @returns base64 */
  #sign(text: string): string {
    return createHmac('sha256', this.#key).update(text).digest('base64')
  }
}

function isSame(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given, 'base64'), Buffer.from(expected, 'base64')]
  return a.length === b.length && timingSafeEqual(a, b)
}

const unauthorized = (message: string): Failure => new Failure(401, 'Unauthorized', message)

function decode(header: string): string {
  try {
    return decodeURIComponent(header)
  } catch {
    return ''
  }
}
