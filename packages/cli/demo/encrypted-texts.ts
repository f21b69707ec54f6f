/** A text that a log encrypts, with the text for a forgotten person: docs/forgetting.md. The demo has no keys. */
const ENCRYPTED = /~personal:1:[^:~]+:[^:~]+:[^:~]+:([\w-]*)~/

/**
 * What a view should show of a document that was folded from a raw log. Where the log has encrypted texts, it takes
 * the shown text, provided that it fits the text around them, and is neither encrypted nor that of a forgotten person.
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
  const parts = logged.split(new RegExp(ENCRYPTED, 'g'))
  if (parts.length === 1 || typeof shown !== 'string') return false
  // Between the plain parts stand the texts for a forgotten person.
  const plain = parts.filter((_, index) => index % 2 === 0)
  const forgotten = parts.map((part, index) => (index % 2 === 0 ? part : Buffer.from(part, 'base64url').toString()))
  const fits = new RegExp(`^${plain.map((part) => RegExp.escape(part)).join('[^~]+')}$`)
  return fits.test(shown) && shown !== forgotten.join('')
}
