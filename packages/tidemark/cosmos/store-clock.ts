import type { Container } from '@azure/cosmos'
import { TidemarkError } from '../core/errors.ts'
import type { Clock } from '../core/ports.ts'
import { queryItems } from './bounded.ts'

/** The clocks of the machine. */
export interface HostClock extends Pick<Clock, 'elapsed' | 'wait'> {
  /** Milliseconds since 1970, as the machine believes: it may be wrong, and jump. */
  time(): number
}

/** The store's time lies between `elapsed + earliest` and `elapsed + latest`, as of `asked`. Milliseconds. */
interface Estimate {
  readonly earliest: number
  readonly latest: number
  /** The host's `elapsed` and `time` when the store was asked. */
  readonly asked: number
  readonly time: number
}

/** How old an answer may be before the store is asked again: 12 requests an hour where an instance is busy. */
const REFRESH_MS = 300_000
/** After a request that failed, the next one waits so long. */
const RETRY_MS = 5_000
/**
 * The first answer is asked for again, at most twice, where it took longer than this: a first request also
 * connects.
 */
const GOOD_ERROR_MS = 100
const FIRST_REQUESTS = 3
/** A clock that may be behind by more than this is not decided by before the store was asked again. */
const MAX_ERROR_MS = 1_000
/** Where the host's two clocks went so far apart, the one jumped or the other stood still while the machine slept. */
const JUMP_MS = 1_000
/**
 * How much faster or slower than the store's the host's clock runs at most: the most that NTP slews it by.
 * https://www.man7.org/linux/man-pages/man2/adjtimex.2.html
 */
const DRIFT = 0.0005

/**
 * A host whose time of day is further from the store's is told so. The Functions host tells by its own clock
 * whether another's lease or claim of a partition has expired. Each is renewed 20 s before it does
 * (host.json, triggers.ts), so two hosts that are both closer never fight. Milliseconds.
 */
export const MAX_SKEW_MS = 10_000

/**
 * The store's clock, as far as the host can tell it without asking each time: what the store answered last,
 * and how long ago that was. So the host's own time of day does not matter, nor that it jumps.
 *
 * The store read its clock at some moment of the round trip, so the answer bounds the store's time from both
 * sides. A later answer narrows these bounds and a slow one does not widen them; between answers they drift
 * apart. `now` is the earlier one: nothing is dated by a time that has not come, so a state as of now has all
 * that was answered before. It is behind by at most `error`: a round trip, and 300 ms for the drift of five
 * minutes. Where store and bounds disagree, the store is right.
 */
export class StoreClock implements Clock {
  readonly #ask: () => Promise<number>
  readonly #host: HostClock
  readonly #report: (line: string) => void
  #reportedSkew = 0
  #estimate: Estimate | undefined
  /**
   * Whether the estimate may be wrong, since the host's clocks went apart. Nobody begins to rely on it; who
   * relied on it before goes on.
   */
  #isDoubtful = false
  #asking: Promise<void> | undefined
  /** The host's `elapsed` before which the store is not asked again. */
  #notBefore = Number.NEGATIVE_INFINITY

  /**
   * @param ask the store for its time, in milliseconds since 1970.
   * @param report hears in a line when the host's time of day is found to be wrong, by much more or less than
   * before, or right again.
   */
  constructor(ask: () => Promise<number>, host: HostClock, report: (line: string) => void = () => {}) {
    this.#ask = ask
    this.#host = host
    this.#report = report
  }

  /**
   * Settles once `now` may be relied on. It waits for the store where that was never asked, or too long ago,
   * or a clock of the host jumped since; else at most a request is begun that nobody waits for.
   * @throws TidemarkError `unavailable`, `container-missing`: the store was never asked and cannot be.
   */
  async ready(): Promise<void> {
    if (this.#jumped()) this.#isDoubtful = true
    const estimate = this.#estimate
    if (estimate === undefined || this.#isDoubtful) return this.#refresh()
    if (this.elapsed() < Math.max(this.#notBefore, estimate.asked + REFRESH_MS)) return
    const refreshed = this.#refresh().catch(() => {})
    if (this.error > MAX_ERROR_MS) await refreshed
  }

  /** The host's own time where the store never answered: `ready` was not waited for. */
  now(): string {
    const now = this.#estimate ? this.elapsed() + this.#drifted(this.#estimate).earliest : this.#host.time()
    return new Date(Math.floor(now)).toISOString()
  }

  /** By how much `now` may be behind the store's time. Milliseconds. */
  get error(): number {
    if (this.#estimate === undefined || this.#isDoubtful) return Number.POSITIVE_INFINITY
    const { earliest, latest } = this.#drifted(this.#estimate)
    return latest - earliest
  }

  /**
   * By how much the host's time of day is ahead of the store's; negative where it is behind. It may be wrong
   * by half of `error`. Milliseconds; undefined while the store never answered.
   */
  get skew(): number | undefined {
    if (this.#estimate === undefined) return undefined
    const { earliest, latest } = this.#estimate
    return this.#host.time() - this.elapsed() - (earliest + latest) / 2
  }

  elapsed(): number {
    return this.#host.elapsed()
  }

  wait(milliseconds: number): Promise<void> {
    return this.#host.wait(milliseconds)
  }

  #jumped(since: Pick<Estimate, 'asked' | 'time'> | undefined = this.#estimate): boolean {
    if (since === undefined) return false
    const passed = this.elapsed() - since.asked
    return Math.abs(this.#host.time() - since.time - passed) > JUMP_MS + passed * DRIFT
  }

  #drifted({ earliest, latest, ...rest }: Estimate): Estimate {
    const drift = (this.elapsed() - rest.asked) * DRIFT
    return { ...rest, earliest: earliest - drift, latest: latest + drift }
  }

  /** One at a time, whoever waits for it. */
  #refresh(): Promise<void> {
    this.#asking ??= this.#askEnough().finally(() => {
      this.#asking = undefined
    })
    return this.#asking
  }

  async #askEnough(): Promise<void> {
    const requests = this.#estimate === undefined || this.#isDoubtful ? FIRST_REQUESTS : 1
    try {
      for (let request = 1; request <= requests && (request === 1 || this.error > GOOD_ERROR_MS); request += 1)
        await this.#askOnce()
      this.#reportSkew()
    } catch (error) {
      this.#notBefore = this.elapsed() + RETRY_MS
      // An answer that came before will do.
      if (this.#estimate === undefined || this.#isDoubtful) throw error
    }
  }

  async #askOnce(): Promise<void> {
    const began = { asked: this.elapsed(), time: this.#host.time() }
    const answer = await this.#ask()
    if (!Number.isSafeInteger(answer) || answer <= 0)
      throw new TidemarkError('unavailable', `the store answers ${answer} for its time`)
    if (this.#jumped(began))
      throw new TidemarkError('unavailable', 'the clock jumped while the store was asked its time')
    // It read its clock after the request left and before the answer came, and dropped what is less than a millisecond.
    const answered = { ...began, earliest: answer - this.elapsed(), latest: answer + 1 - began.asked }
    const known = this.#estimate && !this.#isDoubtful ? this.#drifted(this.#estimate) : undefined
    const earliest = Math.max(answered.earliest, known?.earliest ?? answered.earliest)
    const latest = Math.min(answered.latest, known?.latest ?? answered.latest)
    this.#estimate = earliest <= latest ? { ...answered, earliest, latest } : answered
    this.#isDoubtful = false
  }

  #reportSkew(): void {
    const { skew = 0 } = this
    // What may be of the answer's way is not told.
    const isWrong = Math.abs(skew) - this.error > MAX_SKEW_MS
    const isRightAgain = this.#reportedSkew !== 0 && Math.abs(skew) < MAX_SKEW_MS / 2
    if (isWrong && Math.abs(skew - this.#reportedSkew) > MAX_SKEW_MS) {
      this.#reportedSkew = skew
      const seconds = Math.round(Math.abs(skew) / 1000)
      this.#report(
        `this host's clock is ${seconds} s ${skew > 0 ? 'fast' : 'slow'}, by the store's. What is decided and dated here goes by the store's clock; ` +
          "claims of partitions and leases, and tokens, go by the host's: set it right (NTP)",
      )
    } else if (isRightAgain) {
      this.#reportedSkew = 0
      this.#report("this host's clock is right again")
    }
  }
}

/** Whatever partition has it answers: all go by the time of their data centre. */
const ANY_PARTITION = 'clock'

/**
 * What time it is in the store, in milliseconds since 1970: a query that reads no item, of one partition.
 * https://learn.microsoft.com/azure/cosmos-db/nosql/query/getcurrenttimestamp
 * @throws TidemarkError `unavailable`, `container-missing`
 */
export async function storeTime(container: Container): Promise<number> {
  const query = { query: 'SELECT VALUE GetCurrentTimestamp()' }
  const [time = Number.NaN] = await queryItems<number>(container, query, { partitionKey: ANY_PARTITION })
  return time
}
