import type { VNode } from 'preact'
import { listRows, type Row } from '../lib/diff.ts'
import { inline } from '../lib/format.tsx'

const marks = { added: '+', changed: '~', removed: '−' } as const
const words = { added: 'added', changed: 'changed', removed: 'removed' } as const

/** A value as rows of names and values. Differences to the previous value are marked, with the old value. */
export function Tree({
  value,
  before,
  compare = false,
  label,
}: {
  readonly value: unknown
  readonly before?: unknown
  readonly compare?: boolean
  readonly label: string
}): VNode {
  const rows = listRows(value, before, compare)
  if (rows.length === 0) return <p class="muted">Empty.</p>
  return (
    <ul class="tree" aria-label={label}>
      {rows.map((row) => (
        <TreeRow key={row.path} row={row} />
      ))}
    </ul>
  )
}

function TreeRow({ row }: { readonly row: Row }): VNode {
  const { name, depth, change, before } = row
  return (
    <li class={change ? `tree-row is-${change}` : 'tree-row'}>
      <span class="tree-mark" aria-hidden="true">
        {change ? marks[change] : ''}
      </span>
      {name !== '' && (
        <span class="tree-name" style={{ paddingInlineStart: `${depth * 16}px` }}>
          {name}
        </span>
      )}
      {'value' in row && <span class={`tree-value of-${typeof row.value}`}>{inline(row.value)}</span>}
      {change && <span class="visually-hidden">{words[change]}</span>}
      {change && change !== 'added' && (
        <span class="tree-before">
          was <del>{inline(before)}</del>
        </span>
      )}
    </li>
  )
}
