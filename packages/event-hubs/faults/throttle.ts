// Limits per second of one throughput unit:
// https://learn.microsoft.com/azure/event-hubs/event-hubs-scalability#throughput-units and
// https://learn.microsoft.com/azure/event-hubs/event-hubs-quotas. A MB is 1,048,576 bytes, as in the limit of
// one publication.
const IN_BYTES = 1024 * 1024
const IN_EVENTS = 1000
const OUT_BYTES = 2 * 1024 * 1024
const OUT_EVENTS = 4096

/** Most throughput units of a namespace, from the quota page. */
export const MAX_THROUGHPUT_UNITS = 40

/** The throughput limits of a namespace, shared by its hubs. A burst may use one second's worth at once. */
export class Throttle {
  readonly units: number
  readonly #inBytes: Bucket
  readonly #inEvents: Bucket
  readonly #outBytes: Bucket
  readonly #outEvents: Bucket

  /** @param now a monotonic clock in milliseconds. */
  constructor(units: number, now: () => number) {
    this.units = units
    this.#inBytes = new Bucket(units * IN_BYTES, now)
    this.#inEvents = new Bucket(units * IN_EVENTS, now)
    this.#outBytes = new Bucket(units * OUT_BYTES, now)
    this.#outEvents = new Bucket(units * OUT_EVENTS, now)
  }

  /**
   * Decides whether a send may pass now. Both limits must allow it. A refused send uses up nothing.
   */
  admit(bytes: number, events: number): boolean {
    if (!this.#inBytes.has(bytes) || !this.#inEvents.has(events)) return false
    this.#inBytes.take(bytes)
    this.#inEvents.take(events)
    return true
  }

  /**
   * Counts what was sent to a receiver. Egress is never refused, only delayed:
   * https://learn.microsoft.com/azure/event-hubs/event-hubs-scalability#throughput-units
   * @returns the milliseconds until the receiver's next turn; 0 if at once.
   */
  egressDelayMs(bytes: number, events: number): number {
    this.#outBytes.take(bytes)
    this.#outEvents.take(events)
    return Math.max(this.#outBytes.debtMs(), this.#outEvents.debtMs())
  }
}

/** A token bucket that holds one second's worth and starts full. */
class Bucket {
  readonly #perSecond: number
  readonly #now: () => number
  #tokens: number
  #filledAt: number

  constructor(perSecond: number, now: () => number) {
    this.#perSecond = perSecond
    this.#now = now
    this.#tokens = perSecond
    this.#filledAt = now()
  }

  /**
   * Whether the bucket has that many tokens. A full bucket also allows more than it can hold, and goes into
   * debt. Otherwise a namespace of one unit would refuse a batch of 2,000 small events forever.
   */
  has(tokens: number): boolean {
    this.#fill()
    return this.#tokens >= Math.min(tokens, this.#perSecond)
  }

  take(tokens: number): void {
    this.#fill()
    this.#tokens -= tokens
  }

  /** Milliseconds until the debt is paid. */
  debtMs(): number {
    return Math.max(0, Math.ceil((-this.#tokens * 1000) / this.#perSecond))
  }

  #fill(): void {
    const now = this.#now()
    this.#tokens = Math.min(this.#perSecond, this.#tokens + ((now - this.#filledAt) * this.#perSecond) / 1000)
    this.#filledAt = now
  }
}
