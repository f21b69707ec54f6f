import type { HubMessage, HubReader } from '../../core/ports.ts'

/** A hub in memory. Messages are numbered consecutively and may expire, and the hub may be recreated. */
export class MemoryHub implements HubReader {
  readonly #partitions = new Map<string, { first: number; messages: HubMessage[] }>()
  #time = Date.UTC(2026, 0, 1)
  #made = this.#time
  readonly #reading = new Set<string>()
  /** The number of messages returned so far. */
  handedOut = 0
  /** How many readers were closed. */
  closed = 0
  /** Runs between the read of the bounds and the read of messages. */
  beforeRead: () => void = () => {}

  constructor(partitions: readonly string[]) {
    for (const partition of partitions) this.#partitions.set(partition, { first: 0, messages: [] })
  }

  send(partition: string, ...bodies: readonly unknown[]): void {
    const { first, messages } = this.#findPartition(partition)
    for (const body of bodies) {
      this.#time += 1
      messages.push({ sequence: first + messages.length, time: new Date(this.#time).toISOString(), body })
    }
  }

  /** Drops the messages before a sequence number, as after the retention time. */
  expire(partition: string, before: number): void {
    const its = this.#findPartition(partition)
    its.messages.splice(0, before - its.first)
    its.first = before
  }

  /** Deletes the hub, and creates it again without messages. */
  remake(): void {
    this.#time += 1
    this.#made = this.#time
    for (const partition of this.#partitions.keys()) this.#partitions.set(partition, { first: 0, messages: [] })
  }

  /** The present messages of a partition. */
  all(partition: string): readonly HubMessage[] {
    return this.#findPartition(partition).messages
  }

  async partitions(): Promise<readonly string[]> {
    return [...this.#partitions.keys()]
  }

  async close(): Promise<void> {
    this.closed += 1
  }

  async madeAt(): Promise<string> {
    return new Date(this.#made).toISOString()
  }

  async bounds(partition: string): Promise<{ readonly first: number; readonly last: number }> {
    const { first, messages } = this.#findPartition(partition)
    return { first, last: first + messages.length - 1 }
  }

  async *read(partition: string, from: number, to: number): AsyncIterable<readonly HubMessage[]> {
    // The error of the Event Hubs client.
    if (this.#reading.has(partition)) throw new Error('Partition already has a subscriber.')
    this.#reading.add(partition)
    try {
      this.beforeRead()
      // One message at a time, since later ones may expire meanwhile.
      for (let next = from; ; ) {
        const message = this.#findPartition(partition).messages.find(({ sequence }) => sequence >= next)
        if (message === undefined || message.sequence > to) return
        next = message.sequence + 1
        this.handedOut += 1
        yield [message]
      }
    } finally {
      this.#reading.delete(partition)
    }
  }

  #findPartition(partition: string): { first: number; messages: HubMessage[] } {
    const its = this.#partitions.get(partition)
    if (its === undefined) throw new Error(`there is no partition ${partition}`)
    return its
  }
}
