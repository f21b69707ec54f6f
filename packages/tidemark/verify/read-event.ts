import type { DeclaredEvent, DeclaredMultiService } from './declared.ts'
import { isObject } from './fields.ts'
import type { RawEvent } from './stream-events.ts'

/** Reads stored events as a view gets them. */
export interface Reading {
  /**
   * The events that a stored event is read as; none if the view does not handle it. @throws if this code cannot
   * read it.
   */
  read(event: RawEvent): readonly RawEvent[]
}

/** The public content of events of several services, whose streams are named with them: `ordering/order-1`. */
export class PublicReading implements Reading {
  readonly #sources = new Map<string, EventReading>()

  constructor({ sources }: DeclaredMultiService) {
    for (const { service, category, events } of sources)
      this.#sources.set(`${service}/${category}`, new EventReading([], events))
  }

  read({ published, readableFrom, ...event }: RawEvent): readonly RawEvent[] {
    const [service, stream = ''] = String(event.stream).split('/')
    const shown = isObject(published) ? published : { ...(readableFrom === undefined ? {} : { readableFrom }) }
    const reading = this.#sources.get(`${service}/${stream.slice(0, stream.indexOf('-'))}`)
    return reading?.read({ ...event, ...shown, stream }) ?? []
  }
}

/**
 * Reads events as the newest declared version, and ended types as what they became. The checker has its own
 * implementation; from the service it takes only the schemas, the upcasters and the splits.
 */
export class EventReading implements Reading {
  readonly #types = new Map<string, DeclaredEvent>()
  /** The types that the view names. Absent: the view handles all events of its service. */
  readonly #named: ReadonlySet<string> | undefined

  /** @param named the events that the view names. Absent: the view handles all events of its service. */
  constructor(service: readonly DeclaredEvent[], named?: readonly DeclaredEvent[]) {
    this.#named = named && new Set(named.map(({ name }) => name))
    const ended = service.filter(({ ending }) => ending?.into.some(({ name }) => this.#named?.has(name)))
    const types = named ? [...ended, ...named] : service
    for (const type of types)
      for (const name of [...(type.formerNames ?? []), ...(type.comingNames ?? [])]) this.#types.set(name, type)
    for (const type of types) this.#types.set(type.name, type)
  }

  /**
   * The events that a stored event is read as; none if the view does not handle it. @throws if this code cannot
   * read it.
   */
  read(event: RawEvent): readonly RawEvent[] {
    const type = this.#types.get(event.type)
    if (type === undefined && this.#named) return []
    if (type?.ending?.into.length === 0) return []
    const { schemaVersion = 1, readableFrom = schemaVersion } = event
    if (type === undefined || Number(readableFrom) > type.version)
      throw new Error(`this build does not know ${event.type} version ${schemaVersion}`)
    const data = schemaVersion === type.version ? event.data : upcast(type, Number(schemaVersion), event.data)
    if (type.ending === undefined)
      return data === event.data && type.name === event.type ? [event] : [{ ...event, type: type.name, data }]
    const { into, split } = type.ending
    return split(data as never).flatMap((made, index) => {
      const successor = into.find(({ name }) => name === made.type)
      if (successor === undefined) throw new Error(`${type.name} is not declared to be read as ${made.type}`)
      if (this.#named && !this.#named.has(made.type)) return []
      const part = index > 0 ? { part: index + 1 } : {}
      return [{ ...event, type: made.type, data: check(successor, made.data, made.type), ...part }]
    })
  }
}

function upcast(type: DeclaredEvent, from: number, data: unknown): unknown {
  let read = data
  for (const { version, since = version, upcast } of type.versions) if (since > from) read = upcast?.(read as never)
  return check(type, read, `${type.name} version ${from}`)
}

function check(type: DeclaredEvent, data: unknown, what: string): unknown {
  const read = type.schema['~standard'].validate(data) as { readonly issues?: unknown; readonly value?: unknown }
  if (read.issues !== undefined) throw new Error(`${what} does not fit its schema`)
  return read.value
}
