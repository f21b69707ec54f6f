import type { IncomingMessage, ServerResponse } from 'node:http'
import type { CookieData, HttpRequestData, HttpResponseData, NullableMap, TypedData } from './protocol.ts'

/** Builds a request as the host passes it to the worker. */
export function requestData(
  request: IncomingMessage,
  url: URL,
  params: Readonly<Record<string, string>>,
  body: Uint8Array,
): HttpRequestData {
  // Repeated headers and parameters are joined by a comma:
  // https://github.com/Azure/azure-functions-nodejs-library/issues/168
  const headers: Record<string, string> = {}
  for (const [name, values] of Object.entries(request.headersDistinct)) if (values) headers[name] = values.join(',')
  const query: Record<string, string> = {}
  for (const [name, value] of url.searchParams)
    query[name] = Object.hasOwn(query, name) ? `${query[name]},${value}` : value
  return {
    url: url.href,
    method: request.method ?? 'GET',
    nullableHeaders: nullable(headers),
    nullableQuery: nullable(query),
    nullableParams: nullable(params),
    ...(body.byteLength > 0 ? { body: { bytes: body } } : {}),
  }
}

function nullable(map: Readonly<Record<string, string>>): NullableMap {
  return Object.fromEntries(Object.entries(map).map(([name, value]) => [name, { value }]))
}

// Headers of the connection between the host and its client, which a function must not set.
const CONNECTION_HEADERS = new Set(['connection', 'content-length', 'keep-alive', 'transfer-encoding', 'upgrade'])

/** Sends what a function returned; 204 if it returned nothing. */
export function sendResponse(response: ServerResponse, returned: TypedData | null | undefined): void {
  const data = returned?.http as HttpResponseData | undefined
  if (!data) {
    response.writeHead(204).end()
    return
  }
  for (const [name, value] of Object.entries(data.headers ?? {}))
    if (!CONNECTION_HEADERS.has(name.toLowerCase())) response.setHeader(name, value)
  if (data.cookies && data.cookies.length > 0) {
    const single = response.getHeader('set-cookie')
    response.setHeader('set-cookie', [
      ...(single === undefined ? [] : [String(single)]),
      ...data.cookies.map(setCookie),
    ])
  }
  const body = toBytes(data.body)
  const status = Number(data.statusCode ?? 200)
  if (status !== 204 && status !== 304) response.setHeader('content-length', body.byteLength)
  // For a HEAD request, node:http sends only the length.
  response.writeHead(status).end(body)
}

function toBytes(body: TypedData | null | undefined): Uint8Array {
  if (body?.bytes) return body.bytes
  return Buffer.from(body?.string ?? body?.json ?? '')
}

const SAME_SITE = { none: undefined, lax: 'Lax', strict: 'Strict', explicitNone: 'None' } as const

/** https://www.rfc-editor.org/rfc/rfc6265#section-4.1 */
function setCookie(cookie: CookieData): string {
  const sameSite = SAME_SITE[cookie.sameSite ?? 'none']
  const parts = [`${encodeURIComponent(cookie.name)}=${encodeURIComponent(cookie.value)}`]
  if (cookie.maxAge) parts.push(`Max-Age=${Math.floor(cookie.maxAge.value)}`)
  if (cookie.domain) parts.push(`Domain=${cookie.domain.value}`)
  if (cookie.path) parts.push(`Path=${cookie.path.value}`)
  if (cookie.expires) parts.push(`Expires=${new Date(cookie.expires.value.seconds * 1000).toUTCString()}`)
  if (cookie.secure?.value) parts.push('Secure')
  if (cookie.httpOnly?.value) parts.push('HttpOnly')
  if (sameSite) parts.push(`SameSite=${sameSite}`)
  return parts.join('; ')
}
