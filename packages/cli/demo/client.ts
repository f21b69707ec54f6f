import { RECOVERY_MS } from './recovery.ts'

/** An answer of the HTTP API. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: the answers of a foreign API, compared field by field.
  readonly body: any
}

const PAUSE_MS = 200

/** A client of the HTTP API. Repeats a request after 503, 504 or a network failure. */
export class Client {
  readonly #base: string
  readonly #giveUpAfterMs: number
  readonly #headers: Readonly<Record<string, string>>
  /** How many requests were repeated. */
  retries = 0

  /** @param base such as `http://127.0.0.1:7071/api/ordering` */
  constructor(base: string, giveUpAfterMs = RECOVERY_MS, headers: Readonly<Record<string, string>> = {}) {
    this.#base = base
    this.#giveUpAfterMs = giveUpAfterMs
    this.#headers = headers
  }

  get(path: string): Promise<Answer> {
    return this.#send(path, {})
  }

  post(path: string, body: unknown, headers: Readonly<Record<string, string>>): Promise<Answer> {
    return this.#send(path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify(body),
    })
  }

  /** A repeat is safe: a GET changes nothing, and a command carries its Idempotency-Key. */
  async #send(path: string, { headers: more, ...init }: RequestInit): Promise<Answer> {
    const giveUp = performance.now() + this.#giveUpAfterMs
    for (;;) {
      let failure: string
      try {
        const sent = { ...init, headers: { ...this.#headers, ...more }, signal: AbortSignal.timeout(30_000) }
        const response = await fetch(this.#base + path, sent)
        const text = await response.text()
        const { status, headers } = response
        if (status !== 503 && status !== 504)
          return { status, headers, body: text === '' ? undefined : JSON.parse(text) }
        failure = `${status} ${text}`
      } catch (error) {
        const cause = (error as Error).cause
        failure = `${(error as Error).message}${cause instanceof Error ? `: ${cause.message}` : ''}`
      }
      if (performance.now() > giveUp)
        throw new Error(`${this.#base}${path} gave no answer in ${this.#giveUpAfterMs / 1000} s: ${failure}`)
      this.retries += 1
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS))
    }
  }
}
