import { notFound } from './failure.ts'
import { type Answer, listOf, notAllowed } from './http/answers.ts'
import type { Request } from './http/requests.ts'
import { type Account, allItems, oneItem } from './items/item-routes.ts'
import { accountDocument } from './resources/account.ts'
import { containers, databases, ranges } from './resources/catalog-routes.ts'

/** The map of the API: which request does what. https://learn.microsoft.com/rest/api/cosmos-db/ */
export async function answer(account: Account, request: Request): Promise<Answer> {
  const { catalog } = account
  switch (request.route) {
    case '':
      return request.method === 'GET' ? { status: 200, body: accountDocument(request.host) } : notAllowed(request)
    case 'offers':
      return listOf('Offers', [], '')
    case 'dbs':
      return databases(catalog, request)
  }
  const database = catalog.database(request.database ?? '')
  if (request.route === 'dbs/colls') return containers(catalog, database, request)
  const container = catalog.container(database, request.container ?? '')
  switch (request.route) {
    case 'dbs/colls/pkranges':
      return ranges(container, request)
    case 'dbs/colls/docs':
      return request.one ? oneItem(account, container, request) : allItems(account, container, request)
    default:
      throw notFound(`the route ${request.route}`)
  }
}
