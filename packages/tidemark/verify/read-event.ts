import type { DeclaredEvent } from './declared.ts'
import type { RawEvent } from './stream-events.ts'

/**
 * Reads events as the newest declared version. The checker has its own implementation; from the service it
 * takes only the schemas and the upcasters.
 */
export class EventReading {
  readonly #types: ReadonlyMap<string, DeclaredEvent>
  readonly #all: boolean

  /** @param named the events that the view names. Absent: the view handles all events of its service. */
  constructor(service: readonly DeclaredEvent[], named?: readonly DeclaredEvent[]) {
    this.#types = new Map((named ?? service).map((type) => [type.name, type]))
    this.#all = named === undefined
  }

  /** @returns undefined if the view does not handle the event. @throws if this code cannot read it. */
  read(event: RawEvent): RawEvent | undefined {
    const type = this.#types.get(event.type)
    if (type === undefined && !this.#all) return undefined
    const { schemaVersion = 1, readableFrom = schemaVersion } = event
    if (type === undefined || Number(readableFrom) > type.version)
      throw new Error(`this build does not know ${event.type} version ${schemaVersion}`)
    if (schemaVersion === type.version) return event
    const upcast = type.versions
      .slice(Number(schemaVersion))
      .reduce<unknown>((data, version) => version.upcast?.(data as never), event.data)
    const read = type.schema['~standard'].validate(upcast) as { readonly issues?: unknown; readonly value?: unknown }
    if (read.issues !== undefined) throw new Error(`${event.type} version ${schemaVersion} does not fit its schema`)
    return { ...event, data: read.value }
  }
}
