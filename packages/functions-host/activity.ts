/**
 * Tracks whether functions run in this host. Functions may write what a polling trigger reads, so triggers
 * poll at once while functions run. While none run there is seldom anything new, so triggers poll less often.
 */
export class Activity {
  #running = 0
  #ended = 0
  readonly #resting = new Set<() => void>()

  /** Counts a function that starts. @returns a function to call at its end. */
  begin(): () => void {
    this.#running += 1
    for (const wake of this.#resting) wake()
    return () => {
      this.#running -= 1
      this.#ended += 1
    }
  }

  /** Number of functions that have ended, to be passed to `rest` later. */
  get ended(): number {
    return this.#ended
  }

  /**
   * Waits until a function starts, the signal is aborted, or `mostMs` milliseconds have passed. Returns at
   * once if a function runs, or has ended since `ended` was read.
   */
  async rest(ended: number, mostMs: number, signal: AbortSignal): Promise<void> {
    if (this.#running > 0 || this.#ended !== ended || mostMs <= 0 || signal.aborted) return
    await new Promise<void>((resolve) => {
      const wake = (): void => {
        clearTimeout(timer)
        signal.removeEventListener('abort', wake)
        this.#resting.delete(wake)
        resolve()
      }
      const timer = setTimeout(wake, mostMs)
      signal.addEventListener('abort', wake)
      this.#resting.add(wake)
    })
  }
}
