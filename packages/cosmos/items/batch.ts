import { badRequest, Failure, tooLarge } from '../api/failure.ts'
import type { LogicalPartition } from '../resources/feed-range.ts'
import {
  AnswerBudget,
  type BatchOperation,
  type BatchResult,
  parseOperationKey,
  runOperation,
} from './batch-operations.ts'
import type { Items } from './items.ts'

/** An operation of a batch failed, and so the whole batch. */
export class BatchFailure extends Error {
  /** The failed operation has its own status, all others 424. */
  readonly results: readonly BatchResult[]

  constructor(operations: readonly BatchOperation[], failing: number, { status, substatus, message }: Failure) {
    super(`the operation ${failing} of a batch failed with ${status}`)
    this.results = operations.map((_, index) =>
      index === failing ? { status, substatus, message, charge: 1 } : { status: 424, charge: 0 },
    )
  }
}

/**
 * Runs the operations of a transactional batch in order, within one write.
 * @throws BatchFailure when an operation fails. The write must then be undone.
 * @throws Failure 400 for an operation of another partition key.
 * https://learn.microsoft.com/azure/cosmos-db/transactional-batch
 */
export function runBatch(
  items: Items,
  partition: LogicalPartition,
  operations: readonly BatchOperation[],
  lsn: number,
): readonly BatchResult[] {
  // Most clients send the key in its stored form.
  for (const operation of operations)
    if (
      operation.partitionKey !== partition.pk &&
      (parseOperationKey(partition.container, operation) ?? partition.pk) !== partition.pk
    )
      throw badRequest('the operations of a batch must have the same partition key')
  const budget = new AnswerBudget()
  return operations.map((operation, index) => {
    try {
      const result = runOperation(items, partition, operation, lsn)
      if (budget.fits(result)) return result
    } catch (error) {
      if (error instanceof Failure) throw new BatchFailure(operations, index, error)
      throw error
    }
    // The service reports the last operation as failed: azure-cosmos-dotnet-v3,
    // BatchSinglePartitionKeyTests.cs.
    throw new BatchFailure(operations, operations.length - 1, tooLarge('the answer to the batch would be over 4 MB'))
  })
}
