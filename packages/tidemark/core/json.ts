/**
 * How deep arrays and objects may be nested in an event's data or a request body. The Functions host reads
 * items with Json.NET, which fails at 65 levels and would block the relay. The item and the batch around an
 * event take a few levels.
 * https://www.newtonsoft.com/json/help/html/P_Newtonsoft_Json_JsonSerializerSettings_MaxDepth.htm
 */
export const MAX_NESTING = 48

/** The values that JSON can represent. An undefined field is left out. */
type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json | undefined }

/**
 * `unknown` if JSON keeps `Data`, as far as its type shows. Otherwise an impossible type that names the place
 * and the reason in the compiler's message. `unknown` and `any` pass here; their values are checked at run
 * time when they are recorded.
 */
export type JsonOnly<Data> = [NotJson<Data>] extends [never]
  ? unknown
  : { readonly [Why in NotJson<Data> & string]: never }

/** The places of a type that JSON does not keep, one sentence each; never if there are none. */
type NotJson<Data, Path extends string = '', Left extends readonly unknown[] = Levels> = 0 extends 1 & Data
  ? never
  : Data extends Json
    ? never
    : [Foreign<Data>] extends [never]
      ? NotJsonWithin<Data, Path, Left>
      : `${Path extends '' ? '/' : Path}: JSON does not keep ${Foreign<Data>}`

/** How many levels of a type are checked. */
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

/** Names a type that JSON does not have; never if the type may be JSON. */
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
interface JsonFault {
  readonly pointer: string
  readonly detail: string
  /** True if the depth is the only fault. */
  readonly isTooDeep: boolean
}

export type AsJson =
  | { readonly outcome: 'valid'; readonly value: unknown }
  | { readonly outcome: 'invalid'; readonly fault: JsonFault }

export interface JsonOptions {
  /** How deep arrays and objects may be nested; default `MAX_NESTING`. */
  readonly levels?: number
  /**
   * Whether readers in any language must get the same value; default true. If false, only JavaScript reads
   * it. Then unsafe integers, a field named `__proto__` and half surrogate pairs are allowed.
   */
  readonly portable?: boolean
}

/**
 * Returns a value as JSON would give it back. Call it before storing a value, because JSON silently drops or
 * rewrites what it does not support.
 *
 * Lossless normalisation is applied: undefined fields are left out, -0 becomes 0, an object without a
 * prototype becomes a plain one. So a decision sees the value that is read later. A value that needs no
 * change is returned itself.
 * @returns `invalid`: the first place where JSON would lose something. That is a Date, Map, Set, class
 *   instance, bigint, function or symbol; undefined outside of an object; a number that is not finite; an
 *   unsafe integer; half a surrogate pair; a field named `__proto__`; a cycle; or too many levels.
 */
export function asJson(value: unknown, { levels = MAX_NESTING, portable = true }: JsonOptions = {}): AsJson {
  const kept = keep(value, levels, portable)
  return kept instanceof Loss ? { outcome: 'invalid', fault: kept.fault() } : { outcome: 'valid', value: kept }
}

/** Whether parsed JSON is nested deeper than `levels`. It never descends further than that. */
export function isTooDeep(value: unknown, levels: number = MAX_NESTING): boolean {
  if (typeof value !== 'object' || value === null) return false
  return levels === 0 || Object.values(value).some((each) => isTooDeep(each, levels - 1))
}

/** Formats the place and the reason in one line. */
export function describeFault({ pointer, detail }: JsonFault): string {
  return `${pointer || '/'}: ${detail}`
}

/** A JSON Pointer. https://www.rfc-editor.org/rfc/rfc6901 */
export function pointerTo(path: readonly (string | number)[]): string {
  return path.map((key) => `/${String(key).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('')
}

/**
 * What JSON would lose. The path is collected while returning from the place, so valid values cost nothing.
 */
class Loss {
  readonly #detail: string
  readonly #isTooDeep: boolean
  /** From the place upwards: each container, and the key within it. */
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
    // A cycle has no end, so it is detected as too deep but reported as a cycle.
    const containers = path.map(({ container }) => container)
    const again = containers.findIndex((container, index) => containers.indexOf(container) < index)
    if (again === -1) return { pointer, detail: this.#detail, isTooDeep: true }
    const detail = 'it contains itself, which JSON cannot express: refer to it by an id'
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
      if (levels === 0) return new Loss('there are too many nested arrays and objects', true)
      return Array.isArray(value) ? keepArray(value, levels - 1, portable) : keepObject(value, levels - 1, portable)
    case 'bigint':
      return new Loss('a bigint is not JSON: write a string')
    case 'undefined':
      return new Loss('undefined is not JSON: write null, or leave it out')
    default:
      return new Loss(`a ${typeof value} is not JSON`)
  }
}

const HALF_PAIR = 'half a surrogate pair is not valid text'

function keepNumber(value: number, portable: boolean): number | Loss {
  if (Number.isSafeInteger(value)) return value === 0 ? 0 : value
  if (!Number.isFinite(value)) return new Loss(`${value} is not JSON`)
  if (!portable || !Number.isInteger(value)) return value
  return new Loss(`${value} is not a safe integer, and some readers would round it: write a string`)
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
  // Object.groupBy makes objects without a prototype. Plain objects of another realm have a different one.
  if (!isPlain && prototype !== null && Object.getPrototypeOf(prototype) !== null)
    return new Loss(describeInstance(object))
  if (Object.getOwnPropertySymbols(object).length > 0) return new Loss('a field named by a symbol is not JSON')
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
  if (portable && name === '__proto__') return new Loss('copying a field of this name sets a prototype: rename it')
  if (portable && !name.isWellFormed()) return new Loss(HALF_PAIR)
  return keep(field, levels, portable)
}

function describeInstance(object: object): string {
  if (object instanceof Date) return 'a Date is not JSON: write a string, such as its toISOString()'
  if (object instanceof Map) return 'a Map is not JSON: write an object or an array'
  if (object instanceof Set) return 'a Set is not JSON: write an array'
  const { name = 'a class' } = (object.constructor ?? {}) as { readonly name?: string }
  return `an object of ${name} is not JSON: write its fields`
}
