import { badRequest, Failure, notFound } from './api/failure.ts'
import type { OperationName } from './api/operations.ts'
import type { Answer } from './http/answers.ts'
import { hasFlag, isBatch, isQuery, type Request, type Target } from './http/requests.ts'
import { checkConsistency } from './http/session.ts'
import { accountDocument } from './resources/account.ts'
import type { Container, Database } from './resources/catalog.ts'
import * as resources from './routes/catalog-routes.ts'
import * as items from './routes/item-routes.ts'

type Account = items.Account
type Answered = Answer | Promise<Answer>

/** A kind of request, and what answers it. */
interface Route {
  readonly operation: OperationName
  readonly method: string
  /** `{id}` stands for an id or a rid. */
  readonly path: string
  /** Tells apart the routes of one method and path, by the request's headers. */
  readonly when?: (target: Target) => boolean
  readonly run: (account: Account, request: Request) => Answered
}

const isPlan = (target: Target): boolean => hasFlag(target, 'x-ms-cosmos-is-query-plan-request')
const isAtomic = (target: Target): boolean => isBatch(target) && hasFlag(target, 'x-ms-cosmos-batch-atomic')
const isUpsert = (target: Target): boolean => hasFlag(target, 'x-ms-documentdb-is-upsert')
const isFeed = ({ headers }: Target): boolean => headers['a-im'] !== undefined

const OFFER = 'offers/{id}'
const DATABASE = 'dbs/{id}'
const CONTAINERS = 'dbs/{id}/colls'
const CONTAINER = 'dbs/{id}/colls/{id}'
const ITEMS = 'dbs/{id}/colls/{id}/docs'
const ITEM = 'dbs/{id}/colls/{id}/docs/{id}'

/**
 * The map of the API. Of the routes with the same method and path, the first that fits wins.
 * https://learn.microsoft.com/rest/api/cosmos-db/
 */
export const ROUTES: readonly Route[] = [
  {
    operation: 'read-account',
    method: 'GET',
    path: '',
    run: (_, { host }) => ({ status: 200, body: accountDocument(host) }),
  },

  { ...catalogRoute('query-databases', 'POST', 'dbs', resources.queryDatabases), when: isQuery },
  catalogRoute('create-database', 'POST', 'dbs', resources.createDatabase),
  catalogRoute('list-databases', 'GET', 'dbs', resources.listDatabases),
  databaseRoute('read-database', 'GET', DATABASE, (_, database, request) => resources.readDatabase(database, request)),
  databaseRoute('delete-database', 'DELETE', DATABASE, ({ catalog }, database, request) =>
    resources.deleteDatabase(catalog, database, request),
  ),

  { ...databaseRoute('query-containers', 'POST', CONTAINERS, resources.queryContainers), when: isQuery },
  databaseRoute('create-container', 'POST', CONTAINERS, ({ catalog }, database, request) =>
    resources.createContainer(catalog, database, request),
  ),
  databaseRoute('list-containers', 'GET', CONTAINERS, ({ catalog }, database) =>
    resources.listContainers(catalog, database),
  ),
  containerRoute('read-container', 'GET', CONTAINER, (_, container, request) =>
    resources.readContainer(container, request),
  ),
  containerRoute('replace-container', 'PUT', CONTAINER, ({ catalog }, container, request) =>
    resources.replaceContainer(catalog, container, request),
  ),
  containerRoute('delete-container', 'DELETE', CONTAINER, ({ catalog }, container, request) =>
    resources.deleteContainer(catalog, container, request),
  ),
  containerRoute('list-ranges', 'GET', 'dbs/{id}/colls/{id}/pkranges', (_, container, request) =>
    resources.listRanges(container, request),
  ),

  { ...catalogRoute('query-offers', 'POST', 'offers', resources.queryOffers), when: isQuery },
  catalogRoute('list-offers', 'GET', 'offers', resources.listOffers),
  catalogRoute('read-offer', 'GET', OFFER, resources.readOffer),
  catalogRoute('replace-offer', 'PUT', OFFER, resources.replaceOffer),

  { ...containerRoute('plan-query', 'POST', ITEMS, items.planQuery), when: isPlan },
  { ...containerRoute('query-items', 'POST', ITEMS, items.queryItems), when: isQuery },
  { ...containerRoute('batch', 'POST', ITEMS, items.batch), when: isAtomic },
  { ...containerRoute('bulk', 'POST', ITEMS, items.bulk), when: isBatch },
  { ...containerRoute('upsert-item', 'POST', ITEMS, items.upsertItem), when: isUpsert },
  containerRoute('create-item', 'POST', ITEMS, items.createItem),
  { ...containerRoute('read-feed', 'GET', ITEMS, items.readChanges), when: isFeed },
  containerRoute('list-items', 'GET', ITEMS, items.listItems),
  containerRoute('read-item', 'GET', ITEM, items.readItem),
  containerRoute('replace-item', 'PUT', ITEM, items.replaceItem),
  containerRoute('patch-item', 'PATCH', ITEM, items.patchItem),
  containerRoute('delete-item', 'DELETE', ITEM, items.deleteItem),
]

/** Parts of the service that the emulator does not have. */
const UNSUPPORTED: Readonly<Record<string, string>> = {
  sprocs: 'stored procedures',
  triggers: 'triggers',
  udfs: 'user-defined functions',
  users: 'users',
  permissions: 'permissions',
  conflicts: 'conflicts',
  attachments: 'attachments',
  clientencryptionkeys: 'client encryption keys',
}

const BY_PATH = Map.groupBy(ROUTES, ({ path }) => path)

/**
 * Finds the route of a request.
 * @throws Failure 400 for a part of the service that the emulator does not have, 404 for an unknown path, 405
 * for another method.
 */
export function findRoute(target: Target): Route {
  const { path, type, method } = target
  const routes = BY_PATH.get(path)
  if (!routes) {
    const missing = Object.hasOwn(UNSUPPORTED, type) ? UNSUPPORTED[type] : undefined
    throw missing ? badRequest(`${missing} are not supported by the emulator`) : notFound(`the path ${path}`)
  }
  const route = routes.find((candidate) => candidate.method === method && (candidate.when?.(target) ?? true))
  if (!route) throw new Failure(405, 'MethodNotAllowed', `${method} is not allowed on this path`)
  return route
}

const REFUSED_HEADERS = ['x-ms-documentdb-pre-trigger-include', 'x-ms-documentdb-post-trigger-include']

/** Answers a request. @throws Failure */
export function answer(account: Account, route: Route, request: Request): Answered {
  for (const name of REFUSED_HEADERS)
    if (request.headers[name]) throw badRequest(`${name} is not supported by the emulator`)
  checkConsistency(request)
  return route.run(account, request)
}

function catalogRoute(
  operation: OperationName,
  method: string,
  path: string,
  run: (catalog: Account['catalog'], request: Request) => Answered,
): Route {
  return { operation, method, path, run: ({ catalog }, request) => run(catalog, request) }
}

function databaseRoute(
  operation: OperationName,
  method: string,
  path: string,
  run: (account: Account, database: Database, request: Request) => Answered,
): Route {
  return {
    operation,
    method,
    path,
    run: (account, request) => run(account, account.catalog.database(request.database ?? ''), request),
  }
}

function containerRoute(
  operation: OperationName,
  method: string,
  path: string,
  run: (account: Account, container: Container, request: Request) => Answered,
): Route {
  const find = ({ catalog }: Account, { database = '', container = '', headers }: Request): Container => {
    const found = catalog.container(catalog.database(database), container)
    const intended = headers['x-ms-cosmos-intended-collection-rid']
    // The client's container was deleted, and another one has its name now.
    if (intended !== undefined && intended !== found.rid)
      throw badRequest(`the container ${found.id} has the rid ${found.rid}, not ${intended}`, 1024)
    return found
  }
  return {
    operation,
    method,
    path,
    run: async (account, request) => {
      const found = find(account, request)
      try {
        const { headers, ...answer } = await run(account, found, request)
        return { ...answer, headers: { ...ownerHeaders(found), ...headers } }
      } catch (error) {
        // A session has seen the data that made a write fail: SDKs store the token of a 404, 409 or 412. From
        // memory: the service sends these headers, under which SDKs store the token, with such answers too.
        if (error instanceof Failure) error.headers = ownerHeaders(found)
        throw error
      }
    },
  }
}

/** The headers under which the SDKs store their session tokens. */
function ownerHeaders({ id, rid, database }: Container): Record<string, string> {
  return {
    'x-ms-content-path': rid,
    'x-ms-alt-content-path': `dbs/${encodeURIComponent(database.id)}/colls/${encodeURIComponent(id)}`,
  }
}
