import { flag, isQuery, type Target } from '../http/requests.ts'
import type { OperationName } from '../operations.ts'

const OF_LISTS: Readonly<Record<string, Readonly<Record<string, OperationName>>>> = {
  '': { GET: 'read-account' },
  dbs: { GET: 'list-databases', POST: 'create-database' },
  'dbs/colls': { GET: 'list-containers', POST: 'create-container' },
  'dbs/colls/pkranges': { GET: 'list-ranges' },
  offers: { GET: 'list-offers', POST: 'query-offers' },
}
const OF_ONE: Readonly<Record<string, Readonly<Record<string, OperationName>>>> = {
  dbs: { GET: 'read-database', DELETE: 'delete-database' },
  'dbs/colls': { GET: 'read-container', PUT: 'replace-container', DELETE: 'delete-container' },
  'dbs/colls/docs': { GET: 'read-item', PUT: 'replace-item', PATCH: 'patch-item', DELETE: 'delete-item' },
  offers: { GET: 'read-offer', PUT: 'replace-offer' },
}

/** What a request asks for, told by its path and headers; undefined: nothing that there is. */
export function operationOf(target: Target): OperationName | undefined {
  const { route, method, one, headers } = target
  if (one) return OF_ONE[route]?.[method]
  if (method === 'POST' && isQuery(target)) {
    if (route === 'dbs') return 'query-databases'
    if (route === 'dbs/colls') return 'query-containers'
  }
  if (route !== 'dbs/colls/docs') return OF_LISTS[route]?.[method]
  if (method === 'GET') return headers['a-im'] ? 'read-feed' : 'list-items'
  if (method !== 'POST') return undefined
  if (flag(target, 'x-ms-cosmos-is-query-plan-request')) return 'plan-query'
  if (isQuery(target)) return 'query-items'
  if (flag(target, 'x-ms-cosmos-is-batch-request')) return flag(target, 'x-ms-cosmos-batch-atomic') ? 'batch' : 'bulk'
  return flag(target, 'x-ms-documentdb-is-upsert') ? 'upsert-item' : 'create-item'
}
