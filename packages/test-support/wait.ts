import { setTimeout as delay } from 'node:timers/promises'
import { inspect } from 'node:util'

/** Often while it is likely to come soon; then seldom, to leave a busy machine to what is waited for. */
const pauseAfter = (waitedMs: number): number => (waitedMs < 10_000 ? 20 : 200)

/**
 * How long one wait may take. The runner's --test-timeout is the only clock, so that a busy machine is slow
 * and not wrong; a wait ends a little before it, because the runner ends a test without a word of what it
 * waited for.
 */
export const WAIT_MS = 0.8 * (runnersTimeout() ?? 600_000)

/** Milliseconds; undefined where the runner has none: it then hands its files 0, or nothing that is a number. */
function runnersTimeout(): number | undefined {
  const option = process.execArgv.findLast((each) => each.startsWith('--test-timeout='))
  const timeout = Number(option?.split('=')[1])
  return Number.isFinite(timeout) && timeout > 0 ? timeout : undefined
}

/**
 * Looks until what it sees holds. @returns what was seen then.
 * @throws Error that names what was waited for, and what was seen last.
 */
export async function until<Seen>(
  what: string,
  look: () => Seen | Promise<Seen>,
  holds: (seen: Seen) => boolean = Boolean,
): Promise<Exclude<Seen, false | undefined>> {
  const began = performance.now()
  for (;;) {
    const seen = await look()
    if (holds(seen)) return seen as Exclude<Seen, false | undefined>
    const waited = performance.now() - began
    if (waited > WAIT_MS) throw tooLate(what, seen)
    await delay(pauseAfter(waited))
  }
}

/**
 * Settles as a promise does.
 * @param seen what there is so far, for the reader of a failure.
 * @throws Error that names what was waited for, and what was seen last.
 */
export async function within<Value>(promise: Promise<Value>, what: string, seen?: () => unknown): Promise<Value> {
  const settled = new AbortController()
  const late = delay(WAIT_MS, undefined, { signal: settled.signal }).then(() => {
    throw tooLate(what, seen?.())
  })
  late.catch(() => {})
  return Promise.race([promise, late]).finally(() => settled.abort())
}

function tooLate(what: string, seen: unknown): Error {
  const last = seen === undefined || seen === false ? '' : `; last seen: ${inspect(seen, { depth: 4 })}`
  return new Error(`waited ${WAIT_MS / 1000} s for ${what}${last}`)
}
