import type { Answer } from '../http/answers.ts'
import type { Fault } from './faults.ts'

/**
 * The answer of an injected fault; undefined when the fault drops the connection.
 * https://learn.microsoft.com/rest/api/cosmos-db/http-status-codes-for-cosmosdb
 */
export function faultAnswer({ kind, retryAfterMs }: NonNullable<Fault['failing']>): Answer | undefined {
  switch (kind) {
    case 'throttle': {
      const headers = { 'x-ms-substatus': 3200, 'x-ms-retry-after-ms': retryAfterMs }
      const message =
        'Request rate is large. More Request Units may be needed, so no changes were made. ' +
        'Please retry this request later.'
      return { status: 429, headers, body: { code: 'TooManyRequests', message } }
    }
    case 'retry-with':
      return refusal(449, 'RetryWith', 'Conflicting request to resource has been attempted. Retry to avoid conflicts.')
    case 'unavailable':
      return refusal(503, 'ServiceUnavailable', 'Service is currently unavailable.')
    case 'gone': {
      const { status, body } = refusal(410, 'Gone', 'The requested resource is no longer available at the server.')
      return { status, body, headers: { 'x-ms-substatus': 1002 } }
    }
    default:
      return undefined
  }
}

function refusal(status: number, code: string, message: string): Answer {
  return { status, body: { code, message } }
}
