import type { DeclaredKeyed } from './declared.ts'
import { describeDifference, isItsPlace } from './document.ts'
import { sha256 } from './event-hash.ts'
import type { Reading } from './read-event.ts'
import { nameLog, type Row, toId } from './source.ts'
import type { Fault } from './stream-check.ts'
import type { RawEvent } from './stream-events.ts'

/** The most unapplied events in memory. A view with more is not checked where its documents differ. */
const MAX_OPEN = 100_000
/**
 * An applied marker lives for a day, so it surely exists for this long after its event was applied.
 * Milliseconds.
 */
const MARKER_LIVES_MS = 23 * 3_600_000

/** The documents to check: all, a part of them, or some by their keys. */
export interface Chosen {
  readonly parts: number
  readonly part: number
  readonly keys?: ReadonlySet<string>
}

/** An event that the view has not passed, as it reads it, and the id of the marker that shows that it was applied. */
interface OpenEvent {
  readonly marker: string
  readonly read: RawEvent
}

/**
 * The documents of a multi-stream view, folded again from the log. An event up to its stream's cursor has
 * been applied, unless it was discarded. All others are open. An instance may have applied one before it
 * could write the cursor, for example because another document failed. The document then has its applied
 * marker. Open events are only collected for documents chosen by key, which differ without them.
 */
export class MultiStreamFold {
  readonly view: DeclaredKeyed
  readonly #reading: Reading
  readonly #chosen: Chosen
  readonly #now: number
  readonly #documents = new Map<string, unknown>()
  readonly #open = new Map<string, OpenEvent[]>()
  #opened = 0
  /** Why no document can be checked. */
  unchecked: string | undefined

  /** @param now the store's time, in milliseconds since 1970. */
  constructor(view: DeclaredKeyed, reading: Reading, chosen: Chosen, now: number) {
    this.view = view
    this.#reading = reading
    this.#chosen = chosen
    this.#now = now
  }

  /**
   * @param event each of a stream in order, @param isPassed whether the view has applied it and it was not
   * discarded.
   */
  add(event: RawEvent, isPassed: boolean): void {
    if (this.unchecked !== undefined || !(isPassed || this.#chosen.keys)) return
    try {
      for (const read of this.#reading.read(event))
        for (const key of new Set(this.view.documentKeys(read)))
          if (!this.isChosen(key)) continue
          else if (isPassed) this.#documents.set(key, this.view.evolve(this.#documents.get(key), read, key))
          else this.#keep(key, { marker: `~${toId(String(event.stream))}@${event.version}`, read })
    } catch (error) {
      // An event that the view cannot process and has not passed is in no document.
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
   * Checks a document and marks it as found.
   * @param markers the ids of its applied markers.
   * @returns `unsure` if it differs and may contain an open event whose marker would have expired.
   */
  judge(row: Row, markers: ReadonlySet<string>): Fault | 'unsure' | undefined {
    const key = String(row.key)
    const open = Map.groupBy(this.#open.get(key) ?? [], ({ marker }) => markers.has(marker))
    let should = this.#documents.get(key)
    this.#documents.delete(key)
    try {
      for (const { read } of open.get(true) ?? []) should = this.view.evolve(should, read, key)
    } catch (error) {
      this.unchecked = `${key}: ${(error as Error).message}`
      return undefined
    }
    const fault = this.#compare(row, key, should)
    const isOld = ({ read }: OpenEvent) => this.#now - Date.parse(String(read.time)) > MARKER_LIVES_MS
    return fault && open.get(false)?.some(isOld) ? 'unsure' : fault
  }

  #compare({ document, sort }: Row, key: string, should: unknown): Fault | undefined {
    if (should === undefined) return this.#fault(key, 'inserted', `no event of ${nameLog(this.view)} leads to it`)
    const differs = describeDifference(document, should)
    if (differs !== undefined)
      return this.#fault(key, 'changed', `it differs from the result of its events: ${differs}`)
    if (!isItsPlace(sort, this.view.sort(document), key))
      return this.#fault(key, 'changed', 'its place in lists is wrong')
    return undefined
  }

  /** Marks a document as found without checking it now. */
  pass(key: string): void {
    this.#documents.delete(key)
  }

  /** The documents, by key, that should exist but were not found. */
  missing(): ReadonlyMap<string, Fault> {
    const fault = (key: string) => this.#fault(key, 'missing', `its events are in ${nameLog(this.view)}`)
    return new Map([...this.#documents.keys()].map((key) => [key, fault(key)]))
  }

  #keep(key: string, event: OpenEvent): void {
    const open = this.#open.get(key)
    if (open) open.push(event)
    else this.#open.set(key, [event])
    this.#opened += 1
    if (this.#opened > MAX_OPEN) this.unchecked = `the view has not applied ${MAX_OPEN} events of documents that differ`
  }

  #fault(key: string, wrong: Fault['wrong'], detail: string): Fault {
    return { place: `${this.view.name} ${key}`, wrong, detail }
  }
}
