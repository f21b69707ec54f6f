import type { Container, JSONObject, OperationInput } from '@azure/cosmos'
import type { WriteResult } from '../core/ports.ts'
import { bounded } from './bounded.ts'
import { readErrorCode, saysNoItem, writeError } from './client.ts'
import { type ItemKey, removeItem, writeItem } from './items.ts'

/** The SDK sends no more operations than this in one request. */
const MAX_OPERATIONS = 100
const REQUESTS_AT_ONCE = 4
/** A write costs about this many request units. */
const UNITS_PER_WRITE = 10
const REQUESTS_PER_SECOND = 4

/** As often as the SDK repeats a single write: `retryOptions` of its connection policy. That is for 20 s. */
const MAX_THROTTLED = 9
const FIRST_PAUSE_MS = 100
const LAST_PAUSE_MS = 5_000
const [NO_CONTENT, CONFLICT, CHANGED, TOO_LARGE, THROTTLED] = [204, 409, 412, 413, 429]
const REMOVED: WriteResult = { outcome: 'written', etag: '' }
/** The answer was too large for this operation's part: nothing was written. */
const ANSWER_TOO_LARGE = 3402

interface WaitingWrite {
  readonly operation: OperationInput
  /** Does the same with a request of its own. */
  readonly alone: () => Promise<WriteResult>
  readonly resolve: (result: WriteResult) => void
  readonly reject: (error: unknown) => void
  throttled: number
}

type ViewItem = ItemKey & Readonly<Record<string, unknown>>

function toOperation(item: ViewItem, etag: string | undefined): OperationInput {
  const [partitionKey, resourceBody] = [item.pk, item as ItemKey & JSONObject]
  if (etag === undefined) return { operationType: 'Create', partitionKey, resourceBody }
  return { operationType: 'Replace', partitionKey, resourceBody, id: item.id, ifMatch: etag }
}

/** The answer to an operation. The SDK's type lacks what only a failed one has. */
interface Answer {
  readonly statusCode: number
  readonly subStatusCode?: number
  readonly retryAfterMilliseconds?: number
  readonly eTag?: string
}

/**
 * Writes items of many partitions with few requests: writes that are made at the same time share one. Each takes
 * effect on its own, whatever happens to the others. A request takes a fifth of the time of so many single writes.
 *
 * Microsoft's `executeBulkOperations` would wait a second for each call that does not fill its last request.
 */
export class BulkWriter {
  readonly #container: Container
  /** The most operations of a request. */
  readonly #most: number
  /** Those of the next one. It is halved if some are throttled, and grows by one if none is. */
  #size: number
  readonly #waiting: WaitingWrite[] = []
  #running = 0
  #isScheduled = false

  /** @param unitsPerSecond a budget of request units. One request then takes a part of a second's units. */
  constructor(container: Container, unitsPerSecond = Number.POSITIVE_INFINITY) {
    this.#container = container
    const affordable = Math.floor(unitsPerSecond / UNITS_PER_WRITE / REQUESTS_PER_SECOND)
    this.#most = Math.max(1, Math.min(MAX_OPERATIONS, affordable))
    this.#size = this.#most
  }

  /**
   * Creates an item in a container with the partition key `/pk`, or replaces the item with this etag.
   * @throws TidemarkError `unavailable`, `container-missing`, `outcome-unknown`
   */
  write(item: ViewItem, etag: string | undefined): Promise<WriteResult> {
    return this.#run(toOperation(item, etag), () => writeItem(this.#container, item, etag))
  }

  /** Removes an item. Does nothing if it is already gone. @throws TidemarkError as `write` */
  async remove({ id, pk }: ItemKey): Promise<void> {
    await this.#run({ operationType: 'Delete', partitionKey: pk, id }, async () => {
      await removeItem(this.#container, { id, pk })
      return REMOVED
    })
  }

  #run(operation: OperationInput, alone: WaitingWrite['alone']): Promise<WriteResult> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ operation, alone, resolve, reject, throttled: 0 })
      this.#schedule()
    })
  }

  /** Sends what is waiting once the current turn has made all its writes. */
  #schedule(): void {
    if (this.#isScheduled) return
    this.#isScheduled = true
    setImmediate(() => {
      this.#isScheduled = false
      while (this.#running < REQUESTS_AT_ONCE && this.#waiting.length > 0)
        void this.#send(this.#waiting.splice(0, this.#size))
    })
  }

  async #send(writes: readonly WaitingWrite[]): Promise<void> {
    this.#running += 1
    try {
      const options = { contentResponseOnWriteEnabled: false, ...bounded() }
      const operations = writes.map(({ operation }) => operation)
      const answers: readonly (Answer | undefined)[] = await this.#container.items.bulk(operations, {}, options)
      const again = writes.filter((write, index) => !this.#settle(write, answers[index]))
      if (again.length > 0) await this.#repeat(again, answers)
      else this.#size = Math.min(this.#most, this.#size + 1)
    } catch (error) {
      // With what a bulk request adds, the largest document is too large for one.
      if (readErrorCode(error) === TOO_LARGE)
        await Promise.all(writes.map(({ alone, resolve, reject }) => alone().then(resolve, reject)))
      else for (const { reject } of writes) reject(writeError(error, this.#container))
    } finally {
      this.#running -= 1
      this.#schedule()
    }
  }

  /** @returns false if it must be sent again. */
  #settle({ operation, throttled, resolve, reject }: WaitingWrite, answer: Answer | undefined): boolean {
    const { statusCode, subStatusCode: substatus, eTag: etag } = answer ?? { statusCode: 0 }
    const isThrottled = statusCode === THROTTLED || (statusCode === TOO_LARGE && substatus === ANSWER_TOO_LARGE)
    if (isThrottled && throttled < MAX_THROTTLED) return false
    const { operationType } = operation
    const isMissing = operationType !== 'Create' && saysNoItem({ statusCode, substatus })
    if (operationType === 'Delete' && (statusCode === NO_CONTENT || isMissing)) resolve(REMOVED)
    else if (statusCode < 300 && etag !== undefined) resolve({ outcome: 'written', etag })
    // As for a single write: another writer created, changed or removed the item.
    else if (statusCode === CONFLICT || statusCode === CHANGED || isMissing) resolve({ outcome: 'conflict' })
    else {
      const refused = Object.assign(new Error(`it answered ${statusCode}/${substatus ?? 0} in bulk`), {
        ...{ code: statusCode, substatus },
      })
      reject(writeError(refused, this.#container))
    }
    return true
  }

  /** Sends writes again that the service was too busy for, before all others. */
  async #repeat(writes: readonly WaitingWrite[], answers: readonly (Answer | undefined)[]): Promise<void> {
    const sent = answers.length
    // Once for all requests that were as large as this one.
    if (sent >= this.#size) this.#size = Math.max(1, Math.floor(sent / 2))
    const times = Math.max(...writes.map(({ throttled }) => throttled))
    const asked = Math.max(...answers.map((answer) => answer?.retryAfterMilliseconds ?? 0))
    const pause = Math.max(asked, Math.min(LAST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** times))
    await new Promise((resolve) => setTimeout(resolve, pause))
    for (const write of writes) write.throttled += 1
    this.#waiting.unshift(...writes)
  }
}
