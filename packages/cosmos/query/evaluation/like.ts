/**
 * LIKE's pattern: `%` is any text, `_` any character, `[a-f]` and `[^a-f]` one of a set. A character after
 * the escape character stands for itself.
 * https://learn.microsoft.com/azure/cosmos-db/nosql/query/keywords#like
 */
type LikePart =
  | { readonly kind: 'any' | 'one' }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'set'; readonly negated: boolean; readonly ranges: readonly (readonly [string, string])[] }

/** @returns undefined for a set without an end. */
export function parseLike(pattern: string, escapedBy: string | undefined): LikePart[] | undefined {
  const characters = [...pattern]
  const parts: LikePart[] = []
  let at = 0
  while (at < characters.length) {
    const character = characters[at] ?? ''
    at += 1
    if (character === escapedBy && at < characters.length) {
      parts.push({ kind: 'text', text: characters[at] ?? '' })
      at += 1
    } else if (character === '%') {
      if (parts.at(-1)?.kind !== 'any') parts.push({ kind: 'any' })
    } else if (character === '_') parts.push({ kind: 'one' })
    else if (character === '[') {
      const end = characters.indexOf(']', at + 1)
      if (end < 0) return undefined
      parts.push(parseSet(characters.slice(at, end)))
      at = end + 1
    } else parts.push({ kind: 'text', text: character })
  }
  return parts
}

function parseSet(characters: readonly string[]): LikePart {
  const negated = characters[0] === '^'
  const ranges: [string, string][] = []
  for (let at = negated ? 1 : 0; at < characters.length; at++) {
    const [from = '', dash, to] = characters.slice(at, at + 3)
    const isRange = dash === '-' && to !== undefined
    ranges.push([from, isRange ? to : from])
    if (isRange) at += 2
  }
  return { kind: 'set', negated, ranges }
}

/** The beginning of every text that matches. */
export function findPrefix(parts: readonly LikePart[]): string {
  let prefix = ''
  for (const part of parts) {
    if (part.kind !== 'text') break
    prefix += part.text
  }
  return prefix
}

/** Goes back to the last `%` only, so the product of the lengths bounds the time. */
export function matchesLike(text: string, parts: readonly LikePart[]): boolean {
  const characters = [...text]
  let [at, part] = [0, 0]
  let retry: { at: number; part: number } | undefined
  while (at < characters.length) {
    const expected = parts[part]
    if (expected?.kind === 'any') {
      retry = { at, part }
      part += 1
    } else if (expected && matchesOne(characters[at] ?? '', expected)) {
      at += 1
      part += 1
    } else if (retry) {
      retry.at += 1
      at = retry.at
      part = retry.part + 1
    } else return false
  }
  return parts.slice(part).every(({ kind }) => kind === 'any')
}

function matchesOne(character: string, part: LikePart): boolean {
  if (part.kind === 'text') return part.text === character
  if (part.kind !== 'set') return true
  return part.ranges.some(([from, to]) => from <= character && character <= to) !== part.negated
}
