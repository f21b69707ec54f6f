import { tokenHeaders } from './token.ts'

/** A service and its addresses, as listed in `console.json`. */
export interface Service {
  readonly name: string
  /** The base of its routes, such as `/api/ordering`. */
  readonly api: string
  readonly openapi: string
}

/** Problem details (RFC 9457) of a service. The console itself adds `offline` and other codes. */
export class Problem extends Error {
  readonly status: number
  readonly code: string
  readonly errors: readonly { readonly pointer: string; readonly detail: string }[]

  constructor(status: number, code: string, detail: string, errors: Problem['errors'] = []) {
    super(detail)
    this.name = 'Problem'
    this.status = status
    this.code = code
    this.errors = errors
  }
}

export type Query = Readonly<Record<string, string | number | undefined>>

export interface Answer<Body> {
  readonly status: number
  readonly body: Body
}

/** @throws Problem */
export async function get<Body>(service: Service, path: string, query: Query, signal?: AbortSignal): Promise<Body> {
  return (await send<Body>(service.api + path + queryText(query), signal ? { signal } : {})).body
}

/** @throws Problem */
export function post<Body>(
  service: Service,
  path: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer<Body>> {
  return send<Body>(service.api + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify(body),
  })
}

/** @throws Problem */
export async function getJson<Body>(url: string, signal?: AbortSignal): Promise<Body> {
  return (await send<Body>(url, signal ? { signal } : {})).body
}

function queryText(query: Query): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== '')
  if (given.length === 0) return ''
  return `?${new URLSearchParams(given.map(([name, value]) => [name, String(value)]))}`
}

async function send<Body>(url: string, init: RequestInit): Promise<Answer<Body>> {
  let response: Response
  try {
    const headers = { ...tokenHeaders(url), ...init.headers }
    response = await fetch(url, { ...init, headers, cache: 'no-store' })
  } catch (error) {
    if (init.signal?.aborted) throw error
    throw new Problem(0, 'offline', 'No answer. The service is stopped, or the network is down.')
  }
  const text = await response.text()
  if (response.ok) return { status: response.status, body: (text === '' ? undefined : JSON.parse(text)) as Body }
  throw toProblem(response, text)
}

function toProblem({ status, headers }: Response, text: string): Problem {
  if (headers.get('content-type')?.startsWith('application/problem+json')) {
    const { code, detail, errors } = JSON.parse(text) as {
      code: string
      detail: string
      errors?: Problem['errors']
    }
    return new Problem(status, code, detail, errors)
  }
  if (status === 404) return new Problem(404, 'route-missing', 'This build of the service does not have this route.')
  if (status === 401) return new Problem(401, 'sign-in-needed', 'The service requires a sign-in. The console has none.')
  if (status === 503) return new Problem(503, 'away', 'The service is starting or stopped. The console asks again.')
  return new Problem(status, `http-${status}`, text.slice(0, 300) || `The service answered ${status}.`)
}
