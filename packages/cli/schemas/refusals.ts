import type { Service } from 'tidemark'
import { markdownTable, withTableUnder } from '../command-line/markdown-table.ts'

const HEADING = '## Refusals of the domain'
type Row = readonly [code: string, service: string, meaning: string]

/**
 * docs/errors.md with the refusals that the services' deciders declare.
 * @throws Error if it has no table for them, or one code has two meanings.
 */
export function withRefusals(text: string, services: readonly Pick<Service, 'name' | 'deciders'>[]): string {
  return withTableUnder(HEADING, text, markdownTable(['code', 'service', 'what it means'], listRows(services)))
}

function listRows(services: readonly Pick<Service, 'name' | 'deciders'>[]): readonly Row[] {
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
