import { randomUUID } from 'node:crypto'
import { Agent, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { placeBody } from '../../test/support/orders.ts'

export interface Placed {
  readonly id: string
  /** The position that a query names to see the order. */
  readonly position: string
}

const TIMEOUT_MS = 30_000
const BODY = Buffer.from(JSON.stringify(placeBody))

/** The same client for every contender: node:http with persistent connections and little overhead. */
export class OrderClient {
  readonly #base: string
  readonly #signal: AbortSignal
  readonly #agent = new Agent({ keepAlive: true })

  /** @param signal ends running requests when the benchmark is interrupted. */
  constructor(base: string, signal: AbortSignal) {
    this.#base = base
    this.#signal = signal
  }

  async place(): Promise<Placed> {
    const { status, body } = await this.#ask('/orders', BODY)
    if (status !== 201) throw new Error(`an order got the status ${status} ${body}`)
    return JSON.parse(body)
  }

  /** Whether the view shows the order. With a position, the service may wait for it up to its limit. */
  async shows(id: string, position?: string): Promise<boolean> {
    const query = position === undefined ? '' : `?position=${encodeURIComponent(position)}`
    const { status, body } = await this.#ask(`/orders/${id}${query}`)
    if (status === 200) return true
    if (status === 404 || status === 503) return false
    throw new Error(`a query got the status ${status} ${body}`)
  }

  /** Whether the log has the order. */
  async hasRecorded(id: string): Promise<boolean> {
    const { status, body } = await this.#ask(`/streams/order-${id}/events`)
    return status === 200 && JSON.parse(body).items.length > 0
  }

  close(): void {
    this.#agent.destroy()
  }

  #ask(path: string, body?: Buffer): Promise<{ status: number; body: string }> {
    const options = { agent: this.#agent, signal: this.#signal, timeout: TIMEOUT_MS }
    return new Promise((resolve, reject) => {
      const asked = request(
        this.#base + path,
        body ? { ...options, method: 'POST', headers: buildHeaders(body) } : options,
        (response) => {
          text(response).then((answer) => resolve({ status: response.statusCode ?? 0, body: answer }), reject)
        },
      )
      asked.once('error', reject)
      asked.once('timeout', () => asked.destroy(new Error(`${path} got no answer in ${TIMEOUT_MS / 1000} s`)))
      asked.end(body)
    })
  }
}

const buildHeaders = (body: Buffer) => ({
  'content-type': 'application/json',
  'content-length': body.length,
  'idempotency-key': randomUUID(),
})
