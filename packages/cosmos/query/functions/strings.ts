import { isObject } from '../../values/json.ts'
import { type BuiltIn, builtIn, isArray, isNumber, isText, MANY } from './built-in.ts'
import { matchesRegex } from './regex.ts'

/** https://learn.microsoft.com/azure/cosmos-db/nosql/query/replicate */
const MAX_REPLICATED = 10_000

const map = (change: (text: string) => unknown): BuiltIn =>
  builtIn(1, 1, ([text]) => (isText(text) ? change(text) : undefined))

/** Tests two texts. If the third operand is true, the case of letters is ignored. */
const test = (holds: (text: string, other: string) => boolean): BuiltIn =>
  builtIn(2, 3, ([text, other, ignoreCase = false]) => {
    if (!isText(text) || !isText(other) || typeof ignoreCase !== 'boolean') return undefined
    return ignoreCase ? holds(text.toLowerCase(), other.toLowerCase()) : holds(text, other)
  })

const part = (cut: (text: string, count: number) => string): BuiltIn =>
  builtIn(2, 2, ([text, count]) =>
    isText(text) && isNumber(count) ? cut(text, Math.max(0, Math.trunc(count))) : undefined,
  )

/** Parses a text as JSON; undefined for a value of another type. */
const parsed = (is: (value: unknown) => boolean): BuiltIn =>
  map((text) => {
    try {
      const value: unknown = JSON.parse(text)
      return is(value) ? value : undefined
    } catch {
      return undefined
    }
  })

function replaceText(text: string, from: string, to: string, checkSize: (length: number) => void): string {
  if (from === '') return text
  const pieces = text.split(from)
  checkSize(text.length + (pieces.length - 1) * (to.length - from.length))
  return pieces.join(to)
}

/** https://learn.microsoft.com/azure/cosmos-db/nosql/query/string-functions */
export const STRINGS = {
  CONCAT: builtIn(2, MANY, (texts, work) => {
    if (!texts.every(isText)) return undefined
    work.checkSize(texts.reduce((sum, { length }) => sum + length, 0))
    return texts.join('')
  }),
  CONTAINS: test((text, other) => text.includes(other)),
  ENDSWITH: test((text, other) => text.endsWith(other)),
  INDEX_OF: builtIn(2, 3, ([text, other, from = 0]) =>
    isText(text) && isText(other) && isNumber(from) ? text.indexOf(other, from) : undefined,
  ),
  LEFT: part((text, count) => text.slice(0, count)),
  LENGTH: map((text) => text.length),
  LOWER: map((text) => text.toLowerCase()),
  LTRIM: map((text) => text.trimStart()),
  REGEXMATCH: builtIn(2, 3, ([text, pattern, modifiers = '']) =>
    isText(text) && isText(pattern) && isText(modifiers) ? matchesRegex(text, pattern, modifiers) : undefined,
  ),
  REPLACE: builtIn(3, 3, ([text, from, to], work) =>
    isText(text) && isText(from) && isText(to)
      ? replaceText(text, from, to, (length) => work.checkSize(length))
      : undefined,
  ),
  REPLICATE: builtIn(2, 2, ([text, times]) => {
    if (!isText(text) || !Number.isFinite(times) || Number(times) < 0) return undefined
    const whole = Math.trunc(Number(times))
    return text.length * whole > MAX_REPLICATED ? undefined : text.repeat(whole)
  }),
  REVERSE: map((text) => [...text].reverse().join('')),
  RIGHT: part((text, count) => (count === 0 ? '' : text.slice(-count))),
  RTRIM: map((text) => text.trimEnd()),
  STARTSWITH: test((text, other) => text.startsWith(other)),
  STRINGEQUALS: test((text, other) => text === other),
  STRINGJOIN: builtIn(2, 2, ([texts, separator], work) => {
    if (!isArray(texts) || !texts.every(isText) || !isText(separator)) return undefined
    work.checkSize(texts.reduce((sum, { length }) => sum + length + separator.length, 0))
    return texts.join(separator)
  }),
  STRINGSPLIT: builtIn(2, 2, ([text, separator]) =>
    isText(text) && isText(separator) ? (separator === '' ? [text] : text.split(separator)) : undefined,
  ),
  STRINGTOARRAY: parsed(isArray),
  STRINGTOBOOLEAN: parsed((value) => typeof value === 'boolean'),
  STRINGTONULL: parsed((value) => value === null),
  STRINGTONUMBER: parsed((value) => Number.isFinite(value)),
  STRINGTOOBJECT: parsed(isObject),
  SUBSTRING: builtIn(3, 3, ([text, start, length]) => {
    if (!isText(text) || !isNumber(start) || !isNumber(length)) return undefined
    const from = Math.max(0, Math.trunc(start))
    return text.slice(from, from + Math.max(0, Math.trunc(length)))
  }),
  TOSTRING: builtIn(1, 1, ([value]) => (isText(value) ? value : JSON.stringify(value))),
  TRIM: map((text) => text.trim()),
  UPPER: map((text) => text.toUpperCase()),
}
