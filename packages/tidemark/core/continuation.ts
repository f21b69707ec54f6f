import { TidemarkError } from './errors.ts'

/** The place where an answer ended, as its reader gives it back. Opaque to the reader. */
export function writeContinuation(place: object): string {
  return Buffer.from(JSON.stringify(place), 'utf8').toString('base64url')
}

/**
 * What `writeContinuation` wrote, or another object that somebody made: its fields are for the caller to check.
 * @throws TidemarkError `invalid-query` for anything else
 */
export function readContinuation(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))
    if (typeof value === 'object' && value !== null) return value as Readonly<Record<string, unknown>>
  } catch {
    // It is none of ours, whatever it is.
  }
  throw unknownContinuation()
}

/** Whether a field of it counts something. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}

export function unknownContinuation(): TidemarkError {
  return new TidemarkError('invalid-query', 'the continuation is not one that a page answered with')
}
