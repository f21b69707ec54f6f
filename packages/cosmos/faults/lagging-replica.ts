import { Failure } from '../api/failure.ts'
import type { OperationName } from '../api/operations.ts'
import type { Target } from '../http/requests.ts'
import { hasSeen, isWeaker } from '../http/session.ts'
import { ItemReader } from '../items/item-reader.ts'
import type { Container } from '../resources/catalog.ts'
import type { Range } from '../resources/ranges.ts'
import type { ReadSource, Snapshot } from '../store/snapshot.ts'
import type { Store } from '../store/store.ts'
import type { Faults } from './faults.ts'

/** What reads are answered from. */
export interface ReadView {
  readonly reads: ReadSource
  readonly items: ItemReader
}

/** A read of items. */
export interface ItemRead {
  readonly operation: OperationName
  readonly container: Container
  readonly target: Target
  /** Those that it is about. */
  readonly ranges: () => readonly Range[]
}

/** Of what is written while it lags, as the data file's log grows. */
const MAX_MB = 256

/**
 * A replica that has seen nothing since it was made, and answers reads that do not ask for more. Which those
 * are is as the service's own reader decides: https://github.com/Azure/azure-cosmos-dotnet-v3,
 * ConsistencyReader.cs (DeduceReadMode, ReadSessionAsync). A read at bounded staleness or strong consistency
 * is answered by a quorum, and is exact. One at session consistency is answered by any replica that has what
 * its session token tells: they are asked one by one, the primary last. One at consistent prefix or eventual
 * consistency is answered by any replica, and its token is not looked at.
 *
 * A gateway runs that reader before it answers (from memory). So its clients do not meet the 404/1002 of one
 * replica that lags: the reader gives that when no replica of the region has caught up. The JavaScript SDK
 * then asks once more without a token (retryUtility.js), so to answer it here would make sessions lose their
 * own writes, which the service does not do to them.
 */
export class LaggingReplica {
  readonly #faults: Faults
  readonly #snapshot: Snapshot
  readonly #view: ReadView

  constructor(store: Store, faults: Faults, maxMb = MAX_MB) {
    this.#faults = faults
    this.#snapshot = store.snapshot(maxMb * 1024 * 1024)
    this.#view = { reads: this.#snapshot, items: new ItemReader(this.#snapshot) }
  }

  /**
   * Where a read is answered from by it; undefined: an up-to-date replica answers.
   * @throws Failure 500 when more was written since than can be kept apart.
   */
  findView({ operation, container, target, ranges }: ItemRead): ReadView | undefined {
    if (!isWeaker(target) || hasSeen(target, ranges(), this.#snapshot.lsn)) return undefined
    if (!this.#faults.drawLag(operation, container)) return undefined
    if (this.#snapshot.isOpen) return this.#view
    // Not a 503, which SDKs try again: a test that asked for the fault must notice that it is over.
    const message =
      'the lagging replica of the faults has ended, as too much was written since they were set: set them again, or clear them'
    throw new Failure(500, 'InternalServerError', message)
  }

  /**
   * What an answer that does not say it tells a session to have seen; undefined: all there is. A client that
   * read a container or a query's plan must not take from that answer's token that it has seen the items.
   */
  reportedLsn(operation: OperationName, target: Target): number | undefined {
    return isWeaker(target) && /^(read|list|query|plan)-/.test(operation) ? this.#snapshot.lsn : undefined
  }

  end(): void {
    this.#snapshot.close()
  }
}
