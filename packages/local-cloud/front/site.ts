import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { extname, join, relative, sep } from 'node:path'
import { StartError } from '../../kit/errors.ts'

/** Files of a page, by URL path. */
export type Site = ReadonlyMap<string, SiteFile>

interface SiteFile {
  readonly body: Buffer
  readonly type: string
  readonly etag: string
  /** Whether the file's name changes with its content. */
  readonly immutable: boolean
}

const TYPES: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.json': 'application/json',
  '.svg': 'image/svg+xml',
}

/** Reads the folder that `npm run build` creates. @throws StartError if it is missing. */
export function readSite(folder: string): Site {
  let names: string[]
  try {
    names = readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name))
  } catch (error) {
    throw new StartError(`${folder} cannot be read (${(error as Error).message}): run npm run build`)
  }
  const files = names.flatMap((name): [string, SiteFile][] => {
    const type = TYPES[extname(name)]
    if (type === undefined) return []
    const path = `/${relative(folder, name).split(sep).join('/')}`
    return [[path, siteFile(readFileSync(name), type, path.startsWith('/assets/'))]]
  })
  const site = new Map(files)
  const index = site.get('/index.html')
  if (index === undefined) throw new StartError(`${folder} has no index.html: run npm run build`)
  return site.set('/', index)
}

/**
 * Adds the list of services for the console: they are behind the console's own address.
 * @param openapi the path of an app's document; by default, that of the merged document.
 */
export function withServices(
  site: Site,
  apps: readonly string[],
  openapi: (app: string) => string = () => '/api/openapi.json',
): Site {
  const services = apps.map((name) => ({ name, api: `/api/${name}`, openapi: openapi(name) }))
  const body = Buffer.from(JSON.stringify({ services }))
  return new Map(site).set('/console.json', siteFile(body, 'application/json', false))
}

function siteFile(body: Buffer, type: string, immutable: boolean): SiteFile {
  return { body, type, immutable, etag: `"${createHash('sha256').update(body).digest('base64url')}"` }
}

/** Answers GET and HEAD. @returns whether the site has the path. */
export function answerFile(site: Site, incoming: IncomingMessage, outgoing: ServerResponse): boolean {
  const { method, url = '', headers } = incoming
  const file = method === 'GET' || method === 'HEAD' ? site.get(url.replace(/[?#].*$/, '')) : undefined
  if (file === undefined) return false
  const { body, type, etag, immutable } = file
  const cacheHeaders = { etag, 'cache-control': immutable ? 'public, max-age=31536000, immutable' : 'no-cache' }
  if (headers['if-none-match'] === etag) outgoing.writeHead(304, cacheHeaders).end()
  else {
    outgoing.writeHead(200, { ...cacheHeaders, 'content-type': type, 'content-length': body.length })
    outgoing.end(method === 'HEAD' ? undefined : body)
  }
  return true
}
