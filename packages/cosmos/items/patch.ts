import { badRequest } from '../api/failure.ts'
import { isObject, type Json, setField, stepInto } from '../values/json.ts'
import { isSystemProperty } from './system-properties.ts'

const MAX_OPERATIONS = 10

interface Patch {
  readonly operations: readonly unknown[]
  /** A query from FROM to its end. */
  readonly condition: string | undefined
}

/** An operation as the client sent it. Applying it checks it. */
interface Operation {
  readonly op: unknown
  readonly path: unknown
  readonly value?: unknown
}

/** @throws Failure 400 */
export function readPatch(body: unknown): Patch {
  const { operations, condition }: Json = Array.isArray(body) ? { operations: body } : isObject(body) ? body : {}
  if (!Array.isArray(operations) || operations.length === 0) throw badRequest('a patch needs at least one operation')
  if (operations.length > MAX_OPERATIONS) throw badRequest(`a patch has at most ${MAX_OPERATIONS} operations`)
  if (condition !== undefined && condition !== null && typeof condition !== 'string')
    throw badRequest('the condition of a patch must be a text such as "from c where c.a = 1"')
  return { operations, condition: condition || undefined }
}

/**
 * Applies a partial update to an item, in place.
 * @throws Failure 400. The item is then changed in part and must not be used.
 * https://learn.microsoft.com/azure/cosmos-db/partial-document-update
 */
export function applyPatch(item: Json, operations: readonly unknown[]): void {
  for (const operation of operations) {
    if (!isObject(operation)) throw badRequest('a patch operation must be an object')
    const { op, path, from, value } = operation
    if (op === 'move') moveValue(item, from, path)
    else applyOperation(item, { op, path, value })
  }
}

function applyOperation(item: Json, operation: Operation): void {
  const { op, path, value } = operation
  const names = parsePath(path)
  if (value === undefined && op !== 'remove') throw badRequest(`the patch operation at ${path} needs a value`)
  const last = names.pop() ?? ''
  const parent = names.reduce<unknown>(
    (current, name) => stepInto(current, Array.isArray(current) ? parseIndex(name, path) : name),
    item,
  )
  if (Array.isArray(parent)) applyToArray(parent, last, operation)
  else if (isObject(parent)) applyToObject(parent, last, operation)
  else throw badRequest(`the parent of ${path} does not exist`)
}

function moveValue(item: Json, from: unknown, path: unknown): void {
  const [source, target] = [parsePath(from), parsePath(path)]
  if (source.every((name, index) => name === target[index])) throw badRequest(`${from} cannot be moved into itself`)
  const value = source.reduce<unknown>(
    (current, name) => stepInto(current, Array.isArray(current) ? parseIndex(name, from) : name),
    item,
  )
  if (value === undefined) throw badRequest(`there is nothing to move at ${from}`)
  applyOperation(item, { op: 'remove', path: from })
  applyOperation(item, { op: 'add', path, value })
}

/** @throws Failure 400 for an invalid path or a system property. */
function parsePath(path: unknown): string[] {
  if (typeof path !== 'string' || !path.startsWith('/')) throw badRequest('a patch operation needs a path such as /a/b')
  const names = path
    .slice(1)
    .split('/')
    .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'))
  if (isSystemProperty(names[0] ?? '')) throw badRequest(`${path} is a system property`)
  return names
}

function applyToObject(parent: Json, name: string, operation: Operation): void {
  const { op, path, value } = operation
  const present = Object.hasOwn(parent, name)
  if ((op === 'replace' || op === 'remove') && !present) throw badRequest(`there is nothing to ${op} at ${path}`)
  if (op === 'add' || op === 'set' || op === 'replace') setField(parent, name, value)
  else if (op === 'remove') delete parent[name]
  else if (op === 'incr') setField(parent, name, increment(present ? parent[name] : 0, operation))
  else throw notSupported(op)
}

function applyToArray(parent: unknown[], name: string, operation: Operation): void {
  const { op, path, value } = operation
  const index = name === '-' ? parent.length : parseIndex(name, path)
  if (index > parent.length || (index === parent.length && op !== 'add'))
    throw badRequest(`there is nothing at ${path}`)
  if (op === 'add') parent.splice(index, 0, value)
  else if (op === 'set' || op === 'replace') parent[index] = value
  else if (op === 'remove') parent.splice(index, 1)
  else if (op === 'incr') parent[index] = increment(parent[index], operation)
  else throw notSupported(op)
}

function parseIndex(name: string, path: unknown): number {
  if (!/^(0|[1-9]\d{0,8})$/.test(name)) throw badRequest(`${JSON.stringify(name)} in ${path} is not an array index`)
  return Number(name)
}

function increment(before: unknown, { path, value }: Operation): number {
  if (typeof before !== 'number' || typeof value !== 'number')
    throw badRequest(`${path} and its increment must be numbers`)
  return before + value
}

function notSupported(op: unknown): Error {
  return badRequest(`the patch operation ${JSON.stringify(op)} is not supported by the emulator`)
}
