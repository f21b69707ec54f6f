import { canary, canaryView } from '../core/canary.ts'
import { describeError, TidemarkError } from '../core/errors.ts'
import type { Clock } from '../core/ports.ts'
import { formatStream } from '../core/stream.ts'
import type { HandleCommand } from './group-commit.ts'
import { listDocuments, type QueryDependencies, readDocument } from './query.ts'

/**
 * How long a canary may take to reach its view: far longer than any event should need, but short compared
 * with the minute between canaries. Milliseconds.
 */
const SEEN_WITHIN_MS = 10_000
const DAY = '2026-01-31'.length
const MINUTE = '2026-01-31T12:00'.length

interface CanaryDependencies extends Omit<QueryDependencies, 'maxWait'> {
  readonly command: HandleCommand
  readonly clock: Clock
}

/**
 * Sends a canary, at most one a minute, and waits until its view contains it.
 * @returns how long that took, in seconds.
 * @throws TidemarkError `canary-silent`: it did not arrive or could not be sent. The message says why.
 */
export async function sendCanary({ command, views, clock }: CanaryDependencies): Promise<number> {
  const now = clock.now()
  const stream = formatStream(canary.category, now.slice(0, DAY))
  const key = `canary:${now.slice(0, MINUTE)}`
  const began = clock.elapsed()
  try {
    const result = await command(canary, {
      stream,
      key,
      receipts: 'none',
      command: { type: 'send', data: {} },
      metadata: { actor: 'canary', correlation: key, causation: key },
    })
    if (result.outcome === 'refused') throw new TidemarkError('internal', `the command was refused: ${result.code}`)
    const position = { stream, version: result.version }
    await readDocument({ views, clock, maxWait: SEEN_WITHIN_MS }, canaryView, stream, [position])
    return (clock.elapsed() - began) / 1000
  } catch (cause) {
    throw new TidemarkError('canary-silent', `the canary of ${now} was not seen: ${describeError(cause)}`, { cause })
  }
}

/** Returns when the newest canary in the view was sent, or undefined. @throws TidemarkError `unavailable` */
export async function newestCanary(deps: Omit<QueryDependencies, 'maxWait'>): Promise<string | undefined> {
  const { documents } = await listDocuments({ ...deps, maxWait: 0 }, canaryView, { filter: {}, limit: 1 })
  return (documents[0] as { readonly at: string } | undefined)?.at
}
