/**
 * The operations of the API, under the names that the router, the injected faults, the request units and
 * docs/compatibility.md share. The service's REST reference calls an item a document:
 * https://learn.microsoft.com/rest/api/cosmos-db/
 */
export const OPERATIONS = [
  'read-account',
  'create-database',
  'list-databases',
  'query-databases',
  'read-database',
  'delete-database',
  'create-container',
  'list-containers',
  'query-containers',
  'read-container',
  'replace-container',
  'delete-container',
  'list-ranges',
  'list-offers',
  'query-offers',
  'read-offer',
  'replace-offer',
  'create-item',
  'upsert-item',
  'read-item',
  'replace-item',
  'patch-item',
  'delete-item',
  'list-items',
  'query-items',
  'plan-query',
  'batch',
  'bulk',
  'read-feed',
] as const

export type OperationName = (typeof OPERATIONS)[number]
