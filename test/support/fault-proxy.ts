import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { buffer } from 'node:stream/consumers'
import { LOOPBACK, listen } from '../../packages/kit/listen.ts'

/** A request to the store, before it is forwarded. */
export interface StoreRequest {
  readonly method: string
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly body: string
}

/**
 * What happens to a request:
 * - `lost`: the connection ends before the store receives it.
 * - `unanswered`: the store executes it, and the connection ends instead of an answer.
 * - `stalled`: the store executes it, and the client waits for the answer until its timeout.
 * - a status: the store does not receive it, and this is the answer.
 * - a function: it runs first, then the request is forwarded.
 */
export type Fault = 'lost' | 'unanswered' | 'stalled' | 403 | 429 | 503 | 408 | 449 | (() => Promise<unknown>)

/** A fault for a number of matching requests. */
interface Plan {
  readonly fault: Fault
  readonly fits: (request: StoreRequest) => boolean
  left: number
}

/** A proxy before the Cosmos DB emulator. It forwards all requests, except those with a planned fault. */
export class FaultProxy {
  readonly #target: URL
  readonly #agent = new Agent({ keepAlive: true })
  readonly #plans: Plan[] = []
  #server = createServer()
  #port = 0
  /** The number of forwarded requests. */
  passed = 0

  private constructor(target: string) {
    this.#target = new URL(target)
  }

  /** @param target such as `http://127.0.0.1:8081`. */
  static async start(target: string): Promise<FaultProxy> {
    const proxy = new FaultProxy(target)
    await proxy.up()
    return proxy
  }

  get address(): string {
    return `http://${LOOPBACK}:${this.#port}`
  }

  /** Listens; after `down`, at the same address again. */
  async up(): Promise<void> {
    this.#server = createServer((incoming, response) => {
      response.on('error', () => response.destroy())
      this.#serve(incoming, response).catch(() => response.destroy())
    })
    this.#port = await listen(this.#server, this.#port, 'a test')
  }

  /** Ends every connection, and refuses new ones. */
  async down(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve))
    this.#server.closeAllConnections()
    await closed
  }

  async stop(): Promise<void> {
    await this.down()
    this.#agent.destroy()
  }

  /**
   * Plans a fault for the next matching requests. Plans are tried in order.
   * @returns how many faults are left, and a function that cancels the rest.
   */
  plan(fault: Fault, fits: (request: StoreRequest) => boolean, times = 1): { left(): number; cancel(): void } {
    const plan: Plan = { fault, fits, left: times }
    this.#plans.push(plan)
    return {
      left: () => plan.left,
      cancel() {
        plan.left = 0
      },
    }
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await buffer(incoming)
    const { method = '', url: path = '', headers } = incoming
    const seen: StoreRequest = { method, path, headers, body: body.toString('utf8') }
    const plan = this.#plans.find(({ left, fits }) => left > 0 && fits(seen))
    if (plan) plan.left -= 1
    const fault = plan?.fault
    if (fault === 'lost') return void response.destroy()
    if (typeof fault === 'number') return refuse(response, fault)
    if (typeof fault === 'function') await fault()
    this.passed += 1
    const answer = await this.#pass(seen, body)
    if (fault === 'unanswered') return void response.destroy()
    if (fault === 'stalled') return
    response.writeHead(answer.status, answer.headers).end(answer.body)
  }

  /**
   * The Host header stays unchanged, because the account's document advertises the address that the client knows.
   */
  #pass(
    seen: StoreRequest,
    body: Buffer,
  ): Promise<{ status: number; headers: IncomingMessage['headers']; body: Buffer }> {
    return new Promise((resolve, reject) => {
      const { hostname, port } = this.#target
      const outgoing = request({
        hostname,
        port,
        agent: this.#agent,
        method: seen.method,
        path: seen.path,
        headers: seen.headers,
      })
      outgoing.on('error', reject)
      outgoing.on('response', (incoming) => {
        const { connection: _, 'keep-alive': __, 'transfer-encoding': ___, ...headers } = incoming.headers
        buffer(incoming).then(
          (answer) => resolve({ status: incoming.statusCode ?? 502, headers, body: answer }),
          reject,
        )
      })
      outgoing.end(body)
    })
  }
}

/**
 * Refuses as the service does, with a retry after a millisecond.
 * https://learn.microsoft.com/rest/api/cosmos-db/http-status-codes-for-cosmosdb
 */
function refuse(response: ServerResponse, status: number): void {
  response
    .writeHead(status, { 'content-type': 'application/json', 'x-ms-retry-after-ms': '1' })
    .end(JSON.stringify({ code: String(status), message: 'planned by a test' }))
}

/** Matches an append to the log: the batch with this text, such as a command's key. */
export function appendWith(text: string): (request: StoreRequest) => boolean {
  return ({ headers, body }) => headers['x-ms-cosmos-is-batch-request'] !== undefined && body.includes(text)
}

/** Matches a read of one item, by a text of its id or partition key. */
export function matchRead(text: string): (request: StoreRequest) => boolean {
  return ({ method, path, headers }) =>
    method === 'GET' && `${decodeURIComponent(path)} ${headers['x-ms-documentdb-partitionkey']}`.includes(text)
}
