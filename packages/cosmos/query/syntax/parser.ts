import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import type { Parser } from 'peggy'
import { badRequest } from '../../api/failure.ts'
import { queryFailure, syntaxFailure } from './query-failure.ts'
import type { Query } from './syntax.ts'

// https://learn.microsoft.com/azure/cosmos-db/concepts-limits#sql-query-limits
const MAX_TEXT = 262_144
const MAX_DEPTH = 100
/** The token that an error names. */
const TOKEN = /\w+|"(?:[^"\\]|\\.)*"?|'(?:[^'\\]|\\.)*'?|@\w*|[^\s]/y
const MAX_NAMED = 40

let parser: Parser | undefined

/** Loads the grammar and its compiler at the first query, so that the server starts faster. */
function loadParser(): Parser {
  if (parser) return parser
  const { generate }: typeof import('peggy') = createRequire(import.meta.url)('peggy')
  parser = generate(readFileSync(new URL('grammar.peggy', import.meta.url), 'utf8'))
  return parser
}

/**
 * Parses a query.
 * @throws Failure 400 with the position and the token there.
 * https://learn.microsoft.com/azure/cosmos-db/nosql/query/
 */
export function parseQuery(text: string): Query {
  if (text.length > MAX_TEXT)
    throw badRequest(`The SQL query text exceeded the maximum limit of ${MAX_TEXT} characters`)
  const grammar = loadParser()
  try {
    return grammar.parse(text, { maxDepth: MAX_DEPTH }) as Query
  } catch (error) {
    if (error instanceof grammar.SyntaxError) throw toFailure(error, text)
    throw error
  }
}

function toFailure(error: InstanceType<Parser['SyntaxError']>, text: string): Error {
  const start = error.location.start.offset
  TOKEN.lastIndex = start
  const [token = ''] = TOKEN.exec(text) ?? []
  const at = { start, end: start + token.length }
  // Only errors of the grammar's own checks have no list of what was expected.
  return error.expected
    ? syntaxFailure(token.slice(0, MAX_NAMED), at)
    : queryFailure(`Syntax error: ${error.message}.`, at)
}
