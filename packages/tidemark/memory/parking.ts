import type {
  Discard,
  ParkedEvent,
  ParkedKey,
  ParkedMessage,
  ParkedStream,
  ParkingChange,
  ParkingStore,
  StoredParkedStream,
} from '../core/parking.ts'
import type { WriteResult } from '../core/ports.ts'
import { MAX_EVENTS_PER_CHANGE } from './limits.ts'

/** The parked streams and messages of one consumer, in memory. */
export class MemoryParking implements ParkingStore {
  readonly maxEventsPerChange = MAX_EVENTS_PER_CHANGE
  readonly #streams = new Map<string, StoredParkedStream>()
  readonly #events = new Map<string, Map<number, ParkedEvent>>()
  readonly #messages = new Map<string, ParkedMessage>()
  readonly #discards: Discard[] = []
  #writes = 0

  /** The streams that are parked now. */
  get waiting(): Iterable<StoredParkedStream> {
    return this.#streams.values()
  }

  /** The messages that are parked now. */
  get keptMessages(): readonly ParkedMessage[] {
    return [...this.#messages.values()]
  }

  async streams(): Promise<readonly StoredParkedStream[]> {
    return [...this.#streams.values()]
  }

  async stream(key: ParkedKey): Promise<StoredParkedStream | undefined> {
    return this.#streams.get(formatKey(key))
  }

  async events(key: ParkedKey, limit: number): Promise<readonly ParkedEvent[]> {
    const events = [...(this.#events.get(formatKey(key))?.values() ?? [])]
    return events.sort((a, b) => a.version - b.version).slice(0, limit)
  }

  async write(parked: ParkedStream, etag: string | undefined, change: ParkingChange): Promise<WriteResult> {
    const id = formatKey(parked)
    if (this.#streams.get(id)?.etag !== etag) return { outcome: 'conflict' }
    this.#writes += 1
    const written = String(this.#writes)
    this.#streams.set(id, { ...structuredClone(parked), etag: written })
    this.#change(id, change)
    return { outcome: 'written', etag: written }
  }

  async remove(key: ParkedKey, etag: string, change: Omit<ParkingChange, 'add'>): Promise<boolean> {
    const id = formatKey(key)
    if (this.#streams.get(id)?.etag !== etag) return false
    this.#streams.delete(id)
    this.#change(id, change)
    return true
  }

  async keepMessage(message: ParkedMessage): Promise<boolean> {
    if (this.#messages.has(message.id)) return false
    this.#messages.set(message.id, message)
    return true
  }

  async messages(): Promise<readonly ParkedMessage[]> {
    return this.keptMessages
  }

  async dropMessage(id: string, discard: Discard): Promise<void> {
    if (this.#messages.delete(id)) this.#discards.push(discard)
  }

  async discards(): Promise<readonly Discard[]> {
    return this.#discards
  }

  #change(id: string, { add = [], drop = [], discard }: ParkingChange): void {
    const events = this.#events.get(id) ?? new Map<number, ParkedEvent>()
    this.#events.set(id, events)
    for (const event of add) events.set(event.version, event)
    for (const version of drop) events.delete(version)
    if (discard) this.#discards.push(discard)
  }
}

function formatKey({ handler, stream }: ParkedKey): string {
  return `${handler}|${stream}`
}
