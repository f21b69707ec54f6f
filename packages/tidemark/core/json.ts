/**
 * How many arrays and objects may be nested in what an event says, or in a body. The Functions host reads
 * items with Json.NET, which fails at 65 and would hold the relay for ever; the item and the batch around an
 * event take a few of them.
 * https://www.newtonsoft.com/json/help/html/P_Newtonsoft_Json_JsonSerializerSettings_MaxDepth.htm
 */
export const MAX_NESTING = 48

/** What JSON keeps. A field that may be undefined is left out where it is. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json | undefined }

/**
 * Anything where JSON keeps `Data` as far as its type tells; otherwise a type that nothing has, which names
 * the place and the reason in the compiler's message. `unknown` and `any` tell nothing: what they hold is
 * looked at when it is recorded.
 */
export type JsonOnly<Data> = [NotJson<Data>] extends [never]
  ? unknown
  : { readonly [Why in NotJson<Data> & string]: never }

/** The places of a type that JSON does not keep, each in a sentence; never where there is none. */
type NotJson<Data, Path extends string = '', Left extends readonly unknown[] = Levels> = 0 extends 1 & Data
  ? never
  : Data extends Json
    ? never
    : [Foreign<Data>] extends [never]
      ? NotJsonWithin<Data, Path, Left>
      : `${Path extends '' ? '/' : Path}: JSON does not keep ${Foreign<Data>}`

/** How deep a type is looked into. */
type Levels = [0, 0, 0, 0, 0, 0, 0, 0]

type NotJsonWithin<Data, Path extends string, Left extends readonly unknown[]> = Left extends [0, ...infer Less]
  ? Data extends readonly (infer Item)[]
    ? NotJson<Item, `${Path}/*`, Less>
    : Data extends object
      ? {
          [Name in keyof Data & (string | number)]-?: NotJson<Exclude<Data[Name], undefined>, `${Path}/${Name}`, Less>
        }[keyof Data & (string | number)]
      : never
  : never

/** What a value is that JSON has not; never where it may be JSON. */
type Foreign<Data> = Data extends undefined
  ? 'undefined'
  : Data extends bigint
    ? 'a bigint'
    : Data extends symbol
      ? 'a symbol'
      : Data extends (...args: never) => unknown
        ? 'a function'
        : Data extends Date
          ? 'a Date'
          : Data extends ReadonlyMap<unknown, unknown>
            ? 'a Map'
            : Data extends ReadonlySet<unknown>
              ? 'a Set'
              : Data extends RegExp | ArrayBufferView | ArrayBuffer | { toJSON(...args: never): unknown }
                ? 'an object of a class'
                : never

/** Where JSON does not keep a value, and why: a JSON Pointer (RFC 6901) and a sentence. */
export interface JsonFault {
  readonly pointer: string
  readonly detail: string
  /** True where nothing is wrong with the value but its depth. */
  readonly isTooDeep: boolean
}

export type AsJson =
  | { readonly valid: true; readonly value: unknown }
  | { readonly valid: false; readonly fault: JsonFault }

export interface JsonOptions {
  /** The most arrays and objects that may be nested: `MAX_NESTING` where it is left out. */
  readonly levels?: number
  /**
   * Whether whoever reads it, in whatever language, has to get it as it is. True where it is left out. False
   * for what JavaScript alone reads: then an integer need not be safe, a field may be named `__proto__`, and
   * a text may have half a surrogate pair.
   */
  readonly portable?: boolean
}

/**
 * A value as JSON gives it back, to be called before it is stored. JSON itself drops or rewrites what it does
 * not know, and says nothing.
 *
 * Where nothing is lost the value is taken as JSON has it: a field that is undefined is left out, -0 is 0, an
 * object without a prototype is a plain one. So what is decided on now is what is read later. A value that
 * needs none of this is returned as it is.
 * @returns not valid: the first place at which JSON loses something. A Date, a Map or a Set, an object of a
 * class, a bigint, a function, a symbol, undefined outside of an object, a number that is not finite or an
 * integer that is not safe, half a surrogate pair, a field named `__proto__`, a value that holds itself, or
 * more levels than there may be.
 */
export function asJson(value: unknown, { levels = MAX_NESTING, portable = true }: JsonOptions = {}): AsJson {
  const kept = keep(value, levels, portable)
  return kept instanceof Loss ? { valid: false, fault: kept.fault() } : { valid: true, value: kept }
}

/** Whether JSON that was read has more levels than there may be. It looks no deeper than that, however deep it is. */
export function isTooDeep(value: unknown, levels: number = MAX_NESTING): boolean {
  if (typeof value !== 'object' || value === null) return false
  return levels === 0 || Object.values(value).some((each) => isTooDeep(each, levels - 1))
}

/** The place and the reason, in one line. */
export function describeFault({ pointer, detail }: JsonFault): string {
  return `${pointer || '/'}: ${detail}`
}

/** A JSON Pointer. https://www.rfc-editor.org/rfc/rfc6901 */
export function pointerTo(path: readonly (string | number)[]): string {
  return path.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}

/** What JSON loses, on its way up from its place: so nothing is written down on the way to what is kept. */
class Loss {
  readonly #detail: string
  readonly #isTooDeep: boolean
  /** From the place up: each container, and the key in it. */
  readonly #within: { readonly container: object; readonly key: string | number }[] = []

  constructor(detail: string, isTooDeep = false) {
    this.#detail = detail
    this.#isTooDeep = isTooDeep
  }

  in(container: object, key: string | number): this {
    this.#within.push({ container, key })
    return this
  }

  fault(): JsonFault {
    const path = this.#within.toReversed()
    const pointer = pointerTo(path.map(({ key }) => key))
    if (!this.#isTooDeep) return { pointer, detail: this.#detail, isTooDeep: false }
    // What holds itself has no end: it is found as too deep, and told as what it is.
    const containers = path.map(({ container }) => container)
    const again = containers.findIndex((container, index) => containers.indexOf(container) < index)
    if (again === -1) return { pointer, detail: this.#detail, isTooDeep: true }
    const detail = 'it holds itself, which JSON cannot: name it by an id'
    return { pointer: pointerTo(path.slice(0, again).map(({ key }) => key)), detail, isTooDeep: false }
  }
}

function keep(value: unknown, levels: number, portable: boolean): unknown {
  switch (typeof value) {
    case 'string':
      return portable && !value.isWellFormed() ? new Loss(HALF_PAIR) : value
    case 'number':
      return keepNumber(value, portable)
    case 'boolean':
      return value
    case 'object':
      if (value === null) return null
      if (levels === 0) return new Loss('there are too many arrays and objects within each other', true)
      return Array.isArray(value) ? keepArray(value, levels - 1, portable) : keepObject(value, levels - 1, portable)
    case 'bigint':
      return new Loss('a bigint is no JSON: write a text')
    case 'undefined':
      return new Loss('undefined is no JSON: write null, or leave it out')
    default:
      return new Loss(`a ${typeof value} is no JSON`)
  }
}

const HALF_PAIR = 'half a surrogate pair is no text'

function keepNumber(value: number, portable: boolean): number | Loss {
  if (Number.isSafeInteger(value)) return value === 0 ? 0 : value
  if (!Number.isFinite(value)) return new Loss(`${value} is no JSON`)
  if (!portable || !Number.isInteger(value)) return value
  return new Loss(`${value} is no safe integer, which some readers would round: write a text`)
}

function keepArray(array: readonly unknown[], levels: number, portable: boolean): readonly unknown[] | Loss {
  let copy = Object.getPrototypeOf(array) === Array.prototype ? undefined : [...array]
  for (let index = 0; index < array.length; index += 1) {
    const kept = keep(array[index], levels, portable)
    if (kept instanceof Loss) return kept.in(array, index)
    if (Object.is(kept, array[index])) continue
    copy ??= [...array]
    copy[index] = kept
  }
  if (Object.keys(array).length !== array.length) return new Loss('an array has no fields in JSON: write an object')
  return copy ?? array
}

function keepObject(object: object, levels: number, portable: boolean): object | Loss {
  const prototype: unknown = Object.getPrototypeOf(object)
  const isPlain = prototype === Object.prototype
  // Object.groupBy makes objects without a prototype, and another realm's plain objects have another one.
  if (!isPlain && prototype !== null && Object.getPrototypeOf(prototype) !== null)
    return new Loss(describeInstance(object))
  if (Object.getOwnPropertySymbols(object).length > 0) return new Loss('a field named by a symbol is no JSON')
  const fields = object as Readonly<Record<string, unknown>>
  const names = Object.keys(object)
  let copy: [string, unknown][] | undefined = isPlain ? undefined : []
  for (let index = 0; index < names.length; index += 1) {
    const name = names[index] as string
    const field = fields[name]
    const kept = field === undefined ? undefined : keepField(name, field, levels, portable)
    if (kept instanceof Loss) return kept.in(object, name)
    if (copy === undefined && (kept === undefined || !Object.is(kept, field)))
      copy = names.slice(0, index).map((before) => [before, fields[before]])
    if (kept !== undefined) copy?.push([name, kept])
  }
  return copy === undefined ? object : Object.fromEntries(copy)
}

function keepField(name: string, field: unknown, levels: number, portable: boolean): unknown {
  if (portable && name === '__proto__')
    return new Loss('who copies a field of this name sets a prototype: name it otherwise')
  if (portable && !name.isWellFormed()) return new Loss(HALF_PAIR)
  return keep(field, levels, portable)
}

function describeInstance(object: object): string {
  if (object instanceof Date) return 'a Date is no JSON: write a text, as its toISOString() makes it'
  if (object instanceof Map) return 'a Map is no JSON: write an object or an array'
  if (object instanceof Set) return 'a Set is no JSON: write an array'
  const { name = 'a class' } = (object.constructor ?? {}) as { readonly name?: string }
  return `an object of ${name} is no JSON: write its fields`
}
