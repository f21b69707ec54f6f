import { localHeaders } from '../local-settings.ts'
import { type Addresses, isLoopback } from './addresses.ts'
import type { Credentials } from './credentials.ts'
import { RefusedError, UnreachableError } from './errors.ts'

/** `status` asks every hub. What a POST asks for takes as long as Azure lets an answer take: 230 s. */
const GIVE_UP_AFTER_MS = { GET: 60_000, POST: 240_000 }
const JSON_TYPE = /^application\/(problem\+)?json\b/

export type Query = Readonly<Record<string, string | number | undefined>>

/** A page of a list of the operations API. */
export interface Page<Item> {
  readonly items: readonly Item[]
  /** Opaque; absent on the last page. */
  readonly continuation?: string | number
}

/** How requests are made. */
export interface ApiOptions {
  readonly addresses: Addresses
  readonly credentials: Credentials
  /** Ends what is asked for. */
  readonly signal?: AbortSignal
  readonly giveUpAfterMs?: number
  /** Who asks: what a service on a laptop keeps as the actor. In Azure the sign-in tells. */
  readonly actor?: string
}

/** The operations API of one service: all that the commands ask over HTTP goes through here. */
export class ServiceApi {
  readonly service: string
  readonly #options: ApiOptions

  constructor(service: string, options: ApiOptions) {
    this.service = service
    this.#options = options
  }

  /** @param path below `/api/<service>/`. @throws UnreachableError, RefusedError */
  get<Answer extends object>(path: string, query: Query = {}): Promise<Answer> {
    const search = new URLSearchParams()
    for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, String(value))
    return this.#ask('GET', search.size === 0 ? path : `${path}?${search}`)
  }

  /** @throws UnreachableError, RefusedError */
  post<Answer extends object>(path: string, body: object): Promise<Answer> {
    return this.#ask('POST', path, body)
  }

  /** A page. @throws UnreachableError where the answer is no list */
  async page<Item>(path: string, query: Query = {}): Promise<Page<Item>> {
    const page = await this.get<Page<Item>>(path, query)
    if (Array.isArray(page.items)) return page
    throw new UnreachableError(`the answer of /api/${this.service}/${path} is no list: it is of another version`)
  }

  /**
   * The items of a list, page after page.
   * @param next the query parameter that takes the continuation.
   */
  async *items<Item>(
    path: string,
    query: Query,
    next: 'continuation' | 'after' = 'continuation',
  ): AsyncGenerator<Item> {
    let continuation: string | number | undefined
    for (;;) {
      const page = await this.page<Item>(path, continuation === undefined ? query : { ...query, [next]: continuation })
      yield* page.items
      if (page.continuation === undefined) return
      // Asking on would never end.
      if (page.continuation === continuation)
        throw new UnreachableError(`/api/${this.service}/${path} goes on where it began: it is of another version`)
      continuation = page.continuation
    }
  }

  async #ask<Answer extends object>(method: 'GET' | 'POST', path: string, body?: object): Promise<Answer> {
    const { addresses, credentials, signal, giveUpAfterMs = GIVE_UP_AFTER_MS[method], actor } = this.#options
    const address = await addresses.of(this.service)
    const headers = addresses.given ? credentials.headers : await localHeaders()
    if (Object.keys(headers).length > 0 && !address.startsWith('https:') && !isLoopback(address))
      throw new UnreachableError(`${address} is not asked: over http: a key could be read on its way`)
    const url = `${address}/api/${this.service}/${path}`
    const timeout = AbortSignal.timeout(giveUpAfterMs)
    let text: string
    let response: Response
    try {
      response = await fetch(url, {
        method,
        // A redirect leads to a sign-in page or to another host, and the key must not go there.
        redirect: 'manual',
        headers: {
          accept: 'application/json',
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
          ...(actor !== undefined && isLoopback(address) ? { 'x-actor': actor } : {}),
          ...headers,
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      })
      text = await response.text()
    } catch (error) {
      if (signal?.aborted) throw error
      const why = timeout.aborted ? `no answer in ${giveUpAfterMs / 1000} s` : `no answer: ${causeOf(error as Error)}`
      throw new UnreachableError(credentials.masked(`${url} gave ${why}`))
    }
    return this.#read<Answer>(url, response, text)
  }

  #read<Answer extends object>(url: string, response: Response, text: string): Answer {
    const { status } = response
    const { masked } = this.#options.credentials
    const isJson = JSON_TYPE.test(response.headers.get('content-type') ?? '')
    const body = isJson ? parsed(text) : undefined
    if (response.ok) {
      if (body !== undefined) return body as Answer
      const why = isJson ? 'broke off, or is no JSON' : 'is no JSON: it is not the running system'
      throw new UnreachableError(`the answer of ${url} ${why}`)
    }
    const { code, detail } = (body ?? {}) as { readonly code?: unknown; readonly detail?: unknown }
    if (typeof code === 'string') {
      const message = masked(`${code}: ${detail ?? ''}`)
      if (status === 401 || status === 403) throw new UnreachableError(`${message}. ${LET_IN}`, code)
      if (status >= 500) throw new UnreachableError(message, code)
      throw new RefusedError(message, status, code)
    }
    throw new UnreachableError(`${url} answered ${status}: ${WHY[status] ?? 'it is not the running system'}`)
  }
}

const LET_IN = 'TIDEMARK_TOKEN and TIDEMARK_FUNCTION_KEY let you in: docs/cli.md'

/** What an answer without problem details means. */
const WHY: Readonly<Record<number, string>> = {
  302: `it wants a sign-in. ${LET_IN}`,
  401: `it lets nobody in without a key. ${LET_IN}`,
  403: `it does not let you in. ${LET_IN}`,
  404: 'it is not the running system, or one of a build that does not have this route yet',
  502: 'what stands before the service cannot reach it',
  503: 'the service is not running',
}

function parsed(text: string): object | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? value : undefined
  } catch {
    return undefined
  }
}

/** `fetch` says only that it failed: its cause says why. */
function causeOf(error: Error): string {
  const { cause } = error
  if (!(cause instanceof Error)) return error.message
  return cause.message || (cause as NodeJS.ErrnoException).code || error.message
}
