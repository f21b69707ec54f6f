import type { Container } from '@azure/cosmos'
import { TidemarkError } from '../core/errors.ts'
import type { Clock } from '../core/ports.ts'
import { queryItems } from './bounded.ts'

/** The host's clocks. */
export interface HostClock extends Pick<Clock, 'elapsed' | 'wait'> {
  /** The host's time in milliseconds since 1970. It may be wrong, and it may jump. */
  time(): number
}

/** The store's time is between `elapsed + earliest` and `elapsed + latest`, as of `asked`. Milliseconds. */
interface Estimate {
  readonly earliest: number
  readonly latest: number
  /** The host's `elapsed` and `time` when the store was asked. */
  readonly asked: number
  readonly time: number
}

/** After this time the store is asked again: 12 requests an hour on a busy instance. */
const REFRESH_MS = 300_000
/** The delay after a failed request. */
const RETRY_MS = 5_000
/**
 * If the first answer took longer than this, the store is asked again, at most twice. The first request also
 * opens the connection.
 */
const GOOD_ERROR_MS = 100
const FIRST_REQUESTS = 3
/** If the estimate may be behind by more than this, the store is asked before anything is decided. */
const MAX_ERROR_MS = 1_000
/** If the host's two clocks differ by this much, one jumped, or the other stopped while the machine slept. */
const JUMP_MS = 1_000
/**
 * The largest difference in rate between the host's clock and the store's: the most that NTP slews by.
 * https://www.man7.org/linux/man-pages/man2/adjtimex.2.html
 */
const DRIFT = 0.0005

/**
 * A host whose clock differs from the store's by more logs a line. The Functions host uses its own clock to
 * decide whether another host's lease or partition claim has expired. Each is renewed 20 s before it expires
 * (host.json, triggers.ts), so two hosts within this limit never take them from each other. Milliseconds.
 */
export const MAX_SKEW_MS = 10_000

/**
 * Estimates the store's time from its last answer and the time elapsed since. The host's own time of day is
 * not used, so it may be wrong or jump.
 *
 * The store read its clock at some moment of the round trip, so each answer gives a lower and an upper bound.
 * A later answer narrows the bounds, and a slow answer does not widen them. Between answers the bounds drift
 * apart. `now` is the lower bound: no event is dated in the future, and a state as of `now` includes
 * everything answered before. `now` is behind by at most `error`: a round trip, plus 300 ms for five minutes
 * of drift. If an answer contradicts the bounds, the answer wins.
 */
export class StoreClock implements Clock {
  readonly #ask: () => Promise<number>
  readonly #host: HostClock
  readonly #report: (line: string) => void
  #reportedSkew = 0
  #estimate: Estimate | undefined
  /**
   * Set if the host's clocks diverged, so the estimate may be wrong. `ready` then waits for a new answer;
   * work that has already started continues.
   */
  #isDoubtful = false
  #asking: Promise<void> | undefined
  /** The host's `elapsed` before which the store is not asked again. */
  #notBefore = Number.NEGATIVE_INFINITY

  /**
   * @param ask returns the store's time, in milliseconds since 1970.
   * @param report receives a line if the host's clock is wrong, if its error changes much, and once it is
   * right again.
   */
  constructor(ask: () => Promise<number>, host: HostClock, report: (line: string) => void = () => {}) {
    this.#ask = ask
    this.#host = host
    this.#report = report
  }

  /**
   * Resolves once `now` is reliable. It waits for the store if there is no answer, the last one is too old,
   * or a clock of the host has jumped. Otherwise it starts at most one request in the background.
   * @throws TidemarkError `unavailable`, `container-missing`: the store has never answered and cannot be
   * reached.
   */
  async ready(): Promise<void> {
    if (this.#jumped()) this.#isDoubtful = true
    const estimate = this.#estimate
    if (estimate === undefined || this.#isDoubtful) return this.#refresh()
    if (this.elapsed() < Math.max(this.#notBefore, estimate.asked + REFRESH_MS)) return
    const refreshed = this.#refresh().catch(() => {})
    if (this.error > MAX_ERROR_MS) await refreshed
  }

  /** Returns the host's own time if the store has never answered, that is if nobody awaited `ready`. */
  now(): string {
    const now = this.#estimate ? this.elapsed() + this.#drifted(this.#estimate).earliest : this.#host.time()
    return new Date(Math.floor(now)).toISOString()
  }

  /** How far `now` may be behind the store's time, in milliseconds. */
  get error(): number {
    if (this.#estimate === undefined || this.#isDoubtful) return Number.POSITIVE_INFINITY
    const { earliest, latest } = this.#drifted(this.#estimate)
    return latest - earliest
  }

  /**
   * How far the host's time of day is ahead of the store's, in milliseconds; negative if it is behind. It may
   * be wrong by half of `error`. Undefined while the store has never answered.
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

  /** Concurrent callers share one request. */
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
      // An earlier answer is good enough.
      if (this.#estimate === undefined || this.#isDoubtful) throw error
    }
  }

  async #askOnce(): Promise<void> {
    const began = { asked: this.elapsed(), time: this.#host.time() }
    const answer = await this.#ask()
    if (!Number.isSafeInteger(answer) || answer <= 0)
      throw new TidemarkError('unavailable', `the store returned ${answer} as its time`)
    if (this.#jumped(began))
      throw new TidemarkError('unavailable', 'the clock jumped while the store was asked for its time')
    // The store read its clock after the request left and before the answer came, and cut off fractions of a
    // millisecond.
    const answered = { ...began, earliest: answer - this.elapsed(), latest: answer + 1 - began.asked }
    const known = this.#estimate && !this.#isDoubtful ? this.#drifted(this.#estimate) : undefined
    const earliest = Math.max(answered.earliest, known?.earliest ?? answered.earliest)
    const latest = Math.min(answered.latest, known?.latest ?? answered.latest)
    this.#estimate = earliest <= latest ? { ...answered, earliest, latest } : answered
    this.#isDoubtful = false
  }

  #reportSkew(): void {
    const { skew = 0 } = this
    // A difference within the estimate's own error is not reported.
    const isWrong = Math.abs(skew) - this.error > MAX_SKEW_MS
    const isRightAgain = this.#reportedSkew !== 0 && Math.abs(skew) < MAX_SKEW_MS / 2
    if (isWrong && Math.abs(skew - this.#reportedSkew) > MAX_SKEW_MS) {
      this.#reportedSkew = skew
      const seconds = Math.round(Math.abs(skew) / 1000)
      this.#report(
        `this host's clock is ${seconds} s ${skew > 0 ? 'fast' : 'slow'}, compared with the store's. ` +
          "Decisions and dates use the store's clock, but claims of partitions, leases and tokens use the host's: " +
          'set it right (NTP)',
      )
    } else if (isRightAgain) {
      this.#reportedSkew = 0
      this.#report("this host's clock is right again")
    }
  }
}

/** Any partition can answer: all use the time of their data centre. */
const ANY_PARTITION = 'clock'

/**
 * Returns the store's time in milliseconds since 1970. The query reads one partition and no items.
 * https://learn.microsoft.com/azure/cosmos-db/nosql/query/getcurrenttimestamp
 * @throws TidemarkError `unavailable`, `container-missing`
 */
export async function storeTime(container: Container): Promise<number> {
  const query = { query: 'SELECT VALUE GetCurrentTimestamp()' }
  const [time = Number.NaN] = await queryItems<number>(container, query, { partitionKey: ANY_PARTITION })
  return time
}
