import type { RawItem } from './event-hash.ts'

// What the checker takes from a service's declaration: the meaning of its events, but not how they are
// projected.

export interface DeclaredEvent {
  readonly name: string
  /** The newest version. */
  readonly version: number
  readonly schema: { readonly '~standard': { validate(value: unknown): unknown } }
  /** All versions, oldest first. Merged versions are one: its last, and the first in `since`. */
  readonly versions: readonly {
    readonly version: number
    readonly since?: number
    readonly upcast?: (data: never) => unknown
  }[]
  /** Other names under which it is in the log. */
  readonly formerNames?: readonly string[]
  readonly comingNames?: readonly string[]
  /** Present if it is no longer written: the types it is read as, none if it is read as nothing. */
  readonly ending?: {
    readonly into: readonly DeclaredEvent[]
    readonly split: (data: never) => readonly { readonly type: string; readonly data: unknown }[]
  }
}

interface DeclaredViewBase {
  readonly name: string
  readonly category: string
  readonly events?: readonly DeclaredEvent[]
  sort(document: unknown): string
}

interface DeclaredSingleStream extends DeclaredViewBase {
  readonly kind: 'one-stream'
  evolve(document: unknown, event: RawItem): unknown
}

export interface DeclaredMultiStream extends DeclaredViewBase {
  readonly kind: 'many-streams'
  documentKeys(event: RawItem): readonly string[]
  evolve(document: unknown, event: RawItem, key: string): unknown
}

export type DeclaredView = DeclaredSingleStream | DeclaredMultiStream

/** A view over several services. Its events are in their archives and hubs. */
export interface DeclaredMultiService {
  readonly kind: 'many-services'
  readonly name: string
  readonly sources: readonly {
    readonly service: string
    readonly category: string
    readonly events: readonly DeclaredEvent[]
  }[]
  documentKeys(event: RawItem): readonly string[]
  evolve(document: unknown, event: RawItem, key: string): unknown
  sort(document: unknown): string
}

/** A view whose documents combine streams. */
export type DeclaredKeyed = DeclaredMultiStream | DeclaredMultiService
