import type { DeclaredEvent } from './declared.ts'
import type { RawEvent } from './stream-events.ts'

/**
 * Reads events as the newest versions that the declaration has of them. The checker's own, on purpose, as all
 * that is here: of the service it takes the schemas and the steps between them.
 */
export class EventReading {
  readonly #types: ReadonlyMap<string, DeclaredEvent>
  readonly #all: boolean

  /** @param named those that the view names; else it is made of all of its service's. */
  constructor(service: readonly DeclaredEvent[], named?: readonly DeclaredEvent[]) {
    this.#types = new Map((named ?? service).map((type) => [type.name, type]))
    this.#all = named === undefined
  }

  /** @returns undefined where it is not the view's business. @throws for what this code cannot read. */
  read(event: RawEvent): RawEvent | undefined {
    const type = this.#types.get(event.type)
    if (type === undefined && !this.#all) return undefined
    const { schemaVersion = 1, readableFrom = schemaVersion } = event
    if (type === undefined || Number(readableFrom) > type.version)
      throw new Error(`this code does not know ${event.type} version ${schemaVersion}`)
    if (schemaVersion === type.version) return event
    const upcast = type.versions
      .slice(Number(schemaVersion))
      .reduce<unknown>((data, version) => version.upcast?.(data as never), event.data)
    const read = type.schema['~standard'].validate(upcast) as { readonly issues?: unknown; readonly value?: unknown }
    if (read.issues !== undefined) throw new Error(`${event.type} version ${schemaVersion} does not fit its schema`)
    return { ...event, data: read.value }
  }
}
