import { setTimeout as delay } from 'node:timers/promises'
import { inspect } from 'node:util'

/** A twentieth of the time waited, from 20 to 200 ms: each look costs the processor what the awaited work needs. */
const pauseAfter = (waitedMs: number): number => Math.min(200, Math.max(20, waitedMs / 20))

/**
 * The longest time for one wait. The runner's --test-timeout is the only limit, so that a test on a busy
 * machine is slow but does not fail. A wait ends a little earlier, because the runner would not say what the
 * test waited for.
 */
export const WAIT_MS = 0.8 * (runnersTimeout() ?? 600_000)

/** In milliseconds; undefined if the runner has none. It then passes 0, or no number, to its files. */
function runnersTimeout(): number | undefined {
  const option = process.execArgv.findLast((each) => each.startsWith('--test-timeout='))
  const timeout = Number(option?.split('=')[1])
  return Number.isFinite(timeout) && timeout > 0 ? timeout : undefined
}

/**
 * Repeats `look` until `holds` accepts its value. @returns that value.
 * @throws Error that names the subject of the wait and the last value.
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
 * Settles like the promise.
 * @param seen returns the current value, for the error message.
 * @throws Error that names the subject of the wait and the last value.
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
