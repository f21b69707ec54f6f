import { badRequest } from '../failure.ts'
import { isObject, type Json, setField, stepInto } from '../json.ts'
import { isSystemField } from './system-fields.ts'

const MAX_OPERATIONS = 10

/**
 * Applies a partial update to an item, in place.
 * @throws Failure 400; the item is then in part changed and of no use.
 * https://learn.microsoft.com/azure/cosmos-db/partial-document-update
 */
export function applyPatch(item: Json, body: unknown): void {
  const { operations, condition } = Array.isArray(body)
    ? { operations: body, condition: undefined }
    : isObject(body)
      ? body
      : {}
  if (condition !== undefined) throw badRequest('a condition of a patch is not supported by this endpoint')
  if (!Array.isArray(operations) || operations.length === 0) throw badRequest('a patch has operations')
  if (operations.length > MAX_OPERATIONS) throw badRequest(`a patch has at most ${MAX_OPERATIONS} operations`)
  for (const operation of operations) applyOne(item, operation)
}

function applyOne(item: Json, operation: unknown): void {
  if (!isObject(operation)) throw badRequest('a patch operation is an object')
  const { op, path, value } = operation
  if (typeof path !== 'string' || !path.startsWith('/')) throw badRequest('a patch operation has a path such as /a/b')
  if (value === undefined && op !== 'remove') throw badRequest(`the patch operation at ${path} has no value`)
  const names = path
    .slice(1)
    .split('/')
    .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'))
  if (isSystemField(names[0] ?? '')) throw badRequest(`${path} is the system's`)
  const last = names.pop() ?? ''
  const parent = names.reduce<unknown>(
    (current, name) => stepInto(current, Array.isArray(current) ? indexOf(name, path) : name),
    item,
  )
  if (Array.isArray(parent)) applyToArray(parent, last, op, value, path)
  else if (isObject(parent)) applyToObject(parent, last, op, value, path)
  else throw badRequest(`there is nothing at the parent of ${path}`)
}

function applyToObject(parent: Json, name: string, op: unknown, value: unknown, path: string): void {
  const present = Object.hasOwn(parent, name)
  if ((op === 'replace' || op === 'remove') && !present) throw badRequest(`there is nothing to ${op} at ${path}`)
  if (op === 'add' || op === 'set' || op === 'replace') setField(parent, name, value)
  else if (op === 'remove') delete parent[name]
  else if (op === 'incr') setField(parent, name, present ? added(parent[name], value, path) : added(0, value, path))
  else throw notSupported(op)
}

function applyToArray(parent: unknown[], name: string, op: unknown, value: unknown, path: string): void {
  const index = name === '-' ? parent.length : indexOf(name, path)
  if (index > parent.length || (index === parent.length && op !== 'add'))
    throw badRequest(`there is nothing at ${path}`)
  if (op === 'add') parent.splice(index, 0, value)
  else if (op === 'set' || op === 'replace') parent[index] = value
  else if (op === 'remove') parent.splice(index, 1)
  else if (op === 'incr') parent[index] = added(parent[index], value, path)
  else throw notSupported(op)
}

function indexOf(name: string, path: string): number {
  if (!/^(0|[1-9]\d{0,8})$/.test(name)) throw badRequest(`${JSON.stringify(name)} in ${path} is no index`)
  return Number(name)
}

function added(before: unknown, value: unknown, path: string): number {
  if (typeof before !== 'number' || typeof value !== 'number')
    throw badRequest(`${path} and its increment must be numbers`)
  return before + value
}

function notSupported(op: unknown): Error {
  return badRequest(`the patch operation ${JSON.stringify(op)} is not supported by this endpoint`)
}
