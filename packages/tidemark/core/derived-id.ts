import { v5 } from 'uuid'

/** Of Tidemark's derived ids: made once, at random, and never changed. RFC 9562, section 5.5. */
const NAMESPACE = '0b6c5a52-7e0f-4f0b-9d0c-5d1f2f6f7b1e'

/** The id of an aggregate that a command with this key creates: a repeat of the command meets the same aggregate. */
export function derivedId(service: string, category: string, key: string): string {
  return v5(JSON.stringify([service, category, key]), NAMESPACE)
}
