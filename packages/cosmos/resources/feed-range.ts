import type { Container } from './catalog.ts'
import type { EpkRange } from './ranges.ts'

/** A logical partition. An item's id is unique in it. */
export interface LogicalPartition {
  readonly container: Container
  readonly pk: string
}

/** The part of a container that a query or a read of the change feed covers. */
export interface FeedRange {
  readonly container: Container
  readonly key: KeyScope
  /** Effective partition keys, without the maximum; undefined for all of them. */
  readonly epks?: EpkRange | undefined
}

/** One logical partition, those whose hierarchical key has a prefix, or all. */
export type KeyScope =
  | { readonly kind: 'all' }
  | { readonly kind: 'prefix'; readonly prefix: string }
  | { readonly kind: 'one'; readonly pk: string }

export const ALL_KEYS: KeyScope = { kind: 'all' }

/** SQLite's conditions for the items of a feed range that have not expired, and the values of their `?`. */
export function buildConditions({ container, key, epks }: FeedRange): {
  conditions: string[]
  values: (string | number)[]
} {
  const conditions = ['container = ?', '(expires IS NULL OR expires > ?)']
  const values: (string | number)[] = [container.number, Date.now() / 1000]
  if (key.kind === 'one') {
    conditions.push('pk = ?')
    values.push(key.pk)
  } else if (key.kind === 'prefix') {
    // A prefix ends in a comma, and "-" is the next character.
    conditions.push('pk >= ?', 'pk < ?')
    values.push(key.prefix, `${key.prefix.slice(0, -1)}-`)
  }
  if (epks) {
    conditions.push('epk >= ?', 'epk < ?')
    values.push(epks.min, epks.max)
  }
  return { conditions, values }
}
