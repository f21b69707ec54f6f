/**
 * A trigger that delivers work on its own, unlike HTTP. It runs until it is stopped, even if its source
 * fails.
 */
export interface Trigger {
  start(): void
  /**
   * Starts nothing new and ends retry loops at once. Invocations in flight may continue for `drainMs`. Then
   * it releases leases and partitions. An invocation that ends after this call is not checkpointed, so its
   * batch is delivered again.
   */
  stop(drainMs: number): Promise<void>
}

/** Waits until `work` succeeds or fails, but at most `ms`. */
export async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, ms)
  })
  await Promise.race([work.then(ignore, ignore), late])
  clearTimeout(timer)
}

function ignore(): void {}

/** Waits `ms` milliseconds; returns early when the signal is aborted. */
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
