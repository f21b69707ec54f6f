import type { Container } from './catalog.ts'
import { badRequest, Failure, tooLarge } from './failure.ts'
import { type Items, type Json, keyText, type Written } from './items.ts'
import type { Store } from './store.ts'

const MAX_OPERATIONS = 100
const MAX_BYTES = 2 * 1024 * 1024

export interface BatchResult {
  readonly statusCode: number
  readonly requestCharge: number
  readonly eTag?: string
  readonly resourceBody?: unknown
}

/**
 * A transactional batch: all of it or nothing, in one LSN.
 * @returns 200 with each operation's result; 207 with the failing one's status and 424 for all others.
 * https://learn.microsoft.com/azure/cosmos-db/transactional-batch
 */
export async function runBatch(
  store: Store,
  items: Items,
  container: Container,
  pk: string | undefined,
  body: unknown,
  bytes: number,
): Promise<{ status: number; results: BatchResult[] }> {
  if (pk === undefined) throw badRequest('a batch needs a partition key')
  if (!Array.isArray(body) || body.length === 0) throw badRequest('a batch has operations')
  if (body.length > MAX_OPERATIONS)
    throw badRequest(`a batch has at most ${MAX_OPERATIONS} operations, this one ${body.length}`)
  if (bytes > MAX_BYTES) throw tooLarge(`a batch has at most ${MAX_BYTES} bytes, this one ${bytes}`)
  const operations = body as Json[]
  let failing = -1
  try {
    const results = await store.write(() => {
      const lsn = store.nextLsn()
      return operations.map((operation, index) => {
        failing = index
        return toResult(runOne(items, container, pk, operation, lsn))
      })
    })
    return { status: 200, results }
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    const results = operations.map((_, index) => ({
      statusCode: index === failing ? error.status : 424,
      requestCharge: 0,
    }))
    return { status: 207, results }
  }
}

function runOne(items: Items, container: Container, pk: string, operation: Json, lsn: number): Written {
  const { operationType, id, resourceBody, ifMatch, partitionKey } = operation
  if (typeof partitionKey === 'string' && keyText(JSON.parse(partitionKey)[0]) !== pk)
    throw badRequest('the operations of a batch have one partition key')
  const conditions = { ifMatch: typeof ifMatch === 'string' ? ifMatch : undefined }
  const itemId = String(id)
  switch (operationType) {
    case 'Create':
      return items.create(container, pk, resourceBody, lsn)
    case 'Upsert':
      return items.upsert(container, pk, resourceBody, conditions, lsn)
    case 'Read':
      return { status: 200, item: items.read(container, pk, itemId) }
    case 'Replace':
      return items.replace(container, pk, itemId, resourceBody, conditions, lsn)
    case 'Patch':
      return items.patch(container, pk, itemId, resourceBody, conditions, lsn)
    case 'Delete':
      return items.remove(container, pk, itemId, conditions)
    default:
      throw badRequest(`the batch operation ${String(operationType)} is not supported by this endpoint`)
  }
}

function toResult({ status, item }: Written): BatchResult {
  return {
    statusCode: status,
    requestCharge: 1,
    ...(item ? { eTag: item.etag, resourceBody: JSON.parse(item.json) } : {}),
  }
}
