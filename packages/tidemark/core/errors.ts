import { inspect } from 'node:util'

/**
 * Every error code of Tidemark. Codes are stable, so clients can branch on them. docs/errors.md explains each
 * one (a test compares the two). Domain refusals have codes of their own, which docs/errors.md lists too.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { errorCodes } from 'tidemark/tools'
 *
 * assert.ok(errorCodes.includes('stream-contended'))
 * ```
 */
export const errorCodes = [
  // the caller's request is wrong
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
  'operator-only',
  'unknown-command',
  'stream-not-found',
  'version-not-found',
  'document-not-found',
  'view-not-found',
  'idempotency-key-reused',
  'version-mismatch',
  'event-too-large',
  'decision-too-large',
  // transient
  'stream-contended',
  'outcome-unknown',
  'unavailable',
  'container-missing',
  'keys-refused',
  'keys-disabled',
  'view-behind',
  'stream-parked',
  'view-contended',
  'handler-paused',
  'parking-full',
  'event-unknown',
  'canary-silent',
  // permanent until somebody acts
  'event-invalid',
  'key-invalid',
  'event-unreadable',
  'personal-unreadable',
  'hash-mismatch',
  'chain-broken',
  'fork-detected',
  'gap-unfilled',
  'handler-failed',
  'document-too-large',
  'setting-invalid',
  'registration-invalid',
  'internal',
  // rebuilds of a view
  'replay-superseded',
  'log-empty',
  'no-way-back',
  'nothing-built',
  'must-promote',
  'generations-differ',
  'instance-outdated',
  // segments of an archive
  'archive-gap',
  'archive-broken',
  'archive-changed',
  'archive-unreadable',
  // actions on parked streams
  'not-parked',
  'marks-expired',
] as const

/**
 * A stable error code. docs/errors.md explains each one.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import type { ErrorCode } from 'tidemark'
 *
 * // A text for users. The compiler knows every code and rejects a misspelt one.
 * const advice: Partial<Record<ErrorCode, string>> = {
 *   'version-mismatch': 'Somebody was faster. Look again.',
 *   unavailable: 'Try again in a minute.',
 * }
 * const adviceFor = (code: ErrorCode): string => advice[code] ?? 'Call us.'
 * assert.equal(adviceFor('internal'), 'Call us.')
 * ```
 */
export type ErrorCode = (typeof errorCodes)[number]

/**
 * How a consumer handles a failure:
 * - `passing`: transient. The same call may succeed later, so the batch is delivered again and its partition
 *   waits.
 * - `needs-build`: this build is too old. The stream is parked, and a newer build resumes it automatically.
 * - `permanent`: stays until somebody fixes the cause. The stream is parked and retried less and less often.
 * - `fault`: unforeseen. Handled like `passing`.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { type FailureClass, failureClass } from 'tidemark/tools'
 *
 * const advice: Readonly<Record<FailureClass, string>> = {
 *   passing: 'Wait.',
 *   'needs-build': 'Deploy the newer build.',
 *   permanent: 'Mend the cause.',
 *   fault: 'Read the log.',
 * }
 * assert.equal(advice[failureClass('event-unknown')], 'Deploy the newer build.')
 * ```
 */
export type FailureClass = 'passing' | 'needs-build' | 'permanent' | 'fault'

const passing = [
  'stream-contended',
  'outcome-unknown',
  'unavailable',
  'container-missing',
  'keys-refused',
  'keys-disabled',
  'view-behind',
  'stream-parked',
  'view-contended',
  'handler-paused',
  'parking-full',
  'canary-silent',
] as const satisfies readonly ErrorCode[]
const faults = ['setting-invalid', 'registration-invalid', 'internal'] as const satisfies readonly ErrorCode[]

const classes: ReadonlyMap<ErrorCode, FailureClass> = new Map<ErrorCode, FailureClass>([
  ...passing.map((code) => [code, 'passing'] as const),
  ['event-unknown', 'needs-build'],
  ...faults.map((code) => [code, 'fault'] as const),
])

/**
 * The failure class of a code. A caller's mistake is permanent too: a reaction that repeats the request fails
 * again.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { errorCodes, failureClass } from 'tidemark/tools'
 *
 * // The codes an operator must act on.
 * const alarming = errorCodes.filter((code) => failureClass(code) === 'permanent')
 * assert.ok(alarming.includes('chain-broken'))
 * assert.ok(!alarming.includes('unavailable'))
 * ```
 */
export function failureClass(code: ErrorCode): FailureClass {
  return classes.get(code) ?? 'permanent'
}

/**
 * The error that Tidemark throws: a stable code, and whether a retry can help.
 * @example
 * ```ts
 * import { TidemarkError } from 'tidemark'
 *
 * export function readRate(text: string): number {
 *   const rate = Number(text)
 *   if (Number.isNaN(rate)) throw new TidemarkError('internal', `the rate is ${text}, not a number`)
 *   return rate
 * }
 * ```
 */
export class TidemarkError extends Error {
  override readonly name = 'TidemarkError'
  readonly code: ErrorCode
  /** True if the same call may succeed later without any change by the caller. */
  readonly retriable: boolean

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.retriable = ['passing', 'needs-build'].includes(failureClass(code))
  }
}

/** Describes anything that was thrown; never an empty text. */
export function describeError(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(describeError).join('; ')
  if (error instanceof Error) return error.message || error.name
  return typeof error === 'string' && error !== '' ? error : inspect(error, { depth: 2, breakLength: Infinity })
}

/** Finds Tidemark's own error among an error and its causes, in case other code wrapped it. */
export function findTidemarkError(error: unknown): TidemarkError | undefined {
  for (let each = error; each instanceof Error; each = each.cause) if (each instanceof TidemarkError) return each
  return undefined
}

/**
 * Whether an error is Tidemark's, with the given code if there is one.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { isTidemarkError, TidemarkError } from 'tidemark'
 *
 * const error: unknown = new TidemarkError('unavailable', 'the log cannot be reached')
 * assert.ok(isTidemarkError(error, 'unavailable'))
 * assert.ok(!isTidemarkError(error, 'outcome-unknown'))
 * assert.ok(!isTidemarkError(new Error('another')))
 * ```
 */
export function isTidemarkError(error: unknown, code?: ErrorCode): error is TidemarkError {
  return error instanceof TidemarkError && (code === undefined || error.code === code)
}
