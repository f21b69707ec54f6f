import { inspect } from 'node:util'

/**
 * Every code Tidemark fails with. Stable: clients branch on it. docs/errors.md says for each what it means
 * and what to do (a test holds the two equal). The codes of domain refusals belong to their services and are
 * listed there too.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { errorCodes } from 'tidemark/tools'
 *
 * assert.ok(errorCodes.includes('stream-contended'))
 * ```
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
  // what may pass
  'stream-contended',
  'outcome-unknown',
  'unavailable',
  'container-missing',
  'view-behind',
  'stream-parked',
  'view-contended',
  'handler-paused',
  'parking-full',
  'event-unknown',
  'canary-silent',
  // what does not pass by itself
  'event-invalid',
  'key-invalid',
  'event-unreadable',
  'hash-mismatch',
  'chain-broken',
  'fork-detected',
  'gap-unfilled',
  'handler-failed',
  'document-too-large',
  'setting-invalid',
  'registration-invalid',
  'internal',
  // what a replay of a view ends with
  'replay-superseded',
  'log-empty',
  'no-way-back',
  'nothing-built',
  'must-promote',
  'instance-outdated',
  // what the looking after parked streams ends with
  'not-parked',
  'marks-expired',
] as const

/**
 * What can go wrong, by a code that stays: docs/errors.md says what each means.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import type { ErrorCode } from 'tidemark'
 *
 * // What a client says to its user. The compiler knows every code, and refuses a misspelt one.
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
 * What a consumer does about a failure:
 * - `passing`: the same call may succeed later. The batch is brought again, and its partition waits.
 * - `needs-build`: this code is too old for it. The stream waits, and another build takes it up by itself.
 * - `permanent`: it stays so until somebody mends the cause. The stream waits, and is tried again less and less often.
 * - `fault`: nobody foresaw it, so nobody knows. As `passing`.
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
 * The class of a code. What a caller did wrong is permanent too: a reaction that asks for it asks again.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { errorCodes, failureClass } from 'tidemark/tools'
 *
 * // What an operator has to look at: it does not pass by itself.
 * const alarming = errorCodes.filter((code) => failureClass(code) === 'permanent')
 * assert.ok(alarming.includes('chain-broken'))
 * assert.ok(!alarming.includes('unavailable'))
 * ```
 */
export function failureClass(code: ErrorCode): FailureClass {
  return classes.get(code) ?? 'permanent'
}

/**
 * What Tidemark throws: a stable code, and whether trying again can help.
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
  /** True where the same call may succeed later without anybody changing anything. */
  readonly retriable: boolean

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
    this.retriable = ['passing', 'needs-build'].includes(failureClass(code))
  }
}

/** What is said of whatever was thrown: never nothing. */
export function describeError(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(describeError).join('; ')
  if (error instanceof Error) return error.message || error.name
  return typeof error === 'string' && error !== '' ? error : inspect(error, { depth: 2, breakLength: Infinity })
}

/** Tidemark's own error among an error and its causes: what somebody else's code wrapped is still what it was. */
export function findTidemarkError(error: unknown): TidemarkError | undefined {
  for (let each = error; each instanceof Error; each = each.cause) if (each instanceof TidemarkError) return each
  return undefined
}

/**
 * Whether an error is Tidemark's, with this code if one is given.
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
