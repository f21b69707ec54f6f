import { type CompiledQuery, compileQuery } from './compile/queries.ts'
import { parseQuery } from './parser.ts'

const MOST = 500
const LONGEST = 4096
const compiled = new Map<string, CompiledQuery>()

/**
 * A query ready to run. A text that comes again is not parsed again; the one not used for longest goes first.
 * @throws Failure 400
 */
export function compileCached(text: string): CompiledQuery {
  const query = compiled.get(text) ?? compileQuery(parseQuery(text), text)
  if (text.length > LONGEST) return query
  compiled.delete(text)
  compiled.set(text, query)
  const [oldest] = compiled.keys()
  if (compiled.size > MOST && oldest !== undefined) compiled.delete(oldest)
  return query
}
