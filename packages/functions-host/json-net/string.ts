import { JsonNetRefusal } from './refusal.ts'

const ESCAPED: Readonly<Record<string, string>> = {
  b: '\b',
  t: '\t',
  n: '\n',
  f: '\f',
  r: '\r',
  '\\': '\\',
  '"': '"',
  "'": "'",
  '/': '/',
}

/**
 * Reads the text between two quotes. Half of a surrogate pair becomes U+FFFD.
 * @throws JsonNetRefusal for an unknown escape.
 */
export function readEscapes(text: string): string {
  if (!text.includes('\\')) return text
  const read = text.replace(/\\(u[0-9a-fA-F]{4}|.)/gs, (_, sequence: string) => {
    if (sequence.length > 1) return String.fromCharCode(Number.parseInt(sequence.slice(1), 16))
    const character = ESCAPED[sequence]
    if (character === undefined) throw new JsonNetRefusal(`\\${sequence} is not an escape`)
    return character
  })
  return read.toWellFormed()
}

/** Writes a string as Json.NET does: like JavaScript, with three more characters escaped. */
export function quote(text: string): string {
  return JSON.stringify(text).replace(
    /[\u0085\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
}
