import type { Service } from '../../src/core/service.ts'

const HEADING = '## Refusals of the domain'
const COLUMNS = ['code', 'service', 'what it means'] as const
type Row = readonly [code: string, service: string, meaning: string]

/**
 * docs/errors.md with the refusals that the services' deciders declare.
 * @throws Error where it has no table for them, or two deciders mean different things by one code.
 */
export function withRefusals(text: string, services: readonly Pick<Service, 'name' | 'deciders'>[]): string {
  const start = text.indexOf(`${HEADING}\n`)
  const table = /(?:^\|.*\n)+/m.exec(text.slice(start))
  if (start === -1 || table === null) throw new Error(`docs/errors.md has no table under "${HEADING}"`)
  const from = start + table.index
  return text.slice(0, from) + tableOf(rowsOf(services)) + text.slice(from + table[0].length)
}

function rowsOf(services: readonly Pick<Service, 'name' | 'deciders'>[]): readonly Row[] {
  const rows = new Map<string, Row>()
  for (const { name, deciders } of services)
    for (const { refusals = {} } of deciders)
      for (const [code, meaning] of Object.entries(refusals)) {
        const known = rows.get(code)
        if (known && (known[1] !== name || known[2] !== meaning))
          throw new Error(`${code} is a refusal of ${known[1]} ("${known[2]}") and of ${name} ("${meaning}")`)
        rows.set(code, [`\`${code}\``, name, meaning])
      }
  return [...rows.values()]
}

/** As the formatter writes it. */
function tableOf(rows: readonly Row[]): string {
  const widths = COLUMNS.map((column, index) => Math.max(column.length, ...rows.map((row) => row[index]?.length ?? 0)))
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join(' | ')} |\n`
  return [line(COLUMNS), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('')
}
