import type { ComponentChildren, VNode } from 'preact'

/** A column's heading. `right`: a column of numbers. */
type Column = string | { readonly right: string }

/**
 * A table that scrolls sideways in its place, also by keyboard.
 * @param label names it for those who do not see it.
 * @param children the rows.
 */
export function Table({
  label,
  columns,
  children,
  class: style,
}: {
  readonly label: string
  readonly columns: readonly Column[]
  readonly children: ComponentChildren
  readonly class?: string
}): VNode {
  return (
    <div class="scroll-x" role="group" aria-label={label} tabIndex={0}>
      <table class={style}>
        <thead>
          <tr>
            {columns.map((column) =>
              typeof column === 'string' ? (
                <th key={column} scope="col">
                  {column}
                </th>
              ) : (
                <th key={column.right} scope="col" class="right">
                  {column.right}
                </th>
              ),
            )}
          </tr>
        </thead>
        <tbody>{children}</tbody>
      </table>
    </div>
  )
}
