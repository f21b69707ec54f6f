import { isObject, type JsonObject } from '../schemas/json.ts'
import type { SchemaFiles } from '../schemas/schema-files.ts'

/** The JSON of the files of a `schemas/`. */
export type Documents = ReadonlyMap<string, JsonObject>

/** @throws Error for a file that is not a JSON object. */
export function parseDocuments(files: SchemaFiles): Documents {
  return new Map(
    [...files].map(([file, text]) => {
      let value: unknown
      try {
        value = JSON.parse(text)
      } catch (cause) {
        throw new Error(`schemas/${file} is not JSON: ${(cause as Error).message}`, { cause })
      }
      if (!isObject(value)) throw new Error(`schemas/${file} is not a JSON object`)
      return [file, value] as const
    }),
  )
}

/** Looks a value up by its keys. @returns undefined if there is none. */
export function at(value: unknown, ...keys: readonly string[]): unknown {
  return keys.reduce<unknown>(
    (part, key) => (isObject(part) && Object.hasOwn(part, key) ? part[key] : undefined),
    value,
  )
}
