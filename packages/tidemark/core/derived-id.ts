import { v5 } from 'uuid'

/**
 * The namespace of Tidemark's derived ids: generated once at random, never changed. RFC 9562, section 5.5.
 */
const NAMESPACE = '0b6c5a52-7e0f-4f0b-9d0c-5d1f2f6f7b1e'

/**
 * The id of the aggregate that a command with this key creates. Repeating the command addresses the same
 * aggregate.
 */
export function derivedId(service: string, category: string, key: string): string {
  return v5(JSON.stringify([service, category, key]), NAMESPACE)
}
