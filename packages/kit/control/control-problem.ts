import { STATUS_CODES } from 'node:http'
import { InvalidSettings } from '../settings-check.ts'

/** An answer of the control endpoint. */
export interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  /** JSON; undefined: none. */
  readonly body?: unknown
}

/** What the control endpoint refuses: RFC 9457 problem details of one line. */
export class Problem extends Error {
  override name = 'Problem'
  readonly status: number
  readonly headers: Readonly<Record<string, string>>

  constructor(status: number, detail: string, headers: Readonly<Record<string, string>> = {}) {
    super(detail)
    this.status = status
    this.headers = headers
  }
}

/** The answer to a request that failed. */
export function problemAnswer(error: unknown): Answer {
  const problem = toProblem(error)
  return {
    status: problem.status,
    headers: { 'content-type': 'application/problem+json', ...problem.headers },
    body: { title: STATUS_CODES[problem.status], status: problem.status, detail: problem.message },
  }
}

function toProblem(error: unknown): Problem {
  if (error instanceof Problem) return error
  if (error instanceof InvalidSettings) return new Problem(400, error.message)
  console.error(error)
  return new Problem(500, `it failed: ${error instanceof Error ? error.message : String(error)}`)
}
