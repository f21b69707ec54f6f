import { isUtf8 } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import { badRequest } from '../api/failure.ts'
import { isHybridRow } from '../hybridrow/records.ts'
import { checkJson, MAX_NESTING } from '../values/json.ts'
import type { Bodies } from './bodies.ts'

// A batch or a patch has values of items within values of its own.
const MAX_BODY_NESTING = MAX_NESTING + 8

/** The target of a request, by its path: `/dbs/{d}/colls/{c}/docs/{i}`. */
export interface Target {
  readonly method: string
  readonly headers: NodeJS.Dict<string>
  readonly host: string
  /** With `{id}` in place of ids and rids, such as `dbs/{id}/colls/{id}/docs`. */
  readonly path: string
  /** The ids or rids of the path. */
  readonly database: string | undefined
  readonly container: string | undefined
  readonly item: string | undefined
  readonly offer: string | undefined
  /** The last kind of resource in the path: `''`, `dbs`, `colls`, `docs`, `pkranges`, `offers`. */
  readonly type: string
  /** The link that is signed: the path to the resource, or to the parent of a list. */
  readonly link: string
}

export interface Request extends Target {
  readonly bytes: number
  /** The parsed JSON; the bytes of a batch of the .NET SDK; undefined without a body. */
  readonly body: unknown
}

/** @throws Failure 400 */
export function readTarget(message: IncomingMessage): Target {
  const url = message.url ?? ''
  // https://www.rfc-editor.org/rfc/rfc9112#name-absolute-form
  const segments = parseSegments(url.startsWith('/') ? url : url.replace(/^https?:\/\/[^/?]*/i, ''))
  const one = segments.length % 2 === 0
  const [first, second] = segments
  return {
    method: message.method ?? '',
    headers: message.headers as NodeJS.Dict<string>,
    host: message.headers.host ?? '',
    path: segments.map((segment, index) => (index % 2 === 0 ? segment : '{id}')).join('/'),
    database: first === 'dbs' ? second : undefined,
    container: segments[3],
    item: segments[5],
    offer: first === 'offers' ? second : undefined,
    type: segments.at(one ? -2 : -1) ?? '',
    link: segments.slice(0, one ? segments.length : -1).join('/'),
  }
}

/** @throws Failure as `Bodies.read` does, and 400 for a body that is not JSON. */
export async function readRequest(message: IncomingMessage, target: Target, bodies: Bodies): Promise<Request> {
  const bytes = await bodies.read(message)
  return { ...target, bytes: bytes.length, body: parseBody(bytes, target) }
}

/** Whether a header says true, as the SDKs write it: `true` or `True`. */
export function hasFlag({ headers }: Target, name: string): boolean {
  return headers[name]?.toLowerCase() === 'true'
}

export function isQuery(target: Target): boolean {
  return hasFlag(target, 'x-ms-documentdb-isquery') || target.headers['content-type'] === 'application/query+json'
}

function parseSegments(url: string): string[] {
  const query = url.indexOf('?')
  const segments = (query < 0 ? url : url.slice(0, query)).split('/').filter((segment) => segment !== '')
  if (!url.includes('%')) return segments
  try {
    return segments.map(decodeURIComponent)
  } catch {
    throw badRequest('the path cannot be decoded')
  }
}

export const isBatch = (target: Target): boolean => hasFlag(target, 'x-ms-cosmos-is-batch-request')

function parseBody(bytes: Buffer, target: Target): unknown {
  if (bytes.length === 0) return undefined
  return isBatch(target) && isHybridRow(bytes) ? bytes : parseJson(bytes)
}

/** @throws Failure 400 */
export function parseJson(bytes: Buffer): unknown {
  // A decoder would replace invalid bytes.
  if (!isUtf8(bytes)) throw badRequest('the body is not UTF-8')
  let body: unknown
  try {
    body = JSON.parse(bytes.toString('utf8'))
  } catch (error) {
    throw badRequest(`the body is not JSON: ${(error as Error).message}`)
  }
  checkJson(body, MAX_BODY_NESTING)
  return body
}
