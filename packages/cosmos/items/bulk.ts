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

interface BulkRequest {
  /** As of the moment at which an operation runs. */
  readonly container: () => Container
  /** The range that the request names. An operation on a key of another range gets a 410. */
  readonly range: Range | undefined
  /** The key of operations that name none. */
  readonly pk: string | undefined
  readonly operations: readonly BatchOperation[]
  readonly continueOnError: boolean
}

/**
 * Runs operations in order, each on its own. A failure undoes nothing of the others. It ends them with 424,
 * unless the client continues on errors.
 * @returns a result for each, once everything they wrote is on disk.
 */
export async function runBulk(store: Store, items: Items, request: BulkRequest): Promise<readonly BatchResult[]> {
  const { range, operations, continueOnError } = request
  let stopped = false
  const budget = new AnswerBudget()
  const run = (operation: BatchOperation, lsn: number): BatchResult => {
    if (stopped) return { status: 424, charge: 0 }
    const container = request.container()
    const pk = parseOperationKey(container, operation) ?? request.pk
    if (pk === undefined) throw badRequest('an operation names no partition key')
    if (range && !isWithin(range, items.effectiveKeys.compute(container, pk)))
      throw new Failure(410, 'Gone', 'the partition key belongs to another range', 1002)
    const result = runOperation(items, { container, pk }, operation, lsn)
    // The SDKs resend an operation with this substatus: @azure/cosmos, retry/bulkExecutionRetryPolicy.js.
    if (!budget.fits(result)) throw new Failure(413, 'RequestEntityTooLarge', 'the answer would be over 4 MB', 3402)
    return result
  }
  const results = operations.map(async (operation): Promise<BatchResult> => {
    try {
      return await store.write((lsn) => {
        try {
          return run(operation, lsn)
        } catch (error) {
          // Set here and not after the commit, because the next operations run before that.
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
