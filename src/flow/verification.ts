import { TidemarkError } from '../core/errors.ts'
import type { Verification } from '../core/operations.ts'
import type { Clock, LogVerifier } from '../core/ports.ts'
import { isStream } from '../core/stream.ts'

/** How long one part takes, but for the stream that is at hand: an answer comes within 230 s or never. Milliseconds. */
const PART_MS = 10_000
/** The most that a part finds, and that is told of one. */
const MAX_FINDINGS = 1_000

/** Where a part ended. */
interface Place {
  readonly after: string
  readonly done: number
  readonly total: number
}

/**
 * Verifies a log part by part: whoever asks goes on with the continuation until there is none. What is appended meanwhile to streams that were
 * checked is not looked at.
 * @throws TidemarkError `unavailable`; `invalid-query` for a continuation that no answer had
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
  // More may have come since it began.
  const total = Math.max(before.total, done)
  return {
    checked,
    findings: findings.slice(0, MAX_FINDINGS),
    found: findings.length,
    progress: { done, total: next === undefined ? done : total },
    ...(next === undefined ? {} : { continuation: writePlace({ after: next, done, total }) }),
  }
}

function writePlace(place: Place): string {
  return Buffer.from(JSON.stringify(place), 'utf8').toString('base64url')
}

function readPlace(continuation: string): Place {
  try {
    const { after, done, total } = JSON.parse(Buffer.from(continuation, 'base64url').toString('utf8'))
    if (isStream(after) && Number.isSafeInteger(done) && Number.isSafeInteger(total)) return { after, done, total }
  } catch {
    // It is none of ours, whatever it is.
  }
  throw new TidemarkError('invalid-query', 'the continuation is not one that a part answered with')
}
