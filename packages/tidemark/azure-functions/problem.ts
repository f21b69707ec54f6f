import type { HttpResponseInit } from '@azure/functions'
import { type ErrorCode, isTidemarkError, TidemarkError } from '../core/errors.ts'
import type { Issue } from '../core/schema.ts'

/**
 * The HTTP status of each Tidemark code. Any other code is a domain refusal: 409, the resource's state
 * forbids it.
 */
const statuses: Readonly<Record<ErrorCode, number>> = {
  'invalid-json': 400,
  'invalid-command': 400,
  'invalid-id': 400,
  'invalid-idempotency-key': 400,
  'invalid-if-match': 400,
  'invalid-position': 400,
  'invalid-query': 400,
  'invalid-time': 400,
  'invalid-header': 400,
  'unsupported-media-type': 415,
  'body-too-large': 413,
  'method-not-allowed': 405,
  'operator-only': 403,
  'unknown-command': 404,
  'stream-not-found': 404,
  'version-not-found': 404,
  'document-not-found': 404,
  'view-not-found': 404,
  'idempotency-key-reused': 422,
  'version-mismatch': 412,
  'event-too-large': 413,
  'decision-too-large': 413,
  'stream-contended': 503,
  'outcome-unknown': 504,
  unavailable: 503,
  'container-missing': 503,
  'view-behind': 503,
  'stream-parked': 503,
  'handler-paused': 503,
  'parking-full': 503,
  'view-contended': 503,
  'event-unknown': 503,
  'canary-silent': 503,
  'event-invalid': 500,
  'key-invalid': 500,
  'event-unreadable': 500,
  'personal-unreadable': 500,
  'keys-refused': 503,
  'keys-disabled': 503,
  'hash-mismatch': 500,
  'chain-broken': 500,
  'fork-detected': 500,
  'gap-unfilled': 500,
  'handler-failed': 500,
  'document-too-large': 500,
  'setting-invalid': 500,
  'registration-invalid': 500,
  internal: 500,
  'replay-superseded': 409,
  'log-empty': 409,
  'no-way-back': 409,
  'nothing-built': 409,
  'must-promote': 409,
  'generations-differ': 409,
  'instance-outdated': 409,
  'archive-gap': 500,
  'archive-broken': 500,
  'archive-changed': 500,
  'archive-unreadable': 500,
  'not-parked': 409,
  'marks-expired': 409,
}

export const DOMAIN_REFUSAL = 409
/**
 * Codes that are not logged: a reader waits for a view that is briefly behind, or reads a parked stream whose
 * parking was already logged.
 */
const everyday: ReadonlySet<ErrorCode> = new Set<ErrorCode>(['view-behind', 'stream-parked'])
const RETRY_AFTER_SECONDS = '1'

/** The HTTP status of a code of Tidemark or the domain. */
export function findStatus(code: string): number {
  return code in statuses ? statuses[code as ErrorCode] : DOMAIN_REFUSAL
}

/**
 * Builds problem details (RFC 9457): `type` and `code` are stable, `detail` is for people.
 * https://www.rfc-editor.org/rfc/rfc9457
 * @param extra further headers, and validation errors.
 */
export function problem(
  code: string,
  detail: string,
  extra: { readonly headers?: Readonly<Record<string, string>>; readonly errors?: readonly Issue[] } = {},
): HttpResponseInit {
  const status = findStatus(code)
  const passing = status === 503 || status === 504
  return {
    status,
    headers: {
      'content-type': 'application/problem+json',
      ...(passing ? { 'retry-after': RETRY_AFTER_SECONDS } : {}),
      ...extra.headers,
    },
    body: JSON.stringify({
      type: `urn:tidemark:problem:${code}`,
      title: code.replaceAll('-', ' '),
      status,
      code,
      detail,
      ...(extra.errors ? { errors: extra.errors } : {}),
    }),
  }
}

/** A request body that is JSON, but not what the operation takes. */
export class InvalidBody extends TidemarkError {
  readonly issues: readonly Issue[]

  constructor(message: string, issues: readonly Issue[]) {
    super('invalid-command', message)
    this.issues = issues
  }
}

/** The invocation context, to which faults are logged. */
interface Log {
  warn(...what: unknown[]): void
  error(...what: unknown[]): void
}

/**
 * Turns a thrown error into a problem. A transient error logs one warning. A fault of the service is logged
 * in full, and the caller gets no details.
 */
export function toProblem(error: unknown, log: Log): HttpResponseInit {
  if (isTidemarkError(error)) {
    if (statuses[error.code] < 500)
      return problem(error.code, error.message, error instanceof InvalidBody ? { errors: error.issues } : {})
    if (error.retriable) {
      if (!everyday.has(error.code)) log.warn(`${error.code}: ${error.message}`)
      return problem(error.code, error.message)
    }
  }
  log.error(error)
  return problem(isTidemarkError(error) ? error.code : 'internal', 'the service failed; its log has the details')
}
