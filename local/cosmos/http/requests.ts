import type { IncomingMessage } from 'node:http'
import { badRequest, notFound } from '../failure.ts'
import { checkJson, MAX_NESTING } from '../json.ts'
import type { Bodies } from './bodies.ts'

// A batch, or a patch, holds values of items within values of its own.
const MAX_BODY_NESTING = MAX_NESTING + 8
/** Where this endpoint has something; `''` is the account. */
const ROUTES = ['', 'offers', 'dbs', 'dbs/colls', 'dbs/colls/pkranges', 'dbs/colls/docs']

/** What is asked for, by the path: `/dbs/{d}/colls/{c}/docs/{i}`. */
export interface Target {
  readonly method: string
  readonly headers: NodeJS.Dict<string>
  readonly host: string
  /** The names of the path without the ids, such as `dbs/colls/docs`. */
  readonly route: string
  readonly database: string | undefined
  readonly container: string | undefined
  readonly item: string | undefined
  /** What the path ends in: `''`, `dbs`, `colls`, `docs`, `pkranges`, `offers`. */
  readonly type: string
  /** Whether the path names one resource of that type, not the list of them. */
  readonly one: boolean
  /** What is signed: the path to the resource, or to the parent of a list. */
  readonly link: string
}

export interface Request extends Target {
  readonly bytes: number
  readonly body: unknown
}

/** @throws Failure 400 or 404 */
export function readTarget(message: IncomingMessage): Target {
  const [path = ''] = (message.url ?? '').split('?')
  const segments = decode(path.split('/').filter((segment) => segment !== ''))
  const types = segments.filter((_, index) => index % 2 === 0)
  const [database, container, item] = segments.filter((_, index) => index % 2 === 1)
  const one = segments.length > 0 && segments.length % 2 === 0
  const route = types.join('/')
  if (!ROUTES.includes(route)) throw notFound(`the route ${path}`)
  return {
    method: message.method ?? '',
    headers: message.headers as NodeJS.Dict<string>,
    host: message.headers.host ?? '',
    route,
    database,
    container,
    item,
    type: types.at(-1) ?? '',
    one,
    link: segments.slice(0, one ? segments.length : -1).join('/'),
  }
}

/** @throws Failure as `Bodies.read` does, and 400 for one that is no JSON. */
export async function readRequest(message: IncomingMessage, target: Target, bodies: Bodies): Promise<Request> {
  const bytes = await bodies.read(message)
  return { ...target, bytes: bytes.length, body: bytes.length === 0 ? undefined : parse(bytes) }
}

/** Whether a header says true, as the SDKs write it: `true` or `True`. */
export function flag({ headers }: Target, name: string): boolean {
  return headers[name]?.toLowerCase() === 'true'
}

export function isQuery(target: Target): boolean {
  return flag(target, 'x-ms-documentdb-isquery') || target.headers['content-type'] === 'application/query+json'
}

function decode(segments: readonly string[]): string[] {
  try {
    return segments.map((segment) => decodeURIComponent(segment))
  } catch {
    throw badRequest('the path is not well encoded')
  }
}

function parse(bytes: Buffer): unknown {
  let body: unknown
  try {
    body = JSON.parse(bytes.toString('utf8'))
  } catch (error) {
    throw badRequest(`the body is not JSON: ${(error as Error).message}`)
  }
  checkJson(body, MAX_BODY_NESTING)
  return body
}
