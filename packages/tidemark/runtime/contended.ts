import { TidemarkError } from '../core/errors.ts'

/** How often a conflicting write is retried before the trigger's retry policy takes over. */
export const MAX_ATTEMPTS = 10

export function contended({ name }: { readonly name: string }, key: string): TidemarkError {
  return new TidemarkError('view-contended', `${name}: another instance writes ${key} at the same time`)
}
