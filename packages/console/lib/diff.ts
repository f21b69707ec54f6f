/** A row of a tree, for one value. */
export interface Row {
  readonly path: string
  readonly name: string
  readonly depth: number
  /** Absent for a parent of other rows. */
  readonly value?: unknown
  readonly change?: 'added' | 'changed' | 'removed'
  readonly before?: unknown
}

/**
 * The rows of a value, with the differences to the previous value.
 * @param before undefined if there is nothing to compare with.
 */
export function listRows(value: unknown, before: unknown, compare: boolean): readonly Row[] {
  return walk({ path: '', name: '', depth: -1 }, value, before, compare)
}

/** The differences, leaf by leaf. */
export function listChanges(value: unknown, before: unknown): readonly Row[] {
  return listRows(value, before, true).filter(({ change }) => change !== undefined)
}

/** Where a value is in the tree. */
type Place = Pick<Row, 'path' | 'name' | 'depth'>

function walk(place: Place, value: unknown, before: unknown, compare: boolean): readonly Row[] {
  if (!isTree(value) && !(value === undefined && isTree(before))) {
    if (!compare || same(value, before)) return [{ ...place, value }]
    if (before === undefined) return [{ ...place, value, change: 'added' }]
    if (value === undefined) return [{ ...place, change: 'removed', before }]
    return [{ ...place, value, change: 'changed', before }]
  }
  const now = isTree(value) ? value : {}
  const old = isTree(before) ? before : {}
  const names = [...new Set([...Object.keys(now), ...(compare ? Object.keys(old) : [])])]
  const { path, depth } = place
  const own = depth < 0 ? [] : [place]
  return [
    ...own,
    ...names.flatMap((name) => {
      const inside = { path: path === '' ? name : `${path}.${name}`, name, depth: depth + 1 }
      return walk(inside, now[name], old[name], compare)
    }),
  ]
}

function isTree(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && Object.keys(value).length > 0
}

function same(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b)
}
