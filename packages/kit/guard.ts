import type { IncomingMessage, ServerResponse } from 'node:http'
import { LOOPBACK_HOST } from './listen.ts'
import { showsToken } from './local-token.ts'

/**
 * Security headers of every answer of the front. The console only needs its own address, and runs no inline
 * scripts.
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

export function setSecurityHeaders(outgoing: ServerResponse): void {
  for (const [name, value] of Object.entries(SECURITY_HEADERS)) outgoing.setHeader(name, value)
}

/** The reason for refusing a request. */
export interface Refusal {
  readonly status: number
  readonly code: string
  readonly detail: string
}

/**
 * Refuses requests from web pages of others. Loopback does not keep them out, because their scripts run in a
 * browser on this machine. Such a request has the page's own host name (DNS rebinding), or its origin in
 * `Origin`.
 */
export function checkOrigin({ headers }: IncomingMessage): Refusal | undefined {
  // Every browser sends Host, so a request without it does not come from one.
  const { host, origin } = headers
  if (host === undefined) return undefined
  if (!LOOPBACK_HOST.test(host))
    return {
      status: 403,
      code: 'foreign-host',
      detail: `this address only serves localhost and 127.0.0.1, not ${host}`,
    }
  if (origin !== undefined && origin.toLowerCase() !== `http://${host.toLowerCase()}`)
    return { status: 403, code: 'foreign-origin', detail: `a page of ${origin} may not call http://${host}` }
  return undefined
}

/**
 * Refuses requests of other users of this machine.
 * @param token the token of the user who started the process; undefined: all users are allowed.
 */
export function checkToken(incoming: IncomingMessage, token: string | undefined): Refusal | undefined {
  if (token === undefined || showsToken(incoming, token)) return undefined
  const detail = 'send the token of the user who started this process, as Authorization: Bearer'
  return { status: 401, code: 'token-required', detail }
}

/** Answers with problem details (RFC 9457). */
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
