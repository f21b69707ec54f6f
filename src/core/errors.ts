/**
 * Every code Tidemark fails with. Stable: clients branch on it. docs/errors.md says for each what it means and what to do
 * (a test holds the two equal). The codes of domain refusals belong to their services and are listed there too.
 */
export const errorCodes = [
  // what a caller asked for
  'invalid-json',
  'invalid-command',
  'invalid-id',
  'invalid-idempotency-key',
  'invalid-if-match',
  'invalid-position',
  'invalid-query',
  'invalid-time',
  'invalid-header',
  'unsupported-media-type',
  'body-too-large',
  'method-not-allowed',
  'unknown-command',
  'stream-not-found',
  'version-not-found',
  'document-not-found',
  'idempotency-key-reused',
  'version-mismatch',
  'event-too-large',
  'decision-too-large',
  // what may pass
  'stream-contended',
  'outcome-unknown',
  'unavailable',
  'container-missing',
  'view-behind',
  'view-contended',
  'event-unknown',
  // what does not pass by itself
  'event-invalid',
  'key-invalid',
  'event-unreadable',
  'hash-mismatch',
  'chain-broken',
  'fork-detected',
  'gap-unfilled',
  'setting-invalid',
  'registration-invalid',
  'internal',
  // what a replay of a view ends with
  'replay-superseded',
  'log-empty',
  'no-way-back',
  'instance-outdated',
] as const

export type ErrorCode = (typeof errorCodes)[number]

const passing: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  'stream-contended',
  'outcome-unknown',
  'unavailable',
  'container-missing',
  'view-behind',
  'view-contended',
  'event-unknown',
])

/** What Tidemark throws: a stable code, and whether trying again can help. */
export class TidemarkError extends Error {
  override readonly name = 'TidemarkError'
  readonly code: ErrorCode
  /** True where the same call may succeed later without anybody changing anything. */
  readonly retriable: boolean

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.retriable = passing.has(code)
  }
}

/** What is said of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Whether an error is Tidemark's, with this code if one is given. */
export function isTidemarkError(error: unknown, code?: ErrorCode): error is TidemarkError {
  return error instanceof TidemarkError && (code === undefined || error.code === code)
}
