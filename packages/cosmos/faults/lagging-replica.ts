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

/** The data that a read is answered from. */
export interface ReadView {
  readonly reads: ReadSource
  readonly items: ItemReader
}

export interface ItemRead {
  readonly operation: OperationName
  readonly container: Container
  readonly target: Target
  /** The ranges that it reads. */
  readonly ranges: () => readonly Range[]
}

/** The limit on what is written while the replica lags, as growth of the data file's log. */
const MAX_MB = 256

/**
 * A replica that sees no write after its creation. It answers the reads that may see old data. They are
 * chosen as the service's own reader chooses them: https://github.com/Azure/azure-cosmos-dotnet-v3,
 * ConsistencyReader.cs (DeduceReadMode, ReadSessionAsync).
 * - Bounded staleness and strong consistency: a quorum answers, so the read is exact.
 * - Session consistency: any replica that has seen what the session token says may answer. The reader asks one
 *   after the other, the primary last.
 * - Consistent prefix and eventual consistency: any replica answers, and the token is ignored.
 *
 * From memory: a gateway runs that reader before it answers. So its clients never see the 404/1002 of one
 * lagging replica. The reader returns it only when no replica of the region has caught up. The JavaScript SDK
 * then asks once more without a token (retryUtility.js). So a 404/1002 here would make sessions lose their
 * own writes, which the service never does.
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
   * The old data for a read; undefined when an up-to-date replica answers.
   * @throws Failure 500 when too much was written since the faults were set.
   */
  findView({ operation, container, target, ranges }: ItemRead): ReadView | undefined {
    if (!isWeaker(target) || hasSeen(target, ranges(), this.#snapshot.lsn)) return undefined
    if (!this.#faults.drawLag(operation, container)) return undefined
    if (this.#snapshot.isOpen) return this.#view
    // Not a 503, which SDKs retry: a test that asked for the fault must notice that it has ended.
    const message =
      'the lagging replica has ended, because too much was written since the faults were set: ' +
      'set them again, or clear them'
    throw new Failure(500, 'InternalServerError', message)
  }

  /**
   * The LSN for the session token of an answer without an LSN of its own; undefined for the latest. A client
   * that read a container or a query plan has not seen the items, and its token must not say so.
   */
  reportedLsn(operation: OperationName, target: Target): number | undefined {
    return isWeaker(target) && /^(read|list|query|plan)-/.test(operation) ? this.#snapshot.lsn : undefined
  }

  end(): void {
    this.#snapshot.close()
  }
}
