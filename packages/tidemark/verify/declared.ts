import type { RawItem } from './event-hash.ts'

// What the checker takes from a service's declaration: the meaning of its events, but not how they are
// projected.

export interface DeclaredEvent {
  readonly name: string
  /** The newest version. */
  readonly version: number
  readonly schema: { readonly '~standard': { validate(value: unknown): unknown } }
  /** All versions, oldest first. */
  readonly versions: readonly { readonly upcast?: (data: never) => unknown }[]
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
