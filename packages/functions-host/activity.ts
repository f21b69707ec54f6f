/**
 * Whether functions run in this host. What a host's own functions have just written is looked for at once;
 * with none running there is seldom anything new, so a trigger that polls may take its time.
 */
export class Activity {
  #running = 0
  #ended = 0
  readonly #resting = new Set<() => void>()

  /** @returns what to call when the function has ended. */
  begin(): () => void {
    this.#running += 1
    for (const wake of this.#resting) wake()
    return () => {
      this.#running -= 1
      this.#ended += 1
    }
  }

  /** How many functions have ended: to be handed to `rest` later. */
  get ended(): number {
    return this.#ended
  }

  /**
   * Waits as long as no function runs and none has ended since `ended` was read, but no longer than so many
   * milliseconds; ends when one begins or the signal is aborted.
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
