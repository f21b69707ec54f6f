import { badRequest, Failure, tooLarge } from '../failure.ts'
import { isObject, type Json } from '../json.ts'
import type { Items, Place, Written } from './items.ts'
import { keyText } from './partition-key.ts'

// https://learn.microsoft.com/azure/cosmos-db/transactional-batch#limitations
const MAX_OPERATIONS = 100
const MAX_BYTES = 2 * 1024 * 1024

/** The operation of a batch that failed, and so the batch. */
export class BatchFailure extends Error {
  /** The body of the 207: the failing operation's status, and 424 for all others. */
  readonly results: string

  constructor(operations: readonly unknown[], failing: number, status: number) {
    super(`the operation ${failing} of a batch failed with ${status}`)
    const codes = operations.map((_, index) => (index === failing ? status : 424))
    this.results = `[${codes.map((code) => `{"statusCode":${code},"requestCharge":0}`).join(',')}]`
  }
}

/**
 * Reads the body of a transactional batch.
 * @throws Failure 400 or 413 for a batch that cannot be run at all.
 */
export function readBatch(body: unknown, bytes: number, pk: string): readonly Json[] {
  if (!Array.isArray(body) || body.length === 0 || !body.every(isObject)) throw badRequest('a batch has operations')
  if (body.length > MAX_OPERATIONS)
    throw badRequest(`a batch has at most ${MAX_OPERATIONS} operations, this one ${body.length}`)
  if (bytes > MAX_BYTES) throw tooLarge(`a batch has at most ${MAX_BYTES} bytes, this one ${bytes}`)
  for (const { partitionKey } of body)
    if (typeof partitionKey === 'string' && keyOf(partitionKey) !== pk)
      throw badRequest('the operations of a batch have one partition key')
  return body
}

function keyOf(text: string): string {
  let parts: unknown
  try {
    parts = JSON.parse(text)
  } catch {
    throw badRequest('the partition key of an operation is not JSON')
  }
  if (!Array.isArray(parts) || parts.length !== 1)
    throw badRequest('the partition key of an operation is no array of one')
  return keyText(parts)
}

/**
 * Runs the operations in order, within one write.
 * @returns the body of the 200: each operation's result.
 * @throws BatchFailure when one fails; the write is then to be undone.
 * https://learn.microsoft.com/azure/cosmos-db/transactional-batch
 */
export function runBatch(items: Items, place: Place, operations: readonly Json[], lsn: number): string {
  const results = operations.map((operation, index) => {
    try {
      return resultOf(runOne(items, place, operation, lsn))
    } catch (error) {
      if (error instanceof Failure) throw new BatchFailure(operations, index, error.status)
      throw error
    }
  })
  return `[${results.join(',')}]`
}

function runOne(items: Items, place: Place, operation: Json, lsn: number): Written {
  const { operationType, id, resourceBody, ifMatch } = operation
  const conditions = { ifMatch: typeof ifMatch === 'string' ? ifMatch : undefined }
  if (operationType === 'Create') return items.create(place, resourceBody, lsn)
  if (operationType === 'Upsert') return items.upsert(place, resourceBody, conditions, lsn)
  if (typeof id !== 'string') throw badRequest(`the operation ${String(operationType)} has no id`)
  if (operationType === 'Read') return { status: 200, item: items.read(place, id) }
  if (operationType === 'Replace') return items.replace(place, id, resourceBody, conditions, lsn)
  if (operationType === 'Patch') return items.patch(place, id, resourceBody, conditions, lsn)
  if (operationType === 'Delete') return items.remove(place, id, conditions)
  throw badRequest(`the batch operation ${String(operationType)} is not supported by this endpoint`)
}

/** As text: the item's JSON stands ready. */
function resultOf({ status, item }: Written): string {
  const etagAndBody = item ? `,"eTag":${JSON.stringify(item.etag)},"resourceBody":${item.json}` : ''
  return `{"statusCode":${status},"requestCharge":1${etagAndBody}}`
}
