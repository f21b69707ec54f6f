import { ChangeFeedStartFrom, type Container } from '@azure/cosmos'
import type { RelayLag } from '../core/ports.ts'
import { queryItems } from './bounded.ts'
import { readError } from './client.ts'

const OK = 200

/**
 * A lease of the relay's trigger, as a host keeps it. The Functions host's library names the physical
 * partition and the continuation that this has: `LeaseToken` (`0`) and `ContinuationToken` (`"123"`, quotes
 * included).
 * https://github.com/Azure/azure-cosmos-dotnet-v3/blob/master/Microsoft.Azure.Cosmos/src/ChangeFeedProcessor/LeaseManagement/DocumentServiceLeaseCore.cs
 * The local host keeps a continuation of its SDK, which has both.
 */
interface LeaseItem {
  readonly LeaseToken?: string
  readonly ContinuationToken?: string | null
  readonly continuation?: string | null
}

/** What the log's change feed has. */
interface LogItem {
  /** Of a commit: the version of its last event. */
  readonly to?: number
  /** When it was written: seconds since 1970. */
  readonly _ts: number
}

/** How far the relay is behind its log: what the change feed has behind the continuations of its leases. */
export class CosmosRelayLag implements RelayLag {
  readonly #log: Container
  readonly #leases: Container

  constructor(log: Container, leases: Container) {
    this.#log = log
    this.#leases = leases
  }

  async read(limit: number): Promise<{ readonly commits: number; readonly more: boolean; readonly oldest?: string }> {
    const found = { commits: 0, more: false }
    let oldest: number | undefined
    for (const start of await this.#starts()) {
      const { times, more } = await this.#after(start, limit - found.commits)
      found.commits += times.length
      found.more ||= more
      // Those of a range come in the order in which they were written.
      const [first] = times
      if (first !== undefined && (oldest === undefined || first < oldest)) oldest = first
      if (found.more) break
    }
    return { ...found, ...(oldest === undefined ? {} : { oldest: new Date(oldest * 1000).toISOString() }) }
  }

  /** Where each lease stands; the beginning of all ranges where there is no lease yet. */
  async #starts(): Promise<readonly ChangeFeedStartFrom[]> {
    const leases = await queryItems<LeaseItem>(this.#leases, {
      query: 'SELECT c.LeaseToken, c.ContinuationToken, c.continuation FROM c',
    })
    const local = leases.flatMap(({ continuation }) => continuation ?? [])
    const ofHost = leases.filter(({ LeaseToken }) => LeaseToken !== undefined)
    if (local.length === 0 && ofHost.length === 0) return this.#beginnings()
    return [
      ...local.map((continuation) => ChangeFeedStartFrom.Continuation(continuation)),
      ...(await this.#findHostStarts(ofHost)),
    ]
  }

  async #beginnings(): Promise<readonly ChangeFeedStartFrom[]> {
    const ranges = await this.#request(() => this.#log.getFeedRanges())
    return ranges.map((range) => ChangeFeedStartFrom.Beginning(range))
  }

  /** What the SDK takes as a continuation names the container, and the keys of the range. */
  async #findHostStarts(leases: readonly LeaseItem[]): Promise<readonly ChangeFeedStartFrom[]> {
    if (leases.length === 0) return []
    const [{ resource }, { resources: ranges }, feedRanges] = await this.#request(() =>
      Promise.all([this.#log.read(), this.#log.readPartitionKeyRanges().fetchAll(), this.#log.getFeedRanges()]),
    )
    return leases.flatMap(({ LeaseToken, ContinuationToken }): ChangeFeedStartFrom[] => {
      // A range that was split has leases for its parts.
      const range = ranges.find(({ id }) => id === LeaseToken)
      if (range === undefined) return []
      const { minInclusive, maxExclusive } = range
      if (!ContinuationToken) {
        const feedRange = feedRanges.find((each) => each.minInclusive === minInclusive)
        return feedRange ? [ChangeFeedStartFrom.Beginning(feedRange)] : []
      }
      const part = { minInclusive, maxExclusive, continuationToken: ContinuationToken }
      return [ChangeFeedStartFrom.Continuation(JSON.stringify({ rid: resource?._rid, Continuation: [part] }))]
    })
  }

  /** When the commits behind a place were written, in their order; at most so many. */
  async #after(start: ChangeFeedStartFrom, limit: number): Promise<{ times: readonly number[]; more: boolean }> {
    const times: number[] = []
    const options = { changeFeedStartFrom: start, maxItemCount: limit + 1 }
    const feed = this.#log.items.getChangeFeedIterator<LogItem>(options)
    for (;;) {
      const { statusCode, result } = await this.#request(() => feed.readNext())
      if (statusCode !== OK) return { times, more: false }
      // Receipts, and what somebody else wrote there, are no commits: nobody publishes them.
      times.push(...result.filter(({ to }) => to !== undefined).map(({ _ts }) => _ts))
      if (times.length > limit) return { times: times.slice(0, limit), more: true }
    }
  }

  async #request<Value>(ask: () => Promise<Value>): Promise<Value> {
    try {
      return await ask()
    } catch (error) {
      throw readError(error, this.#log)
    }
  }
}
