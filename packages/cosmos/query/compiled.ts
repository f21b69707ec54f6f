import { LRUCache } from 'lru-cache'
import { type CompiledQuery, compileQuery } from './compile/queries.ts'
import { parseQuery } from './syntax/parser.ts'

const MAX_CACHED_LENGTH = 4096
const cache = new LRUCache<string, CompiledQuery>({ max: 500 })

/**
 * Compiles a query, and caches it by its text.
 * @throws Failure 400
 */
export function compileCached(text: string): CompiledQuery {
  const known = cache.get(text)
  if (known) return known
  const query = compileQuery(parseQuery(text), text)
  if (text.length <= MAX_CACHED_LENGTH) cache.set(text, query)
  return query
}
