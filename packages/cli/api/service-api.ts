import { type ApiOptions, ask } from './ask.ts'
import { RefusedError, SIGN_IN_HINT, UnreachableError } from './errors.ts'

const JSON_TYPE = /^application\/(problem\+)?json\b/

type Query = Readonly<Record<string, string | number | undefined>>

/** A page of a list of the operations API. */
interface Page<Item> {
  readonly items: readonly Item[]
  /** Opaque; absent on the last page. */
  readonly continuation?: string | number
}

/** The operations API of one service. All HTTP requests of the commands go through it. */
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

  /** A page. @throws UnreachableError if the answer is not a list */
  async page<Item>(path: string, query: Query = {}): Promise<Page<Item>> {
    const page = await this.get<Page<Item>>(path, query)
    if (Array.isArray(page.items)) return page
    throw new UnreachableError(`the answer of /api/${this.service}/${path} is not a list: is it another version?`)
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
      // Otherwise the loop would never end.
      if (page.continuation === continuation)
        throw new UnreachableError(`/api/${this.service}/${path} repeats the same page: is it another version?`)
      continuation = page.continuation
    }
  }

  async #ask<Answer extends object>(method: 'GET' | 'POST', path: string, body?: object): Promise<Answer> {
    const headers = { accept: 'application/json', ...(body && { 'content-type': 'application/json' }) }
    const asked = { method, path: `/api/${this.service}/${path}`, headers, body: body && JSON.stringify(body) }
    const { url, response, failure } = await ask(this.service, asked, this.#options)
    const text = await response.text().catch((error: Error) => {
      throw failure(error)
    })
    return this.#read<Answer>(url, response, text)
  }

  #read<Answer extends object>(url: string, response: Response, text: string): Answer {
    const { status } = response
    const { masked } = this.#options.credentials
    const isJson = JSON_TYPE.test(response.headers.get('content-type') ?? '')
    const body = isJson ? parsed(text) : undefined
    if (response.ok) {
      if (body !== undefined) return body as Answer
      const why = isJson ? 'broke off, or is not JSON' : 'is not JSON: it is not from the running system'
      throw new UnreachableError(`the answer of ${url} ${why}`)
    }
    const { code, detail } = (body ?? {}) as { readonly code?: unknown; readonly detail?: unknown }
    if (typeof code === 'string') {
      const message = masked(`${code}: ${detail ?? ''}`)
      if (status === 401 || status === 403) throw new UnreachableError(`${message}. ${SIGN_IN_HINT}`, code)
      if (status >= 500) throw new UnreachableError(message, code)
      throw new RefusedError(message, status, code)
    }
    throw new UnreachableError(`${url} answered ${status}: ${WHY[status] ?? 'it is not from the running system'}`)
  }
}

/** What an answer without problem details means. */
const WHY: Readonly<Record<number, string>> = {
  302: `it requires a sign-in. ${SIGN_IN_HINT}`,
  401: `it requires a key. ${SIGN_IN_HINT}`,
  403: `it denies you access. ${SIGN_IN_HINT}`,
  404: 'it is not the running system, or its build does not have this route yet',
  502: 'the proxy before the service cannot reach it',
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
