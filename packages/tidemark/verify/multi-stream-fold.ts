import type { DeclaredMultiStream } from './declared.ts'
import { describeDifference, isItsPlace } from './document.ts'
import { sha256 } from './event-hash.ts'
import type { EventReading } from './read-event.ts'
import type { Row } from './source.ts'
import type { Fault } from './stream-check.ts'
import type { RawEvent } from './stream-events.ts'

/** So many open events are kept: of a view with more nothing is said of the documents that differ. */
const MAX_OPEN = 100_000
/** For so long after an event its mark is surely there, if there ever was one: it lives for a day. Milliseconds. */
const MARKER_LIVES_MS = 23 * 3_600_000

/** Which documents of a view are looked at: all, a part of them, or some by their keys. */
export interface Chosen {
  readonly parts: number
  readonly part: number
  readonly keys?: ReadonlySet<string>
}

/**
 * The documents of a view of many streams, made a second time. An event up to its stream's cursor has been
 * applied, unless somebody gave it up. All others are open: an instance may have applied one and not come to
 * write the cursor, as where another document could not take it. Then the document has a mark of it. Open
 * events are kept where documents are chosen by their keys: those that differ without.
 */
export class MultiStreamFold {
  readonly view: DeclaredMultiStream
  readonly #reading: EventReading
  readonly #chosen: Chosen
  readonly #now: number
  readonly #documents = new Map<string, unknown>()
  readonly #open = new Map<string, RawEvent[]>()
  #opened = 0
  /** Why nothing can be said of any document. */
  unchecked: string | undefined

  /** @param now the store's time. Milliseconds since 1970. */
  constructor(view: DeclaredMultiStream, reading: EventReading, chosen: Chosen, now: number) {
    this.view = view
    this.#reading = reading
    this.#chosen = chosen
    this.#now = now
  }

  /** @param event each of a stream in order, @param isPassed whether the view has come to it, and nobody gave it up. */
  add(event: RawEvent, isPassed: boolean): void {
    if (this.unchecked !== undefined || !(isPassed || this.#chosen.keys)) return
    try {
      const read = this.#reading.read(event)
      if (read === undefined) return
      for (const key of new Set(this.view.documentKeys(read)))
        if (!this.isChosen(key)) continue
        else if (isPassed) this.#documents.set(key, this.view.evolve(this.#documents.get(key), read, key))
        else this.#keep(key, read)
    } catch (error) {
      // What the view cannot process and has not passed is in no document.
      if (isPassed) this.unchecked = `${event.stream}@${event.version}: ${(error as Error).message}`
    }
  }

  isChosen(key: string): boolean {
    const { parts, part, keys } = this.#chosen
    return keys ? keys.has(key) : parts === 1 || Number.parseInt(sha256(key).slice(0, 8), 16) % parts === part
  }

  hasOpen(key: string): boolean {
    return this.#open.has(key)
  }

  /**
   * Judges a document, and expects it no longer.
   * @param markers the ids of its marks.
   * @returns `unsure` where it differs, and may have an open event whose mark would be gone by now.
   */
  judge(row: Row, markers: ReadonlySet<string>): Fault | 'unsure' | undefined {
    const key = String(row.key)
    const open = Map.groupBy(this.#open.get(key) ?? [], ({ stream, version }) => markers.has(`~${stream}@${version}`))
    let should = this.#documents.get(key)
    this.#documents.delete(key)
    try {
      for (const event of open.get(true) ?? []) should = this.view.evolve(should, event, key)
    } catch (error) {
      this.unchecked = `${key}: ${(error as Error).message}`
      return undefined
    }
    const fault = this.#compare(row, key, should)
    const isOld = ({ time }: RawEvent) => this.#now - Date.parse(String(time)) > MARKER_LIVES_MS
    return fault && open.get(false)?.some(isOld) ? 'unsure' : fault
  }

  #compare({ document, sort }: Row, key: string, should: unknown): Fault | undefined {
    if (should === undefined) return this.#fault(key, 'inserted', 'no event of the log asks for it')
    const differs = describeDifference(document, should)
    if (differs !== undefined) return this.#fault(key, 'changed', `it is not what its events lead to: ${differs}`)
    if (!isItsPlace(sort, this.view.sort(document), key))
      return this.#fault(key, 'changed', 'lists have it at another place than its own')
    return undefined
  }

  /** A document that is not to be judged now: it is there. */
  pass(key: string): void {
    this.#documents.delete(key)
  }

  /** Those that should be there, and were neither judged nor passed, by their keys. */
  missing(): ReadonlyMap<string, Fault> {
    const fault = (key: string) => this.#fault(key, 'missing', 'its events are in the log')
    return new Map([...this.#documents.keys()].map((key) => [key, fault(key)]))
  }

  #keep(key: string, event: RawEvent): void {
    const open = this.#open.get(key)
    if (open) open.push(event)
    else this.#open.set(key, [event])
    this.#opened += 1
    if (this.#opened > MAX_OPEN) this.unchecked = `the view has not come to ${MAX_OPEN} events of documents that differ`
  }

  #fault(key: string, wrong: Fault['wrong'], detail: string): Fault {
    return { place: `${this.view.name} ${key}`, wrong, detail }
  }
}
