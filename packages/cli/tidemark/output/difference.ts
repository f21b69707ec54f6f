import microdiff from 'microdiff'

/** A difference between two JSON values. */
export interface Difference {
  /** `lines[0].quantity`; empty: the whole value. */
  readonly path: string
  readonly kind: 'added' | 'removed' | 'changed'
  readonly before?: unknown
  readonly after?: unknown
}

const KINDS = { CREATE: 'added', REMOVE: 'removed', CHANGE: 'changed' } as const

/** The differences between two JSON values, by path. Items of a list are compared by index. */
export function findDifferences(before: unknown, after: unknown): readonly Difference[] {
  // Wrapped in objects, so that other values can be compared too.
  return microdiff({ value: before }, { value: after }, { cyclesFix: false }).map((difference) => ({
    path: formatPath(difference.path.slice(1)),
    kind: KINDS[difference.type],
    ...('oldValue' in difference ? { before: difference.oldValue } : {}),
    ...('value' in difference ? { after: difference.value } : {}),
  }))
}

function formatPath(parts: readonly (string | number)[]): string {
  return parts
    .map((part) => {
      if (typeof part === 'number') return `[${part}]`
      return /^[A-Za-z_$][\w$]*$/.test(part) ? `.${part}` : `[${JSON.stringify(part)}]`
    })
    .join('')
    .replace(/^\./, '')
}
