import type { IncomingMessage } from 'node:http'
import { badRequest, tooLarge } from './failure.ts'

// A batch may hold 2 MB of items, and names and JSON around them.
const MAX_BODY_BYTES = 4 * 1024 * 1024

/** A request with its path taken apart: `/dbs/{d}/colls/{c}/docs/{i}`. */
export interface Request {
  readonly method: string
  readonly headers: NodeJS.Dict<string>
  readonly database: string | undefined
  readonly container: string | undefined
  readonly item: string | undefined
  /** What the path ends in: `''`, `dbs`, `colls`, `docs`, `pkranges`, `offers`. */
  readonly type: string
  /** Whether the path names one resource of that type, not the list of them. */
  readonly one: boolean
  /** What is signed: the path to the resource, or to the parent of a list. */
  readonly link: string
  readonly host: string
  readonly bytes: number
  readonly body: unknown
}

export async function readRequest(message: IncomingMessage): Promise<Request> {
  const path = (message.url ?? '/').split('?')[0] ?? '/'
  let segments: string[]
  try {
    segments = path
      .split('/')
      .filter((segment) => segment !== '')
      .map(decodeURIComponent)
  } catch {
    throw badRequest('the path is not well encoded')
  }
  const types = segments.filter((_, index) => index % 2 === 0)
  const ids = segments.filter((_, index) => index % 2 === 1)
  const type = types.at(-1) ?? ''
  const one = segments.length > 0 && segments.length % 2 === 0
  const bytes = await readBody(message)
  return {
    method: message.method ?? '',
    headers: message.headers as NodeJS.Dict<string>,
    database: types[0] === 'dbs' ? ids[0] : undefined,
    container: types[1] === 'colls' ? ids[1] : undefined,
    item: types[2] === 'docs' ? ids[2] : undefined,
    type,
    one,
    link: segments.slice(0, one ? segments.length : -1).join('/'),
    host: message.headers.host ?? '',
    bytes: bytes.length,
    body: bytes.length === 0 ? undefined : parse(bytes),
  }
}

/** Whether a header says true, as the SDKs write it: `true` or `True`. */
export function flag({ headers }: Request, name: string): boolean {
  return headers[name]?.toLowerCase() === 'true'
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
    message.on('error', reject)
    message.on('close', () => reject(badRequest('the request was cut off')))
  })
}

function parse(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch (error) {
    throw badRequest(`the body is not JSON: ${(error as Error).message}`)
  }
}
