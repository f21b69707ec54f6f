import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'

/** A row of docs/errors.md. */
export interface DocumentedError {
  readonly code: string
  /** The status of its answer; undefined for a code that only logs have. */
  readonly status: number | undefined
  /** Whether the same request may succeed later. Its answer then has Retry-After. */
  readonly again: boolean
  /** The service whose domain refuses with it; undefined for Tidemark's own codes. */
  readonly service: string | undefined
}

const DOMAIN_REFUSAL = 409

/** Every code of docs/errors.md by name. Fails for an unreadable row, and for a code with two rows. */
export function documentedErrors(): ReadonlyMap<string, DocumentedError> {
  const text = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8')
  const rows = text.split('\n').filter((line) => line.startsWith('| `'))
  const errors = new Map<string, DocumentedError>()
  for (const row of rows) {
    const error = readRow(row)
    assert.ok(!errors.has(error.code), `${error.code} occurs twice in docs/errors.md`)
    errors.set(error.code, error)
  }
  assert.ok(errors.size > 0, 'docs/errors.md has no code')
  return errors
}

function readRow(row: string): DocumentedError {
  const [, name = '', second = '', third = ''] = row.split('|').map((cell) => cell.trim())
  const code = name.replaceAll('`', '')
  if (/^(\d{3}|–)$/.test(second) && /^(yes|no)$/.test(third))
    return { code, status: second === '–' ? undefined : Number(second), again: third === 'yes', service: undefined }
  assert.match(second, /^[a-z][a-z0-9-]*$/, `this row of docs/errors.md has neither a status nor a service: ${row}`)
  return { code, status: DOMAIN_REFUSAL, again: false, service: second }
}
