import { LRUCache } from 'lru-cache'
import { type CompiledQuery, compileQuery } from './compile/queries.ts'
import { parseQuery } from './syntax/parser.ts'

const LONGEST = 4096
const compiled = new LRUCache<string, CompiledQuery>({ max: 500 })

/**
 * A query ready to run. A text that comes again is not parsed again.
 * @throws Failure 400
 */
export function compileCached(text: string): CompiledQuery {
  const known = compiled.get(text)
  if (known) return known
  const query = compileQuery(parseQuery(text), text)
  if (text.length <= LONGEST) compiled.set(text, query)
  return query
}
