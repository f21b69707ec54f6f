import { describeDifference, isItsPlace } from './document.ts'
import { GENESIS } from './event-hash.ts'
import type { IsDiscarded } from './parked.ts'
import { type Cursor, parseCursor } from './progress.ts'
import { nameLog, type Row, readStream, type ViewSource } from './source.ts'
import type { Fault } from './stream-check.ts'
import type { RawEvent } from './stream-events.ts'

/** The result for one item. */
export interface Judged {
  readonly fault?: Fault
  /** Why the item cannot be checked. */
  readonly unchecked?: string
}

/**
 * Checks an item of one stream: its cursor, and, if it is a document, its content against the events up to
 * the cursor. Both are in one item, so a log that is read after it contains all its events.
 */
export class RowCheck {
  readonly #source: ViewSource
  readonly #row: Row
  readonly #isDiscarded: IsDiscarded
  readonly #cursor: Cursor | undefined
  #end = 0
  /** The event that the cursor names. */
  #at: RawEvent | undefined
  #document: unknown
  #unchecked: string | undefined

  constructor(source: ViewSource, row: Row, isDiscarded: IsDiscarded) {
    this.#source = source
    this.#row = row
    this.#isDiscarded = isDiscarded
    this.#cursor = parseCursor(row.cursor)
  }

  /** @param event each of the stream, in order. */
  add(event: RawEvent): void {
    const { view, reading } = this.#source
    const { version } = event
    const stream = readStream(this.#source, this.#row)
    this.#end = version
    if (version === this.#cursor?.version) this.#at = event
    if (view.kind !== 'one-stream' || version > (this.#cursor?.version ?? 0) || this.#unchecked !== undefined) return
    if (this.#isDiscarded(view.name, stream, version)) return
    try {
      for (const read of reading.read(event)) this.#document = view.evolve(this.#document, read)
    } catch (error) {
      this.#unchecked = `${stream}@${version}: ${(error as Error).message}`
    }
  }

  finish(): Judged {
    const { view } = this.#source
    const { key, document, sort } = this.#row
    const stream = readStream(this.#source, this.#row)
    if (!this.#source.follows(stream)) return this.#fault('inserted', 'its stream is not of the category of the view')
    const cursor = this.#judgeCursor()
    if (cursor) return cursor
    if (view.kind !== 'one-stream') return {}
    if (this.#unchecked !== undefined) return { unchecked: this.#unchecked }
    const differs = describeDifference(document, this.#document)
    const version = this.#cursor?.version
    if (differs !== undefined)
      return this.#fault('changed', `it differs from the result of its events up to version ${version}: ${differs}`)
    if (document !== undefined && !isItsPlace(sort, view.sort(document), String(key)))
      return this.#fault('changed', 'its place in lists is wrong')
    return {}
  }

  #judgeCursor(): Judged | undefined {
    const [cursor, end, at] = [this.#cursor, this.#end, this.#at]
    const log = nameLog(this.#source.view)
    if (end === 0) return this.#fault('inserted', `${log} has no such stream`)
    if (cursor === undefined) return this.#fault('changed', 'it has no valid cursor')
    const { version, hash, time, passed } = cursor
    if (version > end) return this.#fault('does not follow', `it is at version ${version}, but ${log} ends with ${end}`)
    if (hash !== (at?.hash ?? GENESIS) || time !== (at?.time ?? ''))
      return this.#fault('does not follow', `at version ${version} ${log} has another event`)
    for (const [entry, reached] of Object.entries(passed))
      if (reached > end)
        return this.#fault('does not follow', `it has ${entry} at version ${reached}, but ${log} ends with ${end}`)
    return undefined
  }

  #fault(wrong: Fault['wrong'], detail: string): Judged {
    const { view } = this.#source
    const stream = readStream(this.#source, this.#row)
    const place = view.kind === 'one-stream' ? `${view.name} ${stream}` : `${view.name}, its cursor of ${stream}`
    return { fault: { place, wrong, detail } }
  }
}
