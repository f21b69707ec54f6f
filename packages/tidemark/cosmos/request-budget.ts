import type { Clock } from '../core/ports.ts'

/** The part of an SDK answer, or of an SDK error, that says what the request cost. */
interface Charged {
  readonly headers?: Readonly<Record<string, unknown>> | undefined
}

/** How many requests the average spans, roughly. */
const RECENT = 4

/**
 * Paces requests to a number of request units a second: a token bucket that holds one second's units. What a
 * request costs is known only afterwards, so it first takes what recent ones cost on average, and is
 * settled by its answer. Requests start in the order in which they were made.
 */
export class RequestBudget {
  readonly #perSecond: number
  readonly #clock: Pick<Clock, 'elapsed' | 'wait'>
  #units: number
  #at: number
  #expected = 0
  #queue: Promise<unknown> = Promise.resolve()

  /** @param perSecond request units. */
  constructor(perSecond: number, clock: Pick<Clock, 'elapsed' | 'wait'>) {
    this.#perSecond = perSecond
    this.#clock = clock
    this.#units = perSecond
    this.#at = clock.elapsed()
  }

  /** Starts a request once there are units for it, and takes what it costs, also if it fails. */
  async run<Answer extends Charged>(request: () => Promise<Answer>): Promise<Answer> {
    const admitted = this.#queue.then(() => this.#admit())
    this.#queue = admitted
    const taken = await admitted
    try {
      const answer = await request()
      this.#settle(taken, answer)
      return answer
    } catch (error) {
      this.#settle(taken, error as Charged)
      throw error
    }
  }

  /** @returns the units that were taken in advance. */
  async #admit(): Promise<number> {
    for (this.#refill(); this.#units <= 0; this.#refill())
      await this.#clock.wait(Math.ceil(((1 - this.#units) * 1000) / this.#perSecond))
    const taken = this.#expected
    this.#units -= taken
    return taken
  }

  #refill(): void {
    const now = this.#clock.elapsed()
    this.#units = Math.min(this.#perSecond, this.#units + ((now - this.#at) * this.#perSecond) / 1000)
    this.#at = now
  }

  #settle(taken: number, { headers }: Charged): void {
    // https://learn.microsoft.com/rest/api/cosmos-db/common-cosmosdb-rest-response-headers
    const charge = Number(headers?.['x-ms-request-charge'])
    // A request without an answer names no charge: it keeps what it took.
    if (!Number.isFinite(charge)) return
    this.#units += taken - charge
    this.#expected += (charge - this.#expected) / RECENT
  }
}
