import { badRequest, Failure } from '../api/failure.ts'
import type { Container } from '../resources/catalog.ts'
import type { Range } from '../resources/ranges.ts'
import type { Store } from '../store/store.ts'
import {
  AnswerBudget,
  type BatchOperation,
  type BatchResult,
  parseOperationKey,
  runOperation,
} from './batch-operations.ts'
import type { Items } from './items.ts'

/** What a bulk request is about. */
export interface BulkTarget {
  /** As it is when the turn of an operation comes. */
  readonly container: () => Container
  /** The range that the request names: an operation of another is gone from there. */
  readonly range: Range | undefined
  /** The key of operations that name none. */
  readonly pk: string | undefined
}

/**
 * Runs operations in order, each for itself: one that fails takes nothing back, and ends the others with 424
 * where the client says so.
 * @returns a result for each, when all that they wrote is on disk.
 */
export async function runBulk(
  store: Store,
  items: Items,
  target: BulkTarget,
  operations: readonly BatchOperation[],
  continueOnError: boolean,
): Promise<readonly BatchResult[]> {
  let stopped = false
  const budget = new AnswerBudget()
  const run = (operation: BatchOperation, lsn: number): BatchResult => {
    if (stopped) return { status: 424, charge: 0 }
    const container = target.container()
    const pk = parseOperationKey(container, operation) ?? target.pk
    if (pk === undefined) throw badRequest('an operation names no partition key')
    if (target.range && !isWithin(target.range, items.effectiveKeys.compute(container, pk)))
      throw new Failure(410, 'Gone', 'the partition key is of another range', 1002)
    const result = runOperation(items, { container, pk }, operation, lsn)
    // With this substatus the SDKs send it again: @azure/cosmos, retry/bulkExecutionRetryPolicy.js.
    if (!budget.fits(result)) throw new Failure(413, 'RequestEntityTooLarge', 'the answer would be over 4 MB', 3402)
    return result
  }
  const results = operations.map(async (operation): Promise<BatchResult> => {
    try {
      return await store.write((lsn) => {
        try {
          return run(operation, lsn)
        } catch (error) {
          // Here, and not when it is on disk: those after it come before that.
          stopped = !continueOnError
          throw error
        }
      })
    } catch (error) {
      if (!(error instanceof Failure)) throw error
      const { status, substatus, message } = error
      return { status, substatus, message, charge: 1 }
    }
  })
  return Promise.all(results)
}

const isWithin = ({ min, max }: Range, epk: string): boolean => epk >= min && epk < max
