/** A request to Cosmos DB about documents; `metadata` is about databases and containers. */
export type DocumentRequest =
  | 'metadata'
  | 'feed'
  | 'query'
  | 'query plan'
  | 'batch'
  | 'create'
  | 'upsert'
  | 'read'
  | 'replace'
  | 'delete'

const METHODS: Readonly<Record<string, DocumentRequest>> = {
  GET: 'read',
  POST: 'create',
  PUT: 'replace',
  PATCH: 'replace',
  DELETE: 'delete',
}

/**
 * Classifies a request by the headers that the SDKs set. @returns undefined for another method.
 * @param header reads a header by its name in lower case.
 */
export function classifyRequest(
  method: string,
  path: string,
  header: (name: string) => unknown,
): DocumentRequest | undefined {
  const has = (name: string): boolean => header(name) !== undefined
  if (has('a-im')) return 'feed'
  if (has('x-ms-cosmos-is-batch-request')) return 'batch'
  if (has('x-ms-cosmos-is-query-plan-request')) return 'query plan'
  if (has('x-ms-documentdb-isquery')) return 'query'
  if (!/\/docs/.test(path)) return 'metadata'
  if (method === 'POST' && has('x-ms-documentdb-is-upsert')) return 'upsert'
  return METHODS[method]
}
