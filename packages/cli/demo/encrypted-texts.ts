/** A text that a log encrypts: docs/forgetting.md. The demo has no keys. */
const ENCRYPTED = /~personal:1:[^:~]+:[^:~]+:[^:~]+:[\w-]*~/g

/**
 * What a view should show of a document that was folded from a raw log. Where the log has encrypted texts, it takes
 * the shown text, provided that it fits the text around them and is not encrypted. Somebody may have forgotten the
 * person: then it is the text for that.
 */
export function expectShown(logged: unknown, shown: unknown): unknown {
  if (typeof logged === 'string') return isOpened(logged, shown) ? shown : logged
  if (Array.isArray(logged)) return logged.map((item, index) => expectShown(item, asRecord(shown)[index]))
  if (typeof logged !== 'object' || logged === null) return logged
  const fields = Object.entries(logged).map(([name, value]) => [name, expectShown(value, asRecord(shown)[name])])
  return Object.fromEntries(fields)
}

function asRecord(value: unknown): Readonly<Record<string, unknown>> {
  return (value ?? {}) as Readonly<Record<string, unknown>>
}

function isOpened(logged: string, shown: unknown): boolean {
  const around = logged.split(ENCRYPTED)
  if (around.length === 1 || typeof shown !== 'string') return false
  return new RegExp(`^${around.map((part) => RegExp.escape(part)).join('[^~]+')}$`).test(shown)
}
