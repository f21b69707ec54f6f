import { UsageError } from '../command-line/arguments.ts'

export const SIGN_IN_HINT = 'TIDEMARK_TOKEN and TIDEMARK_FUNCTION_KEY let you in: docs/cli.md'

/**
 * Nobody answers, or who answers lets nobody in or is no running service: nothing can be said about what was
 * asked for.
 */
export class UnreachableError extends UsageError {
  /** Of the answer, where the service gave a reason. */
  readonly code: string | undefined

  constructor(message: string, code?: string) {
    super(message)
    this.code = code
  }
}

/**
 * The service answered that it cannot do what was asked for: problem details (RFC 9457) with a code of
 * docs/errors.md.
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
