import { badRequest } from '../api/failure.ts'

/** A JSON object as clients send it. */
export type Json = Record<string, unknown>

/** The nesting of an item. https://learn.microsoft.com/azure/cosmos-db/concepts-limits */
export const MAX_NESTING = 128

export function isObject(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/**
 * Follows one step of a path: a name leads into an object, a number into an array. Only into own fields,
 * never into a prototype.
 */
export function stepInto(value: unknown, step: string | number): unknown {
  if (Array.isArray(value)) return typeof step === 'number' ? value[step] : undefined
  return isObject(value) && typeof step === 'string' && Object.hasOwn(value, step) ? value[step] : undefined
}

/** Sets a field of any name. Assigning `__proto__` would change the prototype instead. */
export function setField(object: Json, name: string, value: unknown): void {
  Object.defineProperty(object, name, { value, writable: true, enumerable: true, configurable: true })
}

/** Equality of JSON values. Undefined equals undefined, and 0 equals -0. */
export function sameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (Array.isArray(a) && Array.isArray(b))
    return a.length === b.length && a.every((element, index) => sameJson(element, b[index]))
  if (!isObject(a) || !isObject(b)) return false
  const names = Object.keys(a)
  return (
    names.length === Object.keys(b).length &&
    names.every((name) => Object.hasOwn(b, name) && sameJson(a[name], b[name]))
  )
}

/**
 * Refuses what cannot be stored unchanged: a number that no double holds, and nesting that would exhaust the
 * stack.
 * @throws Failure 400
 */
export function checkJson(value: unknown, levels = MAX_NESTING): void {
  if (typeof value === 'number' && !Number.isFinite(value)) throw badRequest('a number is too large')
  if (typeof value !== 'object' || value === null) return
  if (levels === 0) throw badRequest('the JSON is nested too deeply')
  for (const inner of Array.isArray(value) ? value : Object.values(value)) checkJson(inner, levels - 1)
}
