import { badRequest, type Failure } from '../../api/failure.ts'
import type { Span } from './syntax.ts'

/**
 * A 400 in the service's form. The codes are those seen in the vendor's tests and issues. Other errors have
 * no code, like some of the service's own.
 */
export function queryFailure(message: string, at?: Span, code?: string): Failure {
  const error = { severity: 'Error', ...(at && { location: at }), ...(code !== undefined && { code }), message }
  return badRequest(`Message: ${JSON.stringify({ errors: [error] })}`)
}

export const syntaxFailure = (near: string, at: Span): Failure =>
  queryFailure(
    near === '' ? 'Syntax error, unexpected end of the query.' : `Syntax error, incorrect syntax near '${near}'.`,
    at,
    'SC1001',
  )

export const unsupported = (what: string, at: Span): Failure =>
  queryFailure(`${what} is not supported by the emulator.`, at)
