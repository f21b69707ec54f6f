import { signRequest } from '../../packages/cosmos/test/support.ts'
import { EMULATOR_KEY } from '../../packages/test-support/cosmos.ts'
import type { RawRequest } from './raw-client.ts'

const DOCS = 'dbs/d/colls/c/docs'
export const BODY_BYTES = 600
export const BATCH = 10

/** The headers that @azure/cosmos 4.10.1 sends with every request. */
const SDK_HEADERS = {
  host: '127.0.0.1:8081',
  connection: 'keep-alive',
  accept: 'application/json',
  'cache-control': 'no-cache',
  'user-agent': 'azsdk-js-cosmos/4.10.1 Node/24 (linux; x64)',
  'x-ms-version': '2020-07-15',
  'x-ms-cosmos-sdk-supportedcapabilities': '0',
  'x-ms-documentdb-responsecontinuationtokenlimitinkb': '1',
  'x-ms-activity-id': '0b7d3a66-9a4e-4a3f-93d3-5c2d8f9a1e10',
  'content-type': 'application/json',
}

const signatures = new Map<string, Record<string, string>>()

function buildRequest(
  method: string,
  path: string,
  { headers, body = '' }: { readonly headers: Record<string, string>; readonly body?: string },
  status: number,
): RawRequest {
  const known = `${method} ${path}`
  // A signature depends on the address. Those of reads are computed once per item.
  const signature = signatures.get(known) ?? signRequest(EMULATOR_KEY, method, path)
  signatures.set(known, signature)
  const all = { ...SDK_HEADERS, ...signature, ...headers, 'content-length': String(Buffer.byteLength(body)) }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return { bytes: `${method} /${path} HTTP/1.1\r\n${lines.join('')}\r\n${body}`, status }
}

/** The partition keys of the load: 500 streams. */
const buildKey = (n: number): string => `stream-${n % 500}`
const keyHeader = (n: number): Record<string, string> => ({ 'x-ms-documentdb-partitionkey': `["${buildKey(n)}"]` })

function buildItem(n: number, pk: string, id: string): object {
  const item = {
    id,
    pk,
    type: 'order-placed',
    version: n,
    time: '2026-11-25T10:00:00.000Z',
    lines: [1, 2, 3],
    data: '',
  }
  return { ...item, data: 'x'.repeat(BODY_BYTES - JSON.stringify(item).length) }
}

export function create(n: number): RawRequest {
  const body = JSON.stringify(buildItem(n, buildKey(n), String(n)))
  return buildRequest('POST', DOCS, { headers: keyHeader(n), body }, 201)
}

export const read = (n: number): RawRequest => buildRequest('GET', `${DOCS}/${n}`, { headers: keyHeader(n) }, 200)

/** @param status the expected status, which is 201 for the floor. */
export function batch(n: number, status: number): RawRequest {
  const operations = Array.from({ length: BATCH }, (_, index) => ({
    operationType: 'Create',
    partitionKey: `["${buildKey(n)}"]`,
    resourceBody: buildItem(n, buildKey(n), `${n}-${index}`),
  }))
  const headers = {
    ...keyHeader(n),
    'x-ms-cosmos-is-batch-request': 'true',
    'x-ms-cosmos-batch-atomic': 'true',
  }
  return buildRequest('POST', DOCS, { headers, body: JSON.stringify(operations) }, status)
}

export const FEED_PAGE = 100

export function feedPage(after: number): RawRequest {
  const headers = {
    'a-im': 'Incremental Feed',
    'if-none-match': `"${after}"`,
    'x-ms-max-item-count': String(FEED_PAGE),
    'x-ms-documentdb-partitionkeyrangeid': '0',
  }
  return buildRequest('GET', DOCS, { headers }, 200)
}
