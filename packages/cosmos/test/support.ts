import assert from 'node:assert/strict'
import { createHmac, randomUUID } from 'node:crypto'
import { request } from 'node:http'
import type { TestContext } from 'node:test'
import { type Container, type ContainerRequest, CosmosClient, type Database } from '@azure/cosmos'
import { WAIT_MS } from '../../test-support/wait.ts'

/** The server that the suite runs against. */
export interface CosmosTarget {
  readonly endpoint: string
  readonly key: string
  /** Kills it, and starts it again at the same address with the same data. */
  kill?(): Promise<void>
  /** Stops it in an orderly way, and starts it again at the same address with the same data. */
  restart?(): Promise<void>
  stop(): Promise<void>
}

/** A client that reports errors instead of retrying. */
export function createClient(t: TestContext, { endpoint, key }: Pick<CosmosTarget, 'endpoint' | 'key'>): CosmosClient {
  const client = new CosmosClient({
    endpoint,
    key,
    connectionPolicy: {
      enableEndpointDiscovery: false,
      requestTimeout: WAIT_MS,
      retryOptions: { maxRetryAttemptCount: 0 },
    },
  })
  t.after(() => client.dispose())
  return client
}

export async function newDatabase(t: TestContext, target: CosmosTarget): Promise<Database> {
  const { database } = await createClient(t, target).databases.create({ id: randomUUID() })
  return database
}

export async function newContainer(
  t: TestContext,
  target: CosmosTarget,
  settings: ContainerRequest = {},
): Promise<Container> {
  const database = await newDatabase(t, target)
  return (await database.containers.create({ id: 'c', partitionKey: '/pk', ...settings })).container
}

/** The path of a container's items, for requests without the SDK. */
export const buildItemsPath = (container: Container): string =>
  `dbs/${container.database.id}/colls/${container.id}/docs`

export interface RawAnswer {
  readonly status: number
  readonly headers: NodeJS.Dict<string | string[]>
  readonly text: string
}

interface RawOptions {
  /** With `authorization` among them, the request is sent without a signature of its own. */
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Buffer | undefined
}

/** A signed request that no SDK would send. */
export function sendRaw(
  { endpoint, key }: CosmosTarget,
  method: string,
  path: string,
  { headers = {}, body }: RawOptions = {},
): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const sent = request(new URL(`/${path}`, endpoint), {
      method,
      headers: headers.authorization === undefined ? { ...signRequest(key, method, path), ...headers } : headers,
      agent: false,
    })
    sent.on('error', reject)
    sent.on('response', (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (chunk: string) => {
        text += chunk
      })
      response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }))
    })
    sent.end(body)
  })
}

/**
 * https://learn.microsoft.com/rest/api/cosmos-db/access-control-on-cosmosdb-resources
 * @param byRid signs as clients with rids do: only the last rid, in lower case.
 */
export function signRequest(key: string, method: string, path: string, byRid = false): Record<string, string> {
  const segments = path
    .split('/')
    .filter((segment) => segment !== '')
    .map(decodeURIComponent)
  const one = segments.length % 2 === 0
  const [type = '', link] = one
    ? [segments.at(-2), segments.join('/')]
    : [segments.at(-1), segments.slice(0, -1).join('/')]
  const date = new Date().toUTCString().toLowerCase()
  const signedLink = byRid ? link.split('/').at(-1)?.toLowerCase() : link
  const text = `${method.toLowerCase()}\n${type}\n${signedLink}\n${date}\n\n`
  const signature = createHmac('sha256', Buffer.from(key, 'base64')).update(text).digest('base64')
  return { authorization: encodeURIComponent(`type=master&ver=1.0&sig=${signature}`), 'x-ms-date': date }
}

/** Captures the error of a refused promise, as the SDK reports it. */
export async function captureRefusal(promise: Promise<unknown>): Promise<{ code: unknown; message: string }> {
  try {
    await promise
  } catch (error) {
    const { code, message } = error as { code?: unknown; message: string }
    return { code, message }
  }
  throw new Error('it was not refused')
}

/** Asserts the status, and the form of the service's errors. */
export function assertRefused({ status, text }: RawAnswer, expected: number, message?: RegExp): void {
  assert.equal(status, expected, text)
  const body = JSON.parse(text)
  assert.deepEqual(Object.keys(body), ['code', 'message'])
  if (message) assert.match(body.message, message)
}
