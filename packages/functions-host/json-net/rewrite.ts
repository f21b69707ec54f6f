// Rewrites a JSON text as Newtonsoft.Json 13.0.3 does with its default settings. The Functions host reads
// texts to objects and writes them again. `npm run test:dotnet` compares this with the library, and records
// the library's results in packages/functions-host/test/json-net.json.
// https://github.com/JamesNK/Newtonsoft.Json/blob/13.0.3/Src/Newtonsoft.Json/JsonTextReader.cs

import { rewriteDate } from './date.ts'
import { rewriteNumber } from './number.ts'
import { JsonNetRefusal } from './refusal.ts'
import { quote, readEscapes } from './string.ts'

const DEEPEST = 64
// char.IsWhiteSpace of .NET: unlike \s it includes U+0085, and excludes the byte order mark.
const SPACE = /[\t-\r \u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]*/y
const NUMBER = /[-+.0-9a-fA-FxX]*/y
const NAME = /[\p{L}\p{Nd}_$]+/uy
const PLAIN = { '"': /[^"\\]*/y, "'": /[^'\\]*/y } as const
/**
 * Properties with which Json.NET writes references and types, if they come first in the outermost object.
 */
const METADATA = new Set(['$id', '$ref', '$type', '$values'])

/**
 * Rewrites a text as `JsonConvert.DeserializeObject` and then `SerializeObject` do. An empty text becomes
 * null.
 * @throws JsonNetRefusal if Json.NET cannot read the text. Also for comments and constructors: Json.NET reads
 * them, but the worker could not read what it writes.
 */
export function rewriteJson(text: string): string {
  const rewriter = new Rewriter(text.toWellFormed())
  return rewriter.rewrite()
}

class Rewriter {
  readonly #text: string
  #at = 0
  #depth = 0
  /** Closing brackets may be missing if the outermost value is an array, but not if it is an object. */
  #isArray = false

  constructor(text: string) {
    this.#text = text
  }

  rewrite(): string {
    this.#skipSpace()
    this.#isArray = this.#text[this.#at] === '['
    if (this.#at === this.#text.length) return 'null'
    const value = this.#readValue()
    this.#skipSpace()
    if (this.#at < this.#text.length) throw this.#unexpected()
    return value === 'undefined' ? 'null' : value
  }

  #readValue(): string {
    const first = this.#text[this.#at]
    switch (first) {
      case '"':
      case "'": {
        const string = this.#readString(first)
        return quote(rewriteDate(string) ?? string)
      }
      case '{':
        return this.#readObject()
      case '[':
        return this.#readArray()
      case ',':
        // A value left out between commas. The caller reads the comma.
        return 'undefined'
      case 't':
        return this.#readLiteral('true')
      case 'f':
        return this.#readLiteral('false')
      case 'n':
        return this.#readLiteral('null')
      case 'u':
        return this.#readLiteral('undefined')
      case 'N':
        return `"${this.#readLiteral('NaN')}"`
      case 'I':
        return `"${this.#readLiteral('Infinity')}"`
      case '-':
        if (this.#text[this.#at + 1] === 'I') return `"${this.#readLiteral('-Infinity')}"`
        return this.#readNumber()
      default:
        if (first !== undefined && /[.0-9]/.test(first)) return this.#readNumber()
        throw this.#unexpected()
    }
  }

  #readObject(): string {
    this.#enter()
    // A repeated property has its last value, in its last place.
    const properties = new Map<string, string>()
    let metadata = this.#depth === 1
    for (;;) {
      this.#skipSpace()
      if (this.#take('}')) break
      const name = this.#readName()
      const value = this.#readPropertyValue()
      metadata &&= METADATA.has(name)
      if (metadata) {
        const instead = this.#readMetadata(name, value)
        if (instead !== undefined) return instead
      } else {
        properties.delete(name)
        properties.set(name, value)
      }
      if (!this.#takeComma('}')) break
    }
    this.#depth -= 1
    return `{${[...properties].map(([name, value]) => `${quote(name)}:${value}`).join(',')}}`
  }

  #readName(): string {
    const first = this.#text[this.#at]
    if (first === '"' || first === "'") return this.#readString(first)
    const name = this.#match(NAME)
    if (name === '') throw this.#unexpected()
    return name
  }

  #readPropertyValue(): string {
    this.#skipSpace()
    if (!this.#take(':')) throw this.#unexpected()
    this.#skipSpace()
    return this.#readValue()
  }

  /** @returns the value that replaces the whole object, for `$ref` and `$values`, which must be the last property. */
  #readMetadata(name: string, value: string): string | undefined {
    const isContainer = /^[[{]/.test(value)
    if (name === '$id' && !isContainer) return undefined
    if (name === '$type' && !isContainer && value !== 'null' && value !== 'undefined') return undefined
    if (name === '$ref' && value === 'null') return undefined
    if (name === '$values' || (name === '$ref' && isPlainString(value))) {
      const isEnd = !this.#takeComma('}')
      this.#skipSpace()
      if (isEnd || this.#take('}')) return name === '$ref' ? 'null' : value
    }
    throw new JsonNetRefusal(`${name} is not a reference or type of Json.NET`)
  }

  #readArray(): string {
    this.#enter()
    const values: string[] = []
    for (;;) {
      this.#skipSpace()
      if (this.#take(']') || this.#isCutBehind(values.at(-1))) break
      values.push(this.#readValue())
      if (!this.#takeComma(']')) break
    }
    this.#depth -= 1
    return `[${values.join(',')}]`
  }

  /** In the outermost array, the text may also end after a comma if the last value is an object or array. */
  #isCutBehind(last: string | undefined): boolean {
    return this.#depth === 1 && this.#at === this.#text.length && last !== undefined && /^[[{]/.test(last)
  }

  #readString(delimiter: '"' | "'"): string {
    this.#at += 1
    const start = this.#at
    for (;;) {
      this.#match(PLAIN[delimiter])
      if (this.#at >= this.#text.length) throw new JsonNetRefusal('a string does not end')
      if (this.#text[this.#at] === delimiter) break
      this.#at += 2
    }
    this.#at += 1
    return readEscapes(this.#text.slice(start, this.#at - 1))
  }

  /** Reads a literal. A separator must follow it. */
  #readLiteral(literal: string): string {
    if (!this.#text.startsWith(literal, this.#at)) throw this.#unexpected()
    this.#at += literal.length
    const next = this.#text[this.#at]
    if (next !== undefined && !/[}\],]/.test(next) && !this.#isSpace()) throw this.#unexpected()
    return literal
  }

  #readNumber(): string {
    const text = this.#match(NUMBER)
    const next = this.#text[this.#at]
    if (next !== undefined && !/[}\],]/.test(next) && !this.#isSpace()) throw this.#unexpected()
    return rewriteNumber(text)
  }

  #enter(): void {
    this.#at += 1
    this.#depth += 1
    if (this.#depth > DEEPEST) throw new JsonNetRefusal(`more than ${DEEPEST} nested objects and arrays`)
  }

  /** @returns false at the end of the values. */
  #takeComma(end: '}' | ']'): boolean {
    this.#skipSpace()
    if (this.#take(',')) return true
    if (this.#take(end) || (this.#isArray && this.#at === this.#text.length)) return false
    throw this.#unexpected()
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false
    this.#at += 1
    return true
  }

  #isSpace(): boolean {
    SPACE.lastIndex = this.#at
    return SPACE.exec(this.#text)?.[0] !== ''
  }

  #skipSpace(): void {
    this.#match(SPACE)
  }

  #match(pattern: RegExp): string {
    pattern.lastIndex = this.#at
    const [found = ''] = pattern.exec(this.#text) ?? []
    this.#at += found.length
    return found
  }

  #unexpected(): JsonNetRefusal {
    const character = this.#text[this.#at]
    if (character === undefined) return new JsonNetRefusal('the text ends too early')
    return new JsonNetRefusal(`${JSON.stringify(character)} is not expected at ${this.#at}`)
  }
}

/** Whether the value is a string but not a date: a rewritten date still reads as a date. */
function isPlainString(value: string): boolean {
  return value.startsWith('"') && rewriteDate(JSON.parse(value)) === undefined
}
