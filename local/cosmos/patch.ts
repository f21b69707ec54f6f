import { badRequest } from './failure.ts'
import type { Json } from './items.ts'

const MAX_OPERATIONS = 10

interface Operation {
  readonly op?: unknown
  readonly path?: unknown
  readonly value?: unknown
}

/** Applies a partial update. https://learn.microsoft.com/azure/cosmos-db/partial-document-update */
export function applyPatch(document: Json, body: unknown): Json {
  const { operations, condition } = Array.isArray(body)
    ? { operations: body, condition: undefined }
    : ((body ?? {}) as Json)
  if (condition !== undefined) throw badRequest('a condition of a patch is not supported by this endpoint')
  if (!Array.isArray(operations) || operations.length === 0) throw badRequest('a patch has operations')
  if (operations.length > MAX_OPERATIONS) throw badRequest(`a patch has at most ${MAX_OPERATIONS} operations`)
  const patched = structuredClone(document)
  for (const operation of operations as Operation[]) applyOne(patched, operation)
  return patched
}

function applyOne(document: Json, { op, path, value }: Operation): void {
  if (typeof path !== 'string' || !path.startsWith('/')) throw badRequest('a patch operation has a path such as /a/b')
  const names = path
    .slice(1)
    .split('/')
    .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'))
  const last = names.pop() ?? ''
  let parent: unknown = document
  for (const name of names) parent = isContainer(parent) ? (parent as Json)[name] : undefined
  if (!isContainer(parent)) throw badRequest(`there is nothing at the parent of ${path}`)
  if (Array.isArray(parent)) applyToArray(parent, last, op, value, path)
  else applyToObject(parent as Json, last, op, value, path)
}

function applyToObject(parent: Json, name: string, op: unknown, value: unknown, path: string): void {
  const present = Object.hasOwn(parent, name)
  switch (op) {
    case 'add':
    case 'set':
      parent[name] = value
      return
    case 'replace':
      if (!present) throw badRequest(`there is nothing to replace at ${path}`)
      parent[name] = value
      return
    case 'remove':
      if (!present) throw badRequest(`there is nothing to remove at ${path}`)
      delete parent[name]
      return
    case 'incr':
      parent[name] = added(present ? parent[name] : 0, value, path)
      return
    default:
      throw badRequest(`the patch operation ${String(op)} is not supported by this endpoint`)
  }
}

function applyToArray(parent: unknown[], name: string, op: unknown, value: unknown, path: string): void {
  const index = name === '-' ? parent.length : Number(name)
  if (!Number.isInteger(index) || index < 0 || index > parent.length) throw badRequest(`there is no place ${path}`)
  if (op === 'add') parent.splice(index, 0, value)
  else if (index === parent.length) throw badRequest(`there is nothing at ${path}`)
  else if (op === 'set' || op === 'replace') parent[index] = value
  else if (op === 'remove') parent.splice(index, 1)
  else if (op === 'incr') parent[index] = added(parent[index], value, path)
  else throw badRequest(`the patch operation ${String(op)} is not supported by this endpoint`)
}

function added(before: unknown, value: unknown, path: string): number {
  if (typeof before !== 'number' || typeof value !== 'number')
    throw badRequest(`${path} and its increment must be numbers`)
  return before + value
}

function isContainer(value: unknown): boolean {
  return typeof value === 'object' && value !== null
}
