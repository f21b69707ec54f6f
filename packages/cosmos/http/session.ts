import { badRequest, Failure } from '../api/failure.ts'
import type { Range } from '../resources/ranges.ts'
import type { Target } from './requests.ts'

// `<range>:<version>#<lsn>`, with `#<region>=<lsn>` behind it from clients of accounts in several regions.
const TOKEN = /^([^:,]+):(?:-?\d+#)?(\d{1,15})(?:#\d+=-?\d+)*$/

/**
 * The session token of an answer: what it saw, and all before it.
 * https://learn.microsoft.com/azure/cosmos-db/consistency-levels#session-consistency
 */
export const formatSessionToken = (range: string, lsn: number): string => `${range}:-1#${lsn}`

/**
 * Checks that a read sees what its session has seen. There is one replica, so it does, unless the token is of
 * other data than this.
 * @throws Failure 404 with substatus 1002, as the service's replicas answer that are behind; 400 for what is no token.
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

/** A request may ask for less than its account has, which is session consistency. @throws Failure 400 */
export function checkConsistency({ headers }: Target): void {
  const level = headers['x-ms-consistency-level']
  if (level !== undefined && !WEAKER.includes(level.toLowerCase()))
    throw badRequest(`the consistency level ${level} is not one that an account with session consistency has`)
}

/**
 * Whether a read asks for less than what a quorum of replicas answers. What asks for nothing has the
 * account's own consistency.
 */
export function isWeaker({ headers }: Target): boolean {
  return headers['x-ms-consistency-level'] !== undefined
}

/**
 * Whether a read's session has seen something of these ranges, or of those that they were split from, that is
 * newer than a write. The token is that of session consistency: weaker ones do not look at it.
 */
export function hasSeen({ headers }: Target, ranges: readonly Range[], lsn: number): boolean {
  const token = headers['x-ms-session-token']
  if (!token || headers['x-ms-consistency-level']?.toLowerCase() !== 'session') return false
  return token.split(',').some((part) => {
    const [, name = '', seen] = TOKEN.exec(part.trim()) ?? []
    return Number(seen) > lsn && ranges.some(({ id, parents }) => id === name || parents.includes(name))
  })
}
