import type { IncomingMessage, ServerResponse } from 'node:http'
import { showsToken } from './local-token.ts'

/**
 * What every answer of the front says to a browser. The console needs nothing but its own address, and runs
 * nothing that is written in a page.
 * https://www.w3.org/TR/CSP3/
 */
const SECURITY_HEADERS = {
  'content-security-policy': [
    "default-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "object-src 'none'",
  ].join('; '),
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
}

const LOOPBACK_HOST = /^(127\.0\.0\.1|localhost|\[::1\])(:\d+)?$/i

export function setSecurityHeaders(outgoing: ServerResponse): void {
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) outgoing.setHeader(name, value)
}

/** Why a request is not served. */
export interface Refusal {
  readonly status: number
  readonly code: string
  readonly detail: string
}

/**
 * Loopback alone does not keep out a page of somebody else: its script runs in a browser on this machine.
 * Such a page either names its own host, which DNS leads here (rebinding), or says by `Origin` whose it is.
 */
export function checkOrigin({ headers }: IncomingMessage): Refusal | undefined {
  // Every browser says both; who says no host is none.
  const { host, origin } = headers
  if (host === undefined) return undefined
  if (!LOOPBACK_HOST.test(host))
    return {
      status: 403,
      code: 'foreign-host',
      detail: `this address serves localhost and 127.0.0.1 alone, not ${host}`,
    }
  if (origin !== undefined && origin.toLowerCase() !== `http://${host.toLowerCase()}`)
    return { status: 403, code: 'foreign-origin', detail: `a page of ${origin} may not call http://${host}` }
  return undefined
}

/**
 * Why a request of another user of this machine is not served.
 * @param token that of its owner; undefined: all of its users are let in.
 */
export function checkToken(incoming: IncomingMessage, token: string | undefined): Refusal | undefined {
  if (token === undefined || showsToken(incoming, token)) return undefined
  const detail = 'send the token of whoever started this, as Authorization: Bearer'
  return { status: 401, code: 'token-required', detail }
}

/** RFC 9457. */
export function refuse(incoming: IncomingMessage, outgoing: ServerResponse, { status, code, detail }: Refusal): void {
  incoming.unpipe().resume()
  const type = `urn:tidemark:problem:${code}`
  const text = JSON.stringify({ type, title: code.replaceAll('-', ' '), status, code, detail })
  // https://www.rfc-editor.org/rfc/rfc6750#section-3
  if (status === 401) outgoing.setHeader('www-authenticate', 'Bearer')
  outgoing
    .writeHead(status, { 'content-type': 'application/problem+json', 'content-length': Buffer.byteLength(text) })
    .end(text)
}
