import { setFlagsFromString } from 'node:v8'
import { queryFailure } from '../syntax/query-failure.ts'

// V8's second engine for regular expressions takes time in proportion to the text, whatever the pattern. It
// refuses patterns that it cannot run so. This flag lets an expression ask for it with `l`. Other expressions
// do not change.
setFlagsFromString('--enable-experimental-regexp-engine')

const MAX_PATTERN = 1000
const MAX_CACHED = 100
const cached = new Map<string, RegExp>()

/**
 * Whether a text contains a match of a pattern. Back references and look-around are refused, as they cannot
 * run in linear time.
 * @throws Failure 400
 * https://learn.microsoft.com/azure/cosmos-db/nosql/query/regexmatch
 */
export function matchesRegex(text: string, pattern: string, modifiers: string): boolean {
  const key = `${modifiers}/${pattern}`
  const regex = cached.get(key) ?? compile(pattern, modifiers)
  cached.delete(key)
  cached.set(key, regex)
  const [oldest] = cached.keys()
  if (cached.size > MAX_CACHED && oldest !== undefined) cached.delete(oldest)
  return regex.test(text)
}

function compile(pattern: string, modifiers: string): RegExp {
  if (!/^[msix]*$/.test(modifiers))
    throw queryFailure(`RegexMatch has the modifiers m, s, i and x, not '${modifiers}'.`)
  if (pattern.length > MAX_PATTERN) throw queryFailure(`A pattern of RegexMatch has at most ${MAX_PATTERN} characters.`)
  const flags = ['m', 's'].filter((flag) => modifiers.includes(flag)).join('')
  try {
    return new RegExp(rewrite(pattern, modifiers.includes('i'), modifiers.includes('x')), `l${flags}`)
  } catch (error) {
    throw queryFailure(`The pattern of RegexMatch is not supported by the emulator: ${(error as Error).message}.`)
  }
}

const TOKEN = /\\.|\[(?:\\.|[^\]\\])*\]|#[^\n]*|./gs
const MEMBER = /\\.|[a-z]-[a-z]|[A-Z]-[A-Z]|./gs

/**
 * Puts the modifiers that the engine lacks into the pattern: letters in both cases, no white space and no
 * comments.
 */
function rewrite(pattern: string, ignoreCase: boolean, extended: boolean): string {
  return pattern.replace(TOKEN, (token) => {
    if (extended && /^[\s#]/.test(token)) return ''
    if (token.startsWith('#') && token.length > 1) return `#${rewrite(token.slice(1), ignoreCase, extended)}`
    if (!ignoreCase || token.startsWith('\\')) return token
    if (!token.startsWith('[')) return isLetter(token) ? `[${inBothCases(token)}]` : token
    return `[${token.slice(1, -1).replace(MEMBER, (member) => (isCased(member) ? inBothCases(member) : member))}]`
  })
}

const isLetter = (token: string): boolean => token.toLowerCase() !== token.toUpperCase()
const isCased = (member: string): boolean => !member.startsWith('\\') && isLetter(member)
const inBothCases = (text: string): string => text.toLowerCase() + text.toUpperCase()
