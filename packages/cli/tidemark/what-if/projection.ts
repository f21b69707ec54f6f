import { type AnyView, parseTime, ViewFold } from 'tidemark/tools'
import type { EventAnswer } from '../../api/answers.ts'
import { services } from '../../project/config.ts'
import type { Context } from '../command/api-command.ts'
import { inWorkingCopy } from '../command/working-copy.ts'
import { LogReader } from './log-reader.ts'

/** How many of a document's events are remembered, the newest. */
export const REMEMBERED = 20

/** The events behind a document. */
export interface EventsBehind {
  readonly count: number
  /** The newest of them, oldest first, such as `order-1@7 OrderPlaced`. */
  readonly newest: readonly string[]
}

/**
 * A view that this working copy projects from a service's log, or from what it follows. In memory are its documents,
 * the newest events behind each, and a version for each stream.
 */
export class HereProjection {
  readonly #context: Context
  readonly #service: string
  readonly #view: AnyView
  readonly #until: number
  readonly #fold: ViewFold
  readonly #reader: LogReader
  readonly #behind = new Map<string, { count: number; readonly newest: string[] }>()
  readonly #versions = new Map<string, number>()
  /** How many events have been applied. */
  events = 0

  /** @param options `at`: the last moment, RFC 3339. `only`: the key of the only document. */
  constructor(
    context: Context,
    service: string,
    view: AnyView,
    { at, only }: { readonly at?: string | undefined; readonly only?: string | undefined } = {},
  ) {
    this.#context = context
    this.#service = service
    this.#view = view
    this.#until = at === undefined ? Number.POSITIVE_INFINITY : parseTime(at)
    const deciders = services.find(({ name }) => name === service)?.deciders ?? []
    this.#fold = new ViewFold(
      view,
      deciders.flatMap(({ events }) => events),
      only,
    )
    const category = view.kind === 'many-services' ? {} : { category: view.category }
    this.#reader = new LogReader(context.api(service), { ...category, view: view.name })
  }

  get streams(): number {
    return this.#reader.streams
  }

  /** The keys of the documents, sorted. */
  keys(): readonly string[] {
    return [...this.#fold.documents].flatMap(([key, document]) => (document === undefined ? [] : [key])).sort()
  }

  document(key: string): unknown {
    return this.#fold.documents.get(key)
  }

  /** The stream version that a document reflects. Single-stream views only. */
  version(key: string): number | undefined {
    return this.#view.kind === 'one-stream' ? this.#versions.get(key) : undefined
  }

  behind(key: string): EventsBehind | undefined {
    return this.#behind.get(key)
  }

  /**
   * Applies everything that the log has by now.
   * @returns the number of new events. @throws WorkingCopyError, UnreachableError, RefusedError
   */
  async catchUp(): Promise<number> {
    const before = this.events
    const { output } = this.#context
    const show = ({ done, total }: { readonly done: number; readonly total: number }): void =>
      output.progress(`${this.#service}/${this.#view.name}: ${done} of ${total} commits, ${this.events} events`)
    for await (const { event, isDiscarded } of this.#reader.next(show)) {
      if (Date.parse(event.time) > this.#until) continue
      if (this.#view.kind === 'one-stream') this.#versions.set(event.stream, event.version)
      if (isDiscarded) continue
      const keys = await inWorkingCopy(() => this.#fold.apply(event))
      if (keys.length > 0) this.events += 1
      for (const key of keys) this.#remember(key, event)
    }
    output.end()
    return this.events - before
  }

  #remember(key: string, { stream, version, type }: EventAnswer): void {
    const behind = this.#behind.get(key) ?? { count: 0, newest: [] }
    behind.count += 1
    behind.newest.push(`${stream}@${version} ${type}`)
    if (behind.newest.length > REMEMBERED) behind.newest.shift()
    this.#behind.set(key, behind)
  }
}
