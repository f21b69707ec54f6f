/**
 * A trigger that brings work by itself. It runs until it is stopped, whatever becomes of the endpoint it
 * reads from.
 */
export interface Trigger {
  start(): void
  /**
   * Starts nothing new, ends retry loops at once, lets the invocations in flight go on for `drainMs`, and
   * lets go of what it holds. An invocation that ends after this call is not checkpointed: its batch comes
   * again.
   */
  stop(drainMs: number): Promise<void>
}

/** Settles when `work` does, whatever becomes of it, or after `ms`. */
export async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([work.then(ignore, ignore), late])
  clearTimeout(timer)
}

function ignore(): void {}

/** Waits; returns at once when the signal is aborted. */
export async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise<void>((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })
}
