import { isCount, readContinuation, unknownContinuation, writeContinuation } from '../core/continuation.ts'
import type { Verification } from '../core/operations.ts'
import type { Clock, LogVerifier } from '../core/ports.ts'
import { isStream } from '../core/stream.ts'

/**
 * How long one part takes, apart from finishing its current read: an HTTP answer must come within 230 s.
 * Milliseconds.
 */
export const PART_MS = 10_000
/** The most findings of one part, and the most that are returned. */
const MAX_FINDINGS = 1_000

/** Where a part ended. */
interface Place {
  readonly after: string
  readonly done: number
  readonly total: number
}

/**
 * Verifies a log part by part: the caller passes the continuation back until there is none. Events that are
 * appended meanwhile to checked streams are not checked.
 * @throws TidemarkError `unavailable`; `invalid-query` for a continuation that was never returned
 */
export async function verifyPart(
  { verifier, clock }: { readonly verifier: LogVerifier; readonly clock: Pick<Clock, 'elapsed'> },
  continuation: string | undefined,
): Promise<Verification> {
  const before = continuation === undefined ? { done: 0, total: await verifier.count() } : readPlace(continuation)
  const until = clock.elapsed() + PART_MS
  const isEnough = (findings: number): boolean => findings >= MAX_FINDINGS || clock.elapsed() >= until
  const { checked, findings, next } = await verifier.verify('after' in before ? before.after : undefined, isEnough)
  const done = before.done + checked.commits + checked.receipts
  // More may have been appended since the start.
  const total = Math.max(before.total, done)
  return {
    checked,
    findings: findings.slice(0, MAX_FINDINGS),
    found: findings.length,
    progress: { done, total: next === undefined ? done : total },
    ...(next === undefined ? {} : { continuation: writeContinuation({ after: next, done, total } satisfies Place) }),
  }
}

function readPlace(continuation: string): Place {
  const { after, done, total } = readContinuation(continuation)
  if (typeof after === 'string' && isStream(after) && isCount(done) && isCount(total)) return { after, done, total }
  throw unknownContinuation()
}
