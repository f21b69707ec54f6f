import type { IncomingMessage } from 'node:http'
import { LOOPBACK_HOST } from '../listen.ts'
import { Problem } from './control-problem.ts'

const MAX_BODY_BYTES = 64 * 1024

/** A parsed request. */
export interface ControlRequest {
  readonly method: string
  /** The path's segments, decoded. */
  readonly segments: readonly string[]
  /** Undefined: no body. */
  readonly body: unknown
}

/**
 * Refuses requests that a web page could make a browser send. They have a host name that the page pointed
 * here (DNS rebinding), or the page's own origin.
 * @throws Problem 403
 */
export function checkSender({ headers }: IncomingMessage): void {
  if (!LOOPBACK_HOST.test(headers.host ?? ''))
    throw new Problem(403, 'the Host header must be localhost, 127.0.0.1 or [::1]')
  if (headers.origin !== undefined)
    throw new Problem(403, 'requests of web pages are refused: there is an Origin header')
}

/** @throws Problem 400, 413, 415 */
export async function readRequest(message: IncomingMessage): Promise<ControlRequest> {
  const [path = ''] = (message.url ?? '').split('?')
  return {
    method: message.method === 'HEAD' ? 'GET' : (message.method ?? ''),
    segments: decode(path),
    body: await readBody(message),
  }
}

function decode(path: string): readonly string[] {
  try {
    return path.split('/').slice(1).map(decodeURIComponent)
  } catch {
    throw new Problem(400, 'the path is not well encoded')
  }
}

async function readBody(message: IncomingMessage): Promise<unknown> {
  const bytes = await collect(message)
  if (bytes.length === 0) return undefined
  const { 'content-type': type = '', 'content-encoding': coding } = message.headers
  if (type.split(';')[0]?.trim().toLowerCase() !== 'application/json' || coding !== undefined)
    throw new Problem(415, 'a body must be application/json, without a content coding')
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (error) {
    // The parser's message quotes the body, including line ends.
    throw new Problem(400, `the body is not JSON: ${(error as Error).message.replace(/\s+/g, ' ')}`)
  }
}

/**
 * Reads a body. A body that is too large is read to its end and discarded, because a client that still writes
 * does not read the answer.
 */
async function collect(message: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  try {
    for await (const chunk of message as AsyncIterable<Buffer>) {
      size += chunk.length
      if (size <= MAX_BODY_BYTES) chunks.push(chunk)
      else chunks.length = 0
    }
  } catch {
    throw new Problem(400, 'the request was cut off')
  }
  if (size > MAX_BODY_BYTES) throw new Problem(413, `a body has at most ${MAX_BODY_BYTES} bytes`)
  return Buffer.concat(chunks)
}
