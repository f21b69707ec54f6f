/** How old an answer may be before the storage is asked again. Milliseconds. */
const REFRESH_MS = 60_000

/**
 * What time it is at the storage, whatever the host's own clock says: the date of its last answer, and how
 * long ago that came. It is behind by the second that such a date is cut to, and by the answer's way: nothing
 * looks older than it is.
 */
export class StorageClock {
  readonly #ask: () => Promise<Date | undefined>
  #answer: { readonly time: number; readonly came: number } | undefined

  /** @param ask the storage for anything. @returns the date of its answer. */
  constructor(ask: () => Promise<Date | undefined>) {
    this.#ask = ask
  }

  /** Milliseconds since 1970. @throws what the storage answers. */
  async now(): Promise<number> {
    let answer = this.#answer
    if (answer === undefined || performance.now() - answer.came > REFRESH_MS) {
      const date = await this.#ask()
      if (date === undefined) throw new Error('the storage does not date its answers')
      answer = { time: date.getTime(), came: performance.now() }
      this.#answer = answer
    }
    return answer.time + performance.now() - answer.came
  }
}
