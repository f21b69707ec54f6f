import { Agent, createServer, type IncomingHttpHeaders, request as send } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { classifyRequest } from './cosmos-request.ts'

/** A data action of Cosmos DB, and the database or container that it applies to. */
export interface DataAction {
  readonly action: string
  readonly what: string
}

/**
 * A proxy before the Cosmos DB emulator that enforces the service's own roles. It refuses a forbidden request
 * with 403, sub-status 5301, and does not forward it.
 * https://learn.microsoft.com/azure/cosmos-db/reference-data-plane-security
 */
export class RightsGuard {
  readonly connectionString: string
  /** The allowed actions, with their counts. */
  readonly allowed = new Map<string, number>()
  readonly refused: string[] = []
  readonly #close: () => Promise<void>

  private constructor(connectionString: string, close: () => Promise<void>) {
    this.connectionString = connectionString
    this.#close = close
  }

  /** @param connectionString of the emulator itself. */
  static async start(connectionString: string, allows: (dataAction: DataAction) => boolean): Promise<RightsGuard> {
    const address = new URL(/AccountEndpoint=([^;]+)/.exec(connectionString)?.[1] ?? 'http://none')
    const agent = new Agent({ keepAlive: true })
    let guard: RightsGuard | undefined
    const server = createServer(async (request, response) => {
      const body = await buffer(request).catch(() => Buffer.alloc(0))
      const dataActions = listDataActions(request.method ?? '', request.url ?? '', request.headers, body)
      const wrong = dataActions.filter((dataAction) => !allows(dataAction))
      for (const dataAction of dataActions) guard?.note(dataAction, wrong.length === 0)
      if (wrong.length > 0) {
        const permissions = wrong.map(text).join(', ')
        const message = `Request is blocked because principal does not have required RBAC permissions: ${permissions}`
        response.writeHead(403, { 'content-type': 'application/json', 'x-ms-substatus': '5301' })
        response.end(JSON.stringify({ code: 'Forbidden', message }))
        return
      }
      const { method, url: path, headers } = request
      const forwarded = send({ host: address.hostname, port: address.port, agent, method, path, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(response)
      })
      forwarded.on('error', () => response.destroy())
      forwarded.end(body)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo
    guard = new RightsGuard(
      connectionString.replace(/AccountEndpoint=[^;]+/, `AccountEndpoint=http://127.0.0.1:${port}/`),
      async () => {
        agent.destroy()
        server.closeAllConnections()
        await new Promise((resolve) => server.close(resolve))
      },
    )
    return guard
  }

  note(dataAction: DataAction, isAllowed: boolean): void {
    if (isAllowed) this.allowed.set(text(dataAction), (this.allowed.get(text(dataAction)) ?? 0) + 1)
    else this.refused.push(text(dataAction))
  }

  stop(): Promise<void> {
    return this.#close()
  }
}

const text = ({ action, what }: DataAction): string => `${action} ${what}`

const ITEMS = 'sqlDatabases/containers/items'

/**
 * The data actions of a request, by its method, path and headers, and of a batch by its operations. Reading
 * the account needs none.
 */
function listDataActions(
  method: string,
  url: string,
  headers: IncomingHttpHeaders,
  body: Buffer,
): readonly DataAction[] {
  const [, database, container, items] =
    /^\/dbs\/([^/?]+)(?:\/colls\/([^/?]+)(?:\/(docs)(?:\/[^/?]+)?|\/pkranges)?)?\/?(?:\?|$)/.exec(url) ?? []
  if (database === undefined) return url === '/' ? [] : [{ action: `${method} ${url}`, what: 'account' }]
  if (container === undefined)
    return [{ action: 'readMetadata', what: `database ${database}` }].map(asControlPlane(method))
  const what = `container ${database}/${container}`
  if (items === undefined) return [{ action: 'readMetadata', what }].map(asControlPlane(method))
  const kind = classifyRequest(method, url, (name) => headers[name])
  if (kind === 'feed') return [{ action: 'sqlDatabases/containers/readChangeFeed', what }]
  if (kind === 'query' || kind === 'query plan') return [{ action: 'sqlDatabases/containers/executeQuery', what }]
  if (kind === 'batch')
    return (JSON.parse(body.toString()) as { operationType: string }[]).map(({ operationType }) => ({
      action: `${ITEMS}/${operationType.toLowerCase()}`,
      what,
    }))
  return [{ action: `${ITEMS}/${kind ?? method}`, what }]
}

/** No role on data can create databases and containers. */
const asControlPlane =
  (method: string) =>
  (dataAction: DataAction): DataAction =>
    method === 'GET' ? dataAction : { ...dataAction, action: `${method} of the control plane` }
