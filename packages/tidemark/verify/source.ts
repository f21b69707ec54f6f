import type { Container } from '@azure/cosmos'
import type { DeclaredMultiService, DeclaredView } from './declared.ts'
import { isVersion } from './fields.ts'
import type { Reading } from './read-event.ts'
import type { Fault } from './stream-check.ts'

/** How much of a view was checked, and what was not. */
export interface ViewCount {
  readonly view: string
  documents: number
  /** Streams with events that the view has not applied yet. */
  behind: number
  /** Streams that are parked, because the view cannot process one of their events. */
  parked: number
  /** Events that were discarded: the view is projected without them. */
  givenUp: number
  /** Documents that were written again during every check. */
  moving: number
  /** Documents that differ, and may contain open events whose applied markers have expired. */
  unsure: number
}

export interface ViewsWatch {
  /** Announces how many items will be read. */
  begin(items: number): void
  read(items: number): void
  fault(fault: Fault): void
  /** Reports why something could not be compared. */
  unchecked(view: string, why: string): void
}

/** The generations of a view. */
interface Pointer {
  /** The generation that queries read. */
  readonly live: number
  readonly named: readonly number[]
  /** The view whose documents store its cursors. */
  readonly cursorsIn?: string
  /** Whether it names the live generation, or was never written. */
  readonly isSound: boolean
}

/** A view, its container and its generations. */
export interface ViewSource extends Pointer {
  readonly view: DeclaredView | DeclaredMultiService
  readonly container: Container
  readonly count: ViewCount
  readonly reading: Reading
  /** Whether a stream can be one that the view follows. */
  follows(stream: string): boolean
}

/** The name of a view's live generation in cursors. */
export function formatEntry({ view, live }: Pick<ViewSource, 'view' | 'live'>): string {
  return `${view.name}@${live}`
}

/** A stream of another service in the ids of items, which may have no slash. */
export function toId(stream: string): string {
  return stream.replace('/', '|')
}

/** What a view is made of, for log lines. */
export function nameLog({ kind }: Pick<ViewSource['view'], 'kind'>): string {
  return kind === 'many-services' ? 'its history' : 'the log'
}

/** Reads a view's pointer. Without one, the view was never rebuilt, and the first generation is live. */
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

/** An item of a view: a document or a cursor. */
export interface Row {
  readonly id: string
  readonly pk: string
  readonly kind?: unknown
  readonly generation?: unknown
  readonly key?: unknown
  readonly sort?: unknown
  readonly document?: unknown
  readonly cursor?: unknown
  /** When it was last written: seconds since 1970. */
  readonly _ts: number
}

export function cursorPrefix({ live }: Pick<ViewSource, 'live'>): string {
  return `${live}|cursor|`
}

/** Returns the stream of a single-stream document or of a cursor. */
export function readStream(source: ViewSource, { key, pk }: Row): string {
  return source.view.kind === 'one-stream' ? String(key) : pk.slice(cursorPrefix(source).length)
}

/** Whether a document's item has the address that its fields name. Only items.ts reports one that does not. */
export function isItsItem({ id, pk, generation, key }: Row): boolean {
  return id === 'document' && pk === `${generation}|document|${key}`
}
