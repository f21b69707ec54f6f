import type { LogPart } from 'tidemark/tools'
import type { EventAnswer } from '../../api/answers.ts'
import { UnreachableError } from '../../api/errors.ts'
import type { ServiceApi } from '../../api/service-api.ts'

/** An event of the log, and whether it was discarded for the view. */
export interface LoggedEvent {
  readonly event: EventAnswer
  readonly isDiscarded: boolean
}

/** What is read: a category of the log, and the view for which events are discarded. Or what a view follows. */
type LogQuery = { readonly category?: string; readonly view: string }

/**
 * Reads what a view is made of, over HTTP: a category of the service's log, or the archives and hubs of others. It
 * holds one part at a time, and the version of every stream.
 */
export class LogReader {
  readonly #api: ServiceApi
  readonly #query: LogQuery
  readonly #versions = new Map<string, number>()
  #continuation: string | undefined

  constructor(api: ServiceApi, query: LogQuery) {
    this.#api = api
    this.#query = query
  }

  /** The number of streams read. */
  get streams(): number {
    return this.#versions.size
  }

  /**
   * The events that are there and were not read yet; each once, those of a stream in order.
   * @throws UnreachableError if a version of a stream is missing.
   */
  async *next(onPart: (progress: LogPart['progress']) => void): AsyncGenerator<LoggedEvent> {
    for (;;) {
      const continuation = this.#continuation
      const part = await this.#api.post<LogPart>('events/read', {
        ...this.#query,
        ...(continuation && { continuation }),
      })
      const discarded = new Set(part.discarded)
      for (const event of part.items)
        if (this.#isNext(event)) yield { event, isDiscarded: discarded.has(`${event.stream}@${event.version}`) }
      this.#continuation = part.continuation
      onPart(part.progress)
      if (!part.more) return
    }
  }

  /** Events come again when the service is deployed meanwhile, and from the hub of another service. */
  #isNext({ stream, version }: EventAnswer): boolean {
    const last = this.#versions.get(stream) ?? 0
    if (version <= last) return false
    if (version > last + 1)
      throw new UnreachableError(
        this.#query.category === undefined
          ? `${stream}@${version} came after version ${last}: neither the hub nor the archive has what is between`
          : `the log of ${this.#api.service} gave ${stream}@${version} after version ${last}: run tidemark verify`,
      )
    this.#versions.set(stream, version)
    return true
  }
}
