import { isDeepStrictEqual } from 'node:util'
import { isObject } from '../schemas/json.ts'

export type Json = null | boolean | number | string | readonly Json[] | JsonObject
export interface JsonObject {
  readonly [name: string]: Json
}

/** The result of a merge. */
export interface Merged {
  /** undefined if nothing is left. */
  readonly value: Json | undefined
  /** One line for each difference to the adopter's version. */
  readonly changed: readonly string[]
  /** One line for each conflict, in which the adopter's value was kept. */
  readonly kept: readonly string[]
}

/**
 * Upgrades JSON that an adopter may have edited, key by key. A key that the adopter has not touched gets the
 * value of the new version; any other stays. A list is merged as one value.
 * @param old the old version. @param next the new version. @param mine the adopter's version.
 */
export function mergeJson(
  old: Json | undefined,
  next: Json | undefined,
  mine: Json | undefined,
  path: readonly string[] = [],
): Merged {
  if (isDeepStrictEqual(mine, next) || isDeepStrictEqual(old, next)) return { value: mine, changed: [], kept: [] }
  if (isObject(next) && isObject(mine)) return mergeObjects(isObject(old) ? old : {}, next, mine, path)
  const name = path.join('.')
  if (isDeepStrictEqual(old, mine)) return { value: next, changed: [`${name}: ${step(mine, next)}`], kept: [] }
  const theirs = next === undefined ? 'has removed it' : `now has ${JSON.stringify(next)}`
  const own = mine === undefined ? 'you removed it' : `yours is ${JSON.stringify(mine)}`
  return { value: mine, changed: [], kept: [`${name}: ${own}, and Tidemark ${theirs}`] }
}

function mergeObjects(old: JsonObject, next: JsonObject, mine: JsonObject, path: readonly string[]): Merged {
  const names = [...new Set([...Object.keys(mine), ...Object.keys(next)])]
  const merged = names.map((name) => {
    const [was, will, is] = [old, next, mine].map((each) => (Object.hasOwn(each, name) ? each[name] : undefined))
    return [name, mergeJson(was, will, is, [...path, name])] as const
  })
  return {
    value: Object.fromEntries(
      merged.flatMap(([name, { value }]) => (value === undefined ? [] : [[name, value] as const])),
    ),
    changed: merged.flatMap(([, { changed }]) => changed),
    kept: merged.flatMap(([, { kept }]) => kept),
  }
}

function step(before: Json | undefined, after: Json | undefined): string {
  if (after === undefined) return 'removed'
  return before === undefined
    ? `added, ${JSON.stringify(after)}`
    : `${JSON.stringify(before)} → ${JSON.stringify(after)}`
}

/** JSON with the indentation and the line ends of a file. */
export function jsonText(value: Json, file: string): string {
  const indent = /^[{[]\r?\n([ \t]+)/.exec(file)?.[1] ?? '  '
  const text = `${JSON.stringify(value, null, indent)}\n`
  return file.includes('\r\n') ? text.replaceAll('\n', '\r\n') : text
}
