import { isObject, type JsonObject } from '../schemas/json.ts'

const annotations = new Set([
  ...['$schema', '$id', '$comment', '$defs', 'title', 'description', 'default', 'examples'],
  ...['deprecated', 'readOnly', 'writeOnly'],
])

// The keys below these are names, not keywords.
const named = new Set(['properties', 'patternProperties', 'dependentSchemas'])
// These are values, not schemas.
const values = new Set(['const', 'enum', 'required'])

const DEEPEST = 50

/**
 * A schema with its references resolved, and without keywords that do not constrain values.
 * @param document the document its references point into.
 * @throws Error for a reference that points outside the document, to nothing, or to itself.
 */
export function plainSchema(schema: unknown, document: unknown, depth = 0): unknown {
  if (!isObject(schema)) return schema
  if (depth > DEEPEST) throw new Error('it contains itself')
  if (typeof schema.$ref === 'string') {
    const { $ref, ...rest } = schema
    const target = plainSchema(referred($ref as string, document), document, depth + 1)
    const beside = plainSchema(rest, document, depth + 1) as JsonObject
    return Object.keys(beside).length === 0 ? target : { allOf: [target, beside] }
  }
  const below = (value: unknown): unknown =>
    Array.isArray(value)
      ? value.map((each) => plainSchema(each, document, depth + 1))
      : plainSchema(value, document, depth + 1)
  return Object.fromEntries(
    Object.entries(schema)
      .filter(([keyword]) => !annotations.has(keyword) && !keyword.startsWith('x-'))
      .map(([keyword, value]) => {
        if (values.has(keyword)) return [keyword, value]
        if (!named.has(keyword) || !isObject(value)) return [keyword, below(value)]
        return [keyword, Object.fromEntries(Object.entries(value).map(([name, each]) => [name, below(each)]))]
      }),
  )
}

function referred($ref: string, document: unknown): unknown {
  if (!$ref.startsWith('#/')) throw new Error(`${$ref} points outside its document`)
  let found = document
  for (const key of $ref.slice(2).split('/')) {
    const name = key.replaceAll('~1', '/').replaceAll('~0', '~')
    found = isObject(found) && Object.hasOwn(found, name) ? found[name] : undefined
  }
  if (found === undefined) throw new Error(`${$ref} points to nothing`)
  return found
}
