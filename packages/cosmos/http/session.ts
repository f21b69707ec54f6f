import { badRequest, Failure } from '../api/failure.ts'
import type { Range } from '../resources/ranges.ts'
import type { Target } from './requests.ts'

// `<range>:<version>#<lsn>`. Clients of accounts in several regions add `#<region>=<lsn>`.
const TOKEN = /^([^:,]+):(?:-?\d+#)?(\d{1,15})(?:#\d+=-?\d+)*$/

/**
 * The session token of an answer: its session has seen all writes up to this one.
 * https://learn.microsoft.com/azure/cosmos-db/consistency-levels#session-consistency
 */
export const formatSessionToken = (range: string, lsn: number): string => `${range}:-1#${lsn}`

/**
 * Checks that a read sees what its session has seen. There is one replica, so only a token of other data
 * fails.
 * @throws Failure 404 with substatus 1002, as the service's lagging replicas answer; 400 for an invalid
 * token.
 */
export function checkSession({ headers }: Target, lsn: number): void {
  const token = headers['x-ms-session-token']
  if (!token || headers['x-ms-consistency-level']?.toLowerCase() === 'eventual') return
  for (const part of token.split(',')) {
    const [, , seen] = TOKEN.exec(part.trim()) ?? []
    if (seen === undefined) throw badRequest(`The session token provided ${JSON.stringify(token)} is invalid.`)
    if (Number(seen) > lsn)
      throw new Failure(404, 'NotFound', 'The read session is not available for the input session token.', 1002)
  }
}

const WEAKER = ['session', 'consistentprefix', 'eventual']

/** A request may ask for weaker consistency than its account's, which is session. @throws Failure 400 */
export function checkConsistency({ headers }: Target): void {
  const level = headers['x-ms-consistency-level']
  if (level !== undefined && !WEAKER.includes(level.toLowerCase()))
    throw badRequest(`an account with session consistency does not support the consistency level ${level}`)
}

/**
 * Whether a read asks for less than a quorum of replicas. A read without a level has the account's own
 * consistency.
 */
export function isWeaker({ headers }: Target): boolean {
  return headers['x-ms-consistency-level'] !== undefined
}

/**
 * Whether a read's session has seen a later write than this one in these ranges, or in those that they were
 * split from. Only session consistency uses the token.
 */
export function hasSeen({ headers }: Target, ranges: readonly Range[], lsn: number): boolean {
  const token = headers['x-ms-session-token']
  if (!token || headers['x-ms-consistency-level']?.toLowerCase() !== 'session') return false
  return token.split(',').some((part) => {
    const [, name = '', seen] = TOKEN.exec(part.trim()) ?? []
    return Number(seen) > lsn && ranges.some(({ id, parents }) => id === name || parents.includes(name))
  })
}
