import { TidemarkError } from './errors.ts'

/** Encodes where a page ended. Clients treat the text as opaque. */
export function writeContinuation(place: object): string {
  return Buffer.from(JSON.stringify(place), 'utf8').toString('base64url')
}

/**
 * Decodes a continuation. A client can forge one, so the caller checks its fields.
 * @throws TidemarkError `invalid-query` if it is not an encoded JSON object
 */
export function readContinuation(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))
    if (typeof value === 'object' && value !== null) return value as Readonly<Record<string, unknown>>
  } catch {
    // Not a continuation: refused below.
  }
  throw unknownContinuation()
}

/** Whether a field of a continuation is a non-negative integer. */
export function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && Number(value) >= 0
}

export function unknownContinuation(): TidemarkError {
  return new TidemarkError('invalid-query', 'the continuation is invalid: send that of the previous page')
}
