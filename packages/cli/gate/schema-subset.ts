import { isDeepStrictEqual } from 'node:util'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { isObject, type JsonObject } from '../schemas/json.ts'
import { arrayDifferences, numberDifferences, textDifferences } from './bounds.ts'
import { plainSchema } from './plain-schema.ts'

/** A way in which a value may fit one schema and not the other. */
export interface Difference {
  /** The field: `payment.method`, `lines[].sku`; empty for the whole. */
  readonly at: string
  readonly what: string
  /** Whether it is only a new value in a list of values. */
  readonly isNewValue?: true
}

const ajv = new Ajv2020({ strict: false })

const compared = new Set([
  ...['type', 'const', 'enum', 'anyOf', 'oneOf', 'properties', 'required', 'additionalProperties', 'propertyNames'],
  ...['items', 'minItems', 'maxItems', 'uniqueItems', 'minLength', 'maxLength', 'pattern', 'format'],
  ...['minimum', 'maximum', 'exclusiveMinimum', 'exclusiveMaximum', 'multipleOf'],
])

/**
 * The ways in which a value that fits `narrow` may not fit `wide`; none if every such value fits. Reports
 * what it cannot compare as a difference. So it may report a false difference, but never misses a real one.
 * @param documents the documents that the references of each point into.
 */
export function subsetDifferences(
  narrow: unknown,
  wide: unknown,
  documents: { readonly narrow: unknown; readonly wide: unknown } = { narrow, wide },
): readonly Difference[] {
  try {
    return compare(plainSchema(narrow, documents.narrow), plainSchema(wide, documents.wide), '')
  } catch (error) {
    return [cannot('', (error as Error).message)]
  }
}

function compare(narrowSchema: unknown, wideSchema: unknown, at: string): readonly Difference[] {
  if (isDeepStrictEqual(narrowSchema, wideSchema)) return []
  const narrow = narrowSchema === true ? {} : narrowSchema
  const wide = wideSchema === true ? {} : wideSchema
  if (narrow === false) return []
  if (!isObject(narrow) || !isObject(wide)) return [{ at, what: 'is no longer accepted' }]
  if (Object.keys(wide).length === 0) return []
  const unknown = [...Object.keys(narrow), ...Object.keys(wide)].find((keyword) => !compared.has(keyword))
  if (unknown !== undefined) return [cannot(at, `${unknown} is not supported`)]

  for (const union of ['anyOf', 'oneOf'])
    if (Array.isArray(narrow[union]))
      return Object.keys(narrow).length > 1
        ? [cannot(at, `${union} with other keywords`)]
        : narrow[union].flatMap((branch) => compare(branch, wide, at))
  const listed = listValues(narrow)
  const taken = listValues(wide)
  if (listed) return notTaken(listed, wide, taken, at)
  if (taken) return [{ at, what: `may be other than ${taken.map((value) => JSON.stringify(value)).join(', ')}` }]
  if ('oneOf' in wide) return [cannot(at, 'oneOf accepts only what fits exactly one branch')]
  if (Array.isArray(wide.anyOf)) {
    if (Object.keys(wide).length > 1) return [cannot(at, 'anyOf with other keywords')]
    const fits = wide.anyOf.some((branch) => compare(narrow, branch, at).length === 0)
    return fits ? [] : [{ at, what: 'may fit no former alternative' }]
  }
  return byType(narrow, wide, at)
}

/**
 * All values that fit, if they can be listed. Other keywords may narrow the list further. Then it has values
 * that do not fit, which is safe.
 */
function listValues(schema: JsonObject): readonly unknown[] | undefined {
  if ('const' in schema) return [schema.const]
  if (Array.isArray(schema.enum)) return schema.enum
  if (schema.type === 'boolean') return [true, false]
  return schema.type === 'null' ? [null] : undefined
}

function notTaken(
  values: readonly unknown[],
  wide: JsonObject,
  taken: readonly unknown[] | undefined,
  at: string,
): readonly Difference[] {
  if (JSON.stringify(wide).includes('"format":')) return [cannot(at, 'listed values with a format')]
  const fits = ajv.compile(wide)
  return values
    .filter((value) => !fits(value))
    .map((value) => ({
      at,
      what: `may be ${JSON.stringify(value)}`,
      ...(taken?.some((other) => typeof other === typeof value) ? { isNewValue: true } : {}),
    }))
}

function byType(narrow: JsonObject, wide: JsonObject, at: string): readonly Difference[] {
  const types = listTypes(narrow)
  const taken = listTypes(wide)
  const other = types.filter((type) => !taken.includes(type) && !(type === 'integer' && taken.includes('number')))
  if (other.length > 0) return [{ at, what: `may be of type ${other.join(', ')}, not ${taken.join(', ')}` }]
  const may = (type: string): boolean => types.includes(type)
  return [
    ...(may('number') || may('integer') ? numberDifferences(narrow, wide, !may('number')) : []).map(placed(at)),
    ...(may('string') ? textDifferences(narrow, wide) : []).map(placed(at)),
    ...(may('array') ? arrayDifferences(narrow, wide) : []).map(placed(at)),
    ...(may('array') ? compare(narrow.items ?? true, wide.items ?? true, `${at}[]`) : []),
    ...(may('object') ? objectDifferences(narrow, wide, at) : []),
  ]
}

const placed =
  (at: string) =>
  (what: string): Difference => ({ at, what })

function listTypes({ type }: JsonObject): readonly string[] {
  if (type === undefined) return ['null', 'boolean', 'number', 'integer', 'string', 'array', 'object']
  return Array.isArray(type) ? type : [String(type)]
}

function objectDifferences(narrow: JsonObject, wide: JsonObject, at: string): readonly Difference[] {
  const fields = (narrow.properties ?? {}) as JsonObject
  const taken = (wide.properties ?? {}) as JsonObject
  const has = (names: unknown, name: string): boolean => Array.isArray(names) && names.includes(name)
  const rest = narrow.additionalProperties ?? true
  const takenRest = wide.additionalProperties ?? true
  const below = (name: string): string => (at === '' ? name : `${at}.${name}`)

  const missing = ((wide.required ?? []) as readonly string[]).filter((name) => !has(narrow.required, name))
  const gone = Object.keys(taken).filter((name) => !Object.hasOwn(fields, name))
  return [
    ...missing.map((name) => ({ at: below(name), what: gone.includes(name) ? 'is missing' : 'may be missing' })),
    ...gone
      .filter((name) => !missing.includes(name) && rest !== false)
      .flatMap((name) =>
        rest === true && !isDeepStrictEqual(taken[name], {})
          ? [{ at: below(name), what: 'is not declared' }]
          : compare(rest, taken[name], below(name)),
      ),
    ...Object.keys(fields).flatMap((name) =>
      Object.hasOwn(taken, name)
        ? compare(fields[name], taken[name], below(name))
        : takenRest === false
          ? [{ at: below(name), what: 'is not accepted' }]
          : compare(fields[name], takenRest, below(name)),
    ),
    ...(takenRest === false && rest !== false ? [{ at, what: 'accepts no undeclared field' }] : []),
    ...(takenRest !== false ? compare(rest, takenRest, below('*')) : []),
    ...(wide.propertyNames === undefined
      ? []
      : compare(narrow.propertyNames ?? true, wide.propertyNames, below('(names)'))),
  ]
}

function cannot(at: string, why: string): Difference {
  return { at, what: `cannot be compared: ${why}` }
}
