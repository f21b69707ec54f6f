import { STATUS_CODES } from 'node:http'
import { InvalidSettings } from '../settings-check.ts'

/** An answer of the control endpoint. */
export interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  /** Value of the JSON body; undefined: no body. */
  readonly body?: unknown
}

/** A refusal of the control endpoint: RFC 9457 problem details with a detail of one line. */
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

/** Builds the answer to a failed request. */
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
  return new Problem(500, `the request failed: ${error instanceof Error ? error.message : String(error)}`)
}
