import { TidemarkError } from '../core/errors.ts'

/** How often a write is tried again on what another instance wrote before the trigger's retry policy takes over. */
export const MAX_ATTEMPTS = 10

export function contended({ name }: { readonly name: string }, key: string): TidemarkError {
  return new TidemarkError('view-contended', `${name}: ${key} is written by another instance at the same time`)
}
