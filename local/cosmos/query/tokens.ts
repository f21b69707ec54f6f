import { badRequest } from '../failure.ts'

export interface Token {
  readonly type: 'parameter' | 'name' | 'number' | 'text' | 'symbol' | 'end'
  readonly text: string
}

const TYPES = ['parameter', 'name', 'number', 'text', 'symbol'] as const

const TOKEN =
  /\s*(?:(@[A-Za-z_]\w*)|([A-Za-z_]\w*)|(-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*')|(!=|<>|<=|>=|[=<>()[\],.*]))/sy

/** @throws Failure 400 where a character begins no token of the subset. */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = []
  const end = text.trimEnd().length
  let at = 0
  while (at < end) {
    TOKEN.lastIndex = at
    const match = TOKEN.exec(text)
    if (!match) throw unsupported(`at "${text.slice(at).trim().slice(0, 40)}"`)
    const index = match.slice(1).findIndex((group) => group !== undefined)
    tokens.push({ type: TYPES[index] ?? 'symbol', text: match[index + 1] ?? '' })
    at = TOKEN.lastIndex
  }
  return [...tokens, { type: 'end', text: 'the end' }]
}

export function unsupported(what: string): Error {
  return badRequest(`the query is not supported by this endpoint: ${what}`)
}

const ESCAPES: Readonly<Record<string, string>> = {
  '\\': '\\',
  '/': '/',
  "'": "'",
  '"': '"',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
}

/**
 * The value of a text literal.
 * https://learn.microsoft.com/azure/cosmos-db/nosql/query/constants#escape-sequences
 */
export function unquote(literal: string): string {
  return literal.slice(1, -1).replace(/\\(u[0-9a-fA-F]{4}|.)/gs, (_, code: string) => {
    const character = code.length === 5 ? String.fromCharCode(Number.parseInt(code.slice(1), 16)) : ESCAPES[code]
    if (character === undefined) throw badRequest(`\\${code} is no escape of a text`)
    return character
  })
}
