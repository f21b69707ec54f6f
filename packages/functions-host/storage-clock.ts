/** Milliseconds until the storage is asked again. */
const REFRESH_MS = 60_000

/**
 * The storage's time, independent of the host's clock: the date of the storage's last answer, plus the time
 * since. It is slightly behind, because the date is in whole seconds and the answer takes time. So nothing
 * looks older than it is.
 */
export class StorageClock {
  readonly #ask: () => Promise<Date | undefined>
  #answer: { readonly time: number; readonly came: number } | undefined

  /** @param ask sends any request to the storage and returns the date of its answer. */
  constructor(ask: () => Promise<Date | undefined>) {
    this.#ask = ask
  }

  /** Returns the storage's time in milliseconds since 1970. @throws the storage's error. */
  async now(): Promise<number> {
    let answer = this.#answer
    if (answer === undefined || performance.now() - answer.came > REFRESH_MS) {
      const date = await this.#ask()
      if (date === undefined) throw new Error('the answer of the storage has no date')
      answer = { time: date.getTime(), came: performance.now() }
      this.#answer = answer
    }
    return answer.time + performance.now() - answer.came
  }
}
