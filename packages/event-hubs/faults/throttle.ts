// What a throughput unit lets through,
// https://learn.microsoft.com/azure/event-hubs/event-hubs-scalability#throughput-units and
// https://learn.microsoft.com/azure/event-hubs/event-hubs-quotas; a MB is 1,048,576 bytes, as one publication
// may have them.
const IN_BYTES = 1024 * 1024
const IN_EVENTS = 1000
const OUT_BYTES = 2 * 1024 * 1024
const OUT_EVENTS = 4096

/** The quota page's most throughput units of a namespace. */
export const MAX_THROUGHPUT_UNITS = 40

/** What a namespace's throughput units let through; its hubs share it. One second's worth may come at once. */
export class Throttle {
  readonly units: number
  readonly #inBytes: Bucket
  readonly #inEvents: Bucket
  readonly #outBytes: Bucket
  readonly #outEvents: Bucket

  /** @param now milliseconds, never going back. */
  constructor(units: number, now: () => number) {
    this.units = units
    this.#inBytes = new Bucket(units * IN_BYTES, now)
    this.#inEvents = new Bucket(units * IN_EVENTS, now)
    this.#outBytes = new Bucket(units * OUT_BYTES, now)
    this.#outEvents = new Bucket(units * OUT_EVENTS, now)
  }

  /**
   * Whether a send of so many bytes and events is let in now; the limit that comes first decides. One refused
   * takes nothing.
   */
  admit(bytes: number, events: number): boolean {
    if (!this.#inBytes.has(bytes) || !this.#inEvents.has(events)) return false
    this.#inBytes.take(bytes)
    this.#inEvents.take(events)
    return true
  }

  /**
   * Counts what went to a receiver. Egress is never refused, it waits:
   * https://learn.microsoft.com/azure/event-hubs/event-hubs-scalability#throughput-units
   * @returns the milliseconds until the receiver's next turn; 0: at once.
   */
  egressDelayMs(bytes: number, events: number): number {
    this.#outBytes.take(bytes)
    this.#outEvents.take(events)
    return Math.max(this.#outBytes.debtMs(), this.#outEvents.debtMs())
  }
}

/** A token bucket that holds a second's worth, and is full at first. */
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
   * Whether there are so many. More than it ever holds is let through when it is full, and owed: a batch of
   * 2,000 small events would otherwise be sent again and again in vain to a namespace of one unit.
   */
  has(tokens: number): boolean {
    this.#fill()
    return this.#tokens >= Math.min(tokens, this.#perSecond)
  }

  take(tokens: number): void {
    this.#fill()
    this.#tokens -= tokens
  }

  /** How long until nothing is owed. */
  debtMs(): number {
    return Math.max(0, Math.ceil((-this.#tokens * 1000) / this.#perSecond))
  }

  #fill(): void {
    const now = this.#now()
    this.#tokens = Math.min(this.#perSecond, this.#tokens + ((now - this.#filledAt) * this.#perSecond) / 1000)
    this.#filledAt = now
  }
}
