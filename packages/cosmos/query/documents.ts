import { badRequest } from '../api/failure.ts'
import { stepInto } from '../values/json.ts'
import { comparePositions } from './access/position.ts'
import { type CompiledQuery, readCount } from './compile/queries.ts'
import { compileCached } from './compiled.ts'
import { type Frame, type Parameters, Work } from './evaluation/frame.ts'
import { formatResult, listRows, type Row } from './rows.ts'
import type { ScannedItem } from './scan.ts'
import { buildSet } from './sets.ts'

/**
 * Evaluates a query over documents in memory, such as an account's databases.
 * @returns the JSON of each result.
 * @throws Failure 400
 */
export function queryDocuments(documents: readonly object[], text: string, parameters: Parameters): readonly string[] {
  const query = compileCached(text)
  const frame = buildFrame(query, parameters)
  const offset = query.offset ? readCount(query.offset(frame)) : 0
  const limit = query.limit ? readCount(query.limit(frame)) : Number.POSITIVE_INFINITY
  return evaluate(query, frame, documents).slice(offset, offset + limit)
}

/**
 * Whether a query selects a document.
 * @throws Failure 400
 */
export function isSelected(document: object, text: string): boolean {
  const query = compileCached(text)
  const [row] = listRows(query, buildFrame(query, new Map()), scanDocuments(query, [document]))
  return row !== undefined
}

function buildFrame({ parameters: names }: CompiledQuery, parameters: Parameters): Frame {
  for (const name of names) if (!parameters.has(name)) throw badRequest(`the query's parameter ${name} has no value`)
  return { values: [], parameters, keys: [], aggregates: [], work: new Work(Date.now()) }
}

function evaluate(query: CompiledQuery, frame: Frame, documents: readonly object[]): string[] {
  const rows = listRows(query, frame, scanDocuments(query, documents))
  if (query.group || query.distinct)
    return [...buildSet(query, frame, rows)].flatMap(({ text }) => (text === undefined ? [] : [text]))
  const found: (Row & { readonly result: string | undefined })[] = []
  for (const row of rows) found.push({ ...row, result: formatResult(query, frame, row.text) })
  found.sort((a, b) => comparePositions(query.orderBy, a, b))
  return found.flatMap(({ result }) => (result === undefined ? [] : [result]))
}

function* scanDocuments({ orderBy }: CompiledQuery, documents: readonly object[]): Generator<ScannedItem> {
  for (const [index, value] of documents.entries())
    yield {
      number: index,
      pk: '',
      id: String(index).padStart(9, '0'),
      text: JSON.stringify(value),
      value,
      order: orderBy.map(({ path }) => path.reduce<unknown>(stepInto, value)),
    }
}
