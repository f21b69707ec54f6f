import type { Container } from '@azure/cosmos'
import type { DeclaredView } from './declared.ts'
import { isVersion } from './fields.ts'
import type { EventReading } from './read-event.ts'
import type { Fault } from './stream-check.ts'

/** What was looked at of a view. */
export interface ViewCount {
  readonly view: string
  documents: number
  /** Streams with events that the view has not come to yet. */
  behind: number
  /** Streams that wait, because the view cannot process an event of theirs. */
  parked: number
  /** Events that somebody gave up: the view is made without them. */
  givenUp: number
  /** Documents that were written again whenever they were looked at. */
  moving: number
  /** Documents that differ, and may have open events of which nothing tells any more whether they have them. */
  unsure: number
}

export interface ViewsWatch {
  /** So many items are to be read. */
  begin(items: number): void
  read(items: number): void
  fault(fault: Fault): void
  /** Why something could not be compared. */
  unchecked(view: string, why: string): void
}

/** Which generations of a view there are. */
export interface Pointer {
  /** The one that queries read. */
  readonly live: number
  readonly named: readonly number[]
  /** The view whose documents have its cursors. */
  readonly cursorsIn?: string
  /** Whether it says which one is live, or was never written. */
  readonly isSound: boolean
}

/** A view, where its documents are, and which generations of it there are. */
export interface ViewSource extends Pointer {
  readonly view: DeclaredView
  readonly container: Container
  readonly count: ViewCount
  readonly reading: EventReading
}

/** What names the live generation of a view in cursors. */
export function formatEntry({ view, live }: Pick<ViewSource, 'view' | 'live'>): string {
  return `${view.name}@${live}`
}

/** Where nothing was ever rebuilt, the first is read. */
export async function readPointer(container: Container): Promise<Pointer> {
  const { resource } = await container.item('pointer', 'pointer').read<{
    readonly live?: unknown
    readonly previous?: { readonly generation?: unknown }
    readonly building?: unknown
    readonly written?: readonly unknown[]
    readonly cursorsIn?: unknown
  }>()
  const live = isVersion(resource?.live) ? resource.live : 1
  const named = [live, resource?.previous?.generation, resource?.building, ...(resource?.written ?? [])]
  return {
    live,
    named: [...new Set(named.filter(isVersion))],
    ...(typeof resource?.cursorsIn === 'string' ? { cursorsIn: resource.cursorsIn } : {}),
    isSound: resource === undefined || isVersion(resource.live),
  }
}

/** An item of a view: a document, or how far the view has come in a stream. */
export interface Row {
  readonly id: string
  readonly pk: string
  readonly kind?: unknown
  readonly generation?: unknown
  readonly key?: unknown
  readonly sort?: unknown
  readonly document?: unknown
  readonly cursor?: unknown
  /** When it was written last: seconds since 1970. */
  readonly _ts: number
}

export function cursorPrefix({ live }: Pick<ViewSource, 'live'>): string {
  return `${live}|cursor|`
}

/** The stream that a document of a single stream, or a cursor, is of. */
export function readStream(source: ViewSource, { key, pk }: Row): string {
  return source.view.kind === 'one-stream' ? String(key) : pk.slice(cursorPrefix(source).length)
}

/** Whether a document's item is where its fields say. One that is not is named by items.ts, and nowhere else. */
export function isItsItem({ id, pk, generation, key }: Row): boolean {
  return id === 'document' && pk === `${generation}|document|${key}`
}
