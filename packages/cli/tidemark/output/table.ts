import { measureWidth, plain, shortened } from './text.ts'

export interface Column {
  readonly title: string
  /** Right-aligned, for numbers. */
  readonly right?: true
  /** May be shortened if the terminal is too narrow; the widest column first. */
  readonly flexible?: true
}

export type Cell = string | number | undefined

/** The smallest width of a shortened column. */
const LEAST = 8
const GAP = '  '

/**
 * A table as lines: the titles, then the rows, each column as wide as its widest cell.
 * @param columns the width of the terminal; flexible columns are shortened to fit. Undefined: no limit.
 */
export function tableLines(
  titles: readonly Column[],
  rows: readonly (readonly Cell[])[],
  columns?: number,
): { readonly head: string; readonly rows: readonly string[] } {
  const cells = rows.map((row) => titles.map((_, index) => plain(String(row[index] ?? ''))))
  const widths = titles.map(({ title }, index) =>
    Math.max(measureWidth(title), ...cells.map((row) => measureWidth(row[index] ?? ''))),
  )
  if (columns !== undefined) fit(titles, widths, columns)
  const line = (row: readonly string[]): string =>
    row
      .map((cell, index) => padded(cell, widths[index] ?? 0, titles[index]?.right))
      .join(GAP)
      .trimEnd()
  return { head: line(titles.map(({ title }) => title)), rows: cells.map(line) }
}

/** Makes flexible columns narrower until all fit, or none can get narrower. */
function fit(titles: readonly Column[], widths: number[], columns: number): void {
  let over = widths.reduce((sum, width) => sum + width, GAP.length * (widths.length - 1)) - columns
  while (over > 0) {
    const flexible = titles.flatMap(({ flexible }, index) => (flexible && (widths[index] ?? 0) > LEAST ? [index] : []))
    const widest = flexible.toSorted((a, b) => (widths[b] ?? 0) - (widths[a] ?? 0))[0]
    if (widest === undefined) return
    widths[widest] = (widths[widest] ?? 0) - 1
    over -= 1
  }
}

function padded(text: string, width: number, right = false): string {
  const cell = shortened(text, width)
  const space = ' '.repeat(Math.max(0, width - measureWidth(cell)))
  return right ? space + cell : cell + space
}
