import type { JsonObject } from '../schemas/json.ts'

/** The ways in which numbers that fit `narrow` may not fit `wide`. */
export function numberDifferences(narrow: JsonObject, wide: JsonObject, whole: boolean): readonly string[] {
  const [least, below] = [lower(narrow, whole), lower(wide, whole)]
  const [most, above] = [upper(narrow, whole), upper(wide, whole)]
  return [
    ...(least.bound < below.bound || (least.bound === below.bound && below.open && !least.open)
      ? [`may be less than ${below.bound}`]
      : []),
    ...(most.bound > above.bound || (most.bound === above.bound && above.open && !most.open)
      ? [`may be more than ${above.bound}`]
      : []),
    ...(isMultiple(narrow, wide, whole) ? [] : [`may not be a multiple of ${wide.multipleOf}`]),
  ]
}

interface Bound {
  readonly bound: number
  /** Whether the bound itself is excluded. */
  readonly open: boolean
}

function lower(schema: JsonObject, whole: boolean): Bound {
  const { minimum = Number.NEGATIVE_INFINITY, exclusiveMinimum = Number.NEGATIVE_INFINITY } = toNumbers(schema)
  if (whole) return { bound: Math.max(Math.ceil(minimum), Math.floor(exclusiveMinimum) + 1), open: false }
  return exclusiveMinimum >= minimum && Number.isFinite(exclusiveMinimum)
    ? { bound: exclusiveMinimum, open: true }
    : { bound: minimum, open: false }
}

function upper(schema: JsonObject, whole: boolean): Bound {
  const { maximum = Number.POSITIVE_INFINITY, exclusiveMaximum = Number.POSITIVE_INFINITY } = toNumbers(schema)
  if (whole) return { bound: Math.min(Math.floor(maximum), Math.ceil(exclusiveMaximum) - 1), open: false }
  return exclusiveMaximum <= maximum && Number.isFinite(exclusiveMaximum)
    ? { bound: exclusiveMaximum, open: true }
    : { bound: maximum, open: false }
}

function isMultiple(narrow: JsonObject, wide: JsonObject, whole: boolean): boolean {
  const { multipleOf: of } = toNumbers(wide)
  if (of === undefined || (of === 1 && whole)) return true
  const { multipleOf } = toNumbers(narrow)
  return multipleOf !== undefined && Number.isInteger(multipleOf / of)
}

/** The ways in which texts that fit `narrow` may not fit `wide`. Patterns are compared as text. */
export function textDifferences(narrow: JsonObject, wide: JsonObject): readonly string[] {
  return [
    ...lengthDifferences(narrow, wide, 'Length', 'characters'),
    ...(['pattern', 'format'] as const)
      .filter((keyword) => wide[keyword] !== undefined && wide[keyword] !== narrow[keyword])
      .map((keyword) => `has another ${keyword} than ${wide[keyword]}`),
  ]
}

/** The ways in which arrays that fit `narrow` may not fit `wide`, apart from their items. */
export function arrayDifferences(narrow: JsonObject, wide: JsonObject): readonly string[] {
  return [
    ...lengthDifferences(narrow, wide, 'Items', 'items'),
    ...(wide.uniqueItems === true && narrow.uniqueItems !== true ? ['may have an item twice'] : []),
  ]
}

function lengthDifferences(
  narrow: JsonObject,
  wide: JsonObject,
  keyword: 'Length' | 'Items',
  unit: string,
): readonly string[] {
  const [least, most] = [`min${keyword}`, `max${keyword}`]
  const [narrowBounds, wideBounds] = [toNumbers(narrow), toNumbers(wide)]
  const fewest = wideBounds[least] ?? 0
  const longest = wideBounds[most] ?? Number.POSITIVE_INFINITY
  return [
    ...((narrowBounds[least] ?? 0) < fewest ? [`may have fewer than ${fewest} ${unit}`] : []),
    ...((narrowBounds[most] ?? Number.POSITIVE_INFINITY) > longest ? [`may have more than ${longest} ${unit}`] : []),
  ]
}

function toNumbers(schema: JsonObject): Readonly<Record<string, number | undefined>> {
  return schema as Readonly<Record<string, number | undefined>>
}
