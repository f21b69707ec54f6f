import { UsageError } from '../command-line/arguments.ts'

export const SIGN_IN_HINT = 'Set TIDEMARK_TOKEN or TIDEMARK_FUNCTION_KEY: docs/cli.md'

/**
 * Nothing answers, access is denied, or the answer does not come from a running service. So the result is
 * unknown.
 */
export class UnreachableError extends UsageError {
  /** The code in the answer, if the service gave one. */
  readonly code: string | undefined

  constructor(message: string, code?: string) {
    super(message)
    this.code = code
  }
}

/**
 * The service refused the request, with problem details (RFC 9457) and a code of docs/errors.md.
 */
export class RefusedError extends UsageError {
  readonly status: number
  readonly code: string

  constructor(message: string, status: number, code: string) {
    super(message)
    this.status = status
    this.code = code
  }
}
