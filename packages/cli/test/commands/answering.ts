import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { TestContext } from 'node:test'
import { listen } from '../../../kit/listen.ts'

/** Answers a request: returns JSON, or writes the response itself. */
export type Answering = (request: ReceivedRequest, response: ServerResponse) => object | undefined

export interface ReceivedRequest {
  readonly method: string
  /** With its query. */
  readonly path: string
  readonly url: URL
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/**
 * A fake server, for answers that the running system seldom gives.
 * @returns its address, and the requests it received.
 */
export async function answering(
  t: TestContext,
  answer: Answering,
): Promise<{ readonly address: string; readonly asked: readonly ReceivedRequest[]; stop(): void }> {
  const requests: ReceivedRequest[] = []
  const server = createServer(async (request, response) => {
    let body = ''
    for await (const chunk of request) body += chunk
    const { method = '', url: path = '', headers } = request
    const now: ReceivedRequest = { method, path, url: new URL(path, 'http://localhost'), headers, body }
    requests.push(now)
    const value = answer(now, response)
    if (value === undefined) return
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(value))
  })
  const port = await listen(server, 0, 'a test')
  const stop = (): void => {
    server.closeAllConnections()
    server.close()
  }
  t.after(stop)
  return { address: `http://127.0.0.1:${port}`, asked: requests, stop }
}

/** Problem details, as a service answers them. */
export function problem(response: ServerResponse, status: number, code: string, detail: string): undefined {
  response.writeHead(status, { 'content-type': 'application/problem+json' })
  response.end(JSON.stringify({ type: 'about:blank', status, code, detail }))
}
