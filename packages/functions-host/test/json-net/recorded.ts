import { fileURLToPath } from 'node:url'
import { JsonNetRefusal } from '../../json-net/refusal.ts'
import { rewriteJson } from '../../json-net/rewrite.ts'

/** A text, and its rewritten form; null if it cannot be read. */
export type Recorded = readonly [text: string, rewritten: string | null]

/** The results of Newtonsoft.Json for the corpus, written by packages/test-support/dotnet/json-net.test.ts. */
export const RECORDED = fileURLToPath(new URL('../json-net.json', import.meta.url))

/** Rewrites a text with the local host. */
export function rewritten(text: string): Recorded {
  try {
    return [text, rewriteJson(text)]
  } catch (error) {
    if (error instanceof JsonNetRefusal) return [text, null]
    throw error
  }
}
