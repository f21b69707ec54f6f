/** A Markdown table in the formatter's layout: every cell is padded to the width of its column. */
export function markdownTable(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)))
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`
  return [line(head), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n')
}

/** Replaces the first table under a heading. @returns the new document. @throws Error if there is none. */
export function withTableUnder(heading: string, document: string, table: string): string {
  const start = document.indexOf(`${heading}\n`)
  const before = /(?:^\|.*\n)+/m.exec(document.slice(start))
  if (start === -1 || before === null) throw new Error(`there is no table under "${heading}"`)
  const from = start + before.index
  return `${document.slice(0, from)}${table}\n${document.slice(from + before[0].length)}`
}
