import { fileURLToPath } from 'node:url'
import { JsonNetRefusal } from '../../json-net/refusal.ts'
import { rewriteJson } from '../../json-net/rewrite.ts'

/** A text, and what becomes of it; null: it cannot be read. */
export type Recorded = readonly [text: string, rewritten: string | null]

/** What Newtonsoft.Json said of the corpus: packages/test-support/dotnet/json-net.test.ts writes it. */
export const RECORDED = fileURLToPath(new URL('../json-net.json', import.meta.url))

/** What the local host makes of a text. */
export function rewritten(text: string): Recorded {
  try {
    return [text, rewriteJson(text)]
  } catch (error) {
    if (error instanceof JsonNetRefusal) return [text, null]
    throw error
  }
}
