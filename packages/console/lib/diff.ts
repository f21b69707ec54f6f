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
  return walk('', '', -1, value, before, compare)
}

/** The differences, leaf by leaf. */
export function listChanges(value: unknown, before: unknown): readonly Row[] {
  return listRows(value, before, true).filter(({ change }) => change !== undefined)
}

function walk(
  path: string,
  name: string,
  depth: number,
  value: unknown,
  before: unknown,
  compare: boolean,
): readonly Row[] {
  if (!isTree(value) && !(value === undefined && isTree(before))) {
    if (!compare || same(value, before)) return [{ path, name, depth, value }]
    if (before === undefined) return [{ path, name, depth, value, change: 'added' }]
    if (value === undefined) return [{ path, name, depth, change: 'removed', before }]
    return [{ path, name, depth, value, change: 'changed', before }]
  }
  const now = isTree(value) ? value : {}
  const old = isTree(before) ? before : {}
  const names = [...new Set([...Object.keys(now), ...(compare ? Object.keys(old) : [])])]
  const own = depth < 0 ? [] : [{ path, name, depth }]
  return [
    ...own,
    ...names.flatMap((key) => walk(path === '' ? key : `${path}.${key}`, key, depth + 1, now[key], old[key], compare)),
  ]
}

function isTree(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && Object.keys(value).length > 0
}

function same(a: unknown, b: unknown): boolean {
  return a === b || JSON.stringify(a) === JSON.stringify(b)
}
