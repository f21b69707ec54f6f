import { badRequest, type Failure, tooLarge } from '../api/failure.ts'
import { MAX_ANSWER_BYTES } from '../http/answers.ts'
import type { Container } from '../resources/catalog.ts'
import type { LogicalPartition } from '../resources/feed-range.ts'
import { parseKeyHeader } from '../resources/partition-key.ts'
import type { Outcome } from './item-reader.ts'
import type { Items } from './items.ts'

// https://learn.microsoft.com/azure/cosmos-db/transactional-batch#limitations
const MAX_OPERATIONS = 100
const MAX_BYTES = 2 * 1024 * 1024

export const TYPES = ['Create', 'Upsert', 'Read', 'Replace', 'Patch', 'Delete'] as const

/** An operation of a batch or of a bulk request. */
export interface BatchOperation {
  readonly type: (typeof TYPES)[number]
  /** A JSON array, as in its header. */
  readonly partitionKey?: string | undefined
  readonly id?: string | undefined
  readonly body?: unknown
  readonly ifMatch?: string | undefined
  readonly ifNoneMatch?: string | undefined
  /** Whether the client wants no body back. */
  readonly minimal?: boolean | undefined
}

/** The result of an operation of a batch. */
export interface BatchResult extends Outcome {
  readonly substatus?: number | undefined
  readonly message?: string | undefined
  readonly minimal?: boolean | undefined
}

/** A create needs no If-None-Match, as it always fails for an existing item. The others do not support it. */
export const unsupportedNoneMatch = (): Failure =>
  badRequest('If-None-Match on a change of an item is not supported by the emulator')

/** @throws Failure 400, 413 */
export function checkSize(operations: readonly BatchOperation[], bytes: number): void {
  if (operations.length === 0) throw badRequest('a batch needs at least one operation')
  if (operations.length > MAX_OPERATIONS)
    throw badRequest(`a batch has at most ${MAX_OPERATIONS} operations, this one has ${operations.length}`)
  if (bytes > MAX_BYTES) throw tooLarge(`a batch has at most ${MAX_BYTES} bytes, this one has ${bytes}`)
}

/**
 * The partition key of an operation; undefined when it names none.
 * @throws Failure 400
 */
export function parseOperationKey(container: Container, { partitionKey }: BatchOperation): string | undefined {
  if (partitionKey === undefined) return undefined
  const key = parseKeyHeader(container, partitionKey)
  if (key.kind !== 'one') throw badRequest('the partition key of an operation must be complete')
  return key.pk
}

/** The space that is left for items in an answer. */
export class AnswerBudget {
  #left = MAX_ANSWER_BYTES

  /** Whether a result's item still fits in. Reserves its space if so. */
  fits(result: BatchResult): boolean {
    const bytes = result.item && returnsItem(result) ? Buffer.byteLength(result.item.json) : 0
    if (bytes > this.#left) return false
    this.#left -= bytes
    return true
  }
}

export const returnsItem = ({ minimal, status }: BatchResult): boolean => !minimal && status !== 304

/** Runs one operation within a write. @throws Failure */
export function runOperation(
  items: Items,
  partition: LogicalPartition,
  operation: BatchOperation,
  lsn: number,
): BatchResult {
  // A read always returns its item.
  const minimal = operation.minimal && operation.type !== 'Read'
  return { ...applyOperation(items, partition, operation, lsn), minimal }
}

function applyOperation(items: Items, partition: LogicalPartition, operation: BatchOperation, lsn: number): Outcome {
  const { type, id, body, ifMatch, ifNoneMatch } = operation
  if (ifNoneMatch !== undefined && type !== 'Read' && type !== 'Create') throw unsupportedNoneMatch()
  if (type === 'Create') return items.create(partition, body, lsn)
  if (type === 'Upsert') return items.upsert(partition, body, operation, lsn)
  if (id === undefined) throw badRequest(`the operation ${type} needs an id`)
  switch (type) {
    case 'Read':
      // For a read in a batch both conditions mean the same: azure-cosmos-dotnet-v3,
      // BatchSinglePartitionKeyTests.cs.
      return items.read(partition, id, ifNoneMatch ?? ifMatch)
    case 'Replace':
      return items.replace(partition, id, body, operation, lsn)
    case 'Patch':
      return items.patch(partition, id, body, operation, lsn)
    case 'Delete':
      return items.remove(partition, id, operation)
  }
}
