import type { IncomingMessage } from 'node:http'
import { badRequest, tooLarge } from '../failure.ts'
import { checkJson, MAX_NESTING } from '../json.ts'

// A batch may hold 2 MB of items, and names and JSON around them.
const MAX_BODY_BYTES = 4 * 1024 * 1024
// A batch, or a patch, holds values of items within values of its own.
const MAX_BODY_NESTING = MAX_NESTING + 8
/** What is asked for, by the path: `/dbs/{d}/colls/{c}/docs/{i}`. */
export interface Target {
  readonly method: string
  readonly headers: NodeJS.Dict<string>
  readonly host: string
  /** With `{id}` for ids and rids, such as `dbs/{id}/colls/{id}/docs`. */
  readonly path: string
  /** The ids of the path, or rids. */
  readonly database: string | undefined
  readonly container: string | undefined
  readonly item: string | undefined
  readonly offer: string | undefined
  /** What the path ends in: `''`, `dbs`, `colls`, `docs`, `pkranges`, `offers`. */
  readonly type: string
  /** What is signed: the path to the resource, or to the parent of a list. */
  readonly link: string
}

export interface Request extends Target {
  readonly bytes: number
  readonly body: unknown
}

/** @throws Failure 400 */
export function readTarget(message: IncomingMessage): Target {
  const [address = ''] = (message.url ?? '').split('?')
  const segments = decode(address.split('/').filter((segment) => segment !== ''))
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

/**
 * Reads the body. One that is too large is read to its end all the same, and forgotten: a client that still writes does not see the
 * answer.
 * @throws Failure 400 or 413
 */
export async function readRequest(message: IncomingMessage, target: Target): Promise<Request> {
  const bytes = await readBody(message)
  return { ...target, bytes: bytes.length, body: bytes.length === 0 ? undefined : parse(bytes) }
}

/** Reads what is left of a body that nobody wants, so that a client that still writes sees the answer. */
export async function drain(message: IncomingMessage): Promise<void> {
  if (message.complete || message.destroyed) return
  await new Promise<void>((resolve) => {
    message.on('end', resolve).on('close', resolve).on('error', resolve).resume()
  })
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

function readBody(message: IncomingMessage): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    let size = 0
    message.on('data', (chunk: Buffer) => {
      size += chunk.length
      if (size <= MAX_BODY_BYTES) chunks.push(chunk)
      else chunks.length = 0
    })
    message.on('end', () => {
      if (size > MAX_BODY_BYTES) reject(tooLarge(`a request has at most ${MAX_BODY_BYTES} bytes`))
      else resolve(Buffer.concat(chunks))
    })
    const cutOff = (): void => reject(badRequest('the request was cut off'))
    message.on('error', cutOff)
    message.on('close', cutOff)
  })
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
