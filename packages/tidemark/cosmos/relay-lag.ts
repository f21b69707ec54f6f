import { ChangeFeedStartFrom, type Container } from '@azure/cosmos'
import type { RelayLag } from '../core/ports.ts'
import { queryItems } from './bounded.ts'
import { readError } from './client.ts'

const OK = 200

/**
 * A lease of the relay's trigger. The Functions host's library stores the id of the physical partition as
 * `LeaseToken` (`0`) and its continuation as `ContinuationToken` (`"123"`, quotes included).
 * https://github.com/Azure/azure-cosmos-dotnet-v3
 * Microsoft.Azure.Cosmos/src/ChangeFeedProcessor/LeaseManagement/DocumentServiceLeaseCore.cs
 * The local host stores the continuation of its SDK, which contains both.
 */
interface LeaseItem {
  readonly LeaseToken?: string
  readonly ContinuationToken?: string | null
  readonly continuation?: string | null
}

/** The fields of a change feed item that are read here. */
interface LogItem {
  /** Only commits have it: the version of the last event. */
  readonly to?: number
  /** When the item was written: seconds since 1970. */
  readonly _ts: number
}

/** Measures the relay's lag: the commits in the change feed after the continuations of its leases. */
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
      // The commits of one range are ordered by their time.
      const [first] = times
      if (first !== undefined && (oldest === undefined || first < oldest)) oldest = first
      if (found.more) break
    }
    return { ...found, ...(oldest === undefined ? {} : { oldest: new Date(oldest * 1000).toISOString() }) }
  }

  /** The continuation of each lease. Without any lease, the beginning of every range. */
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

  /** Builds the SDK's form of a continuation, which names the container and the key range. */
  async #findHostStarts(leases: readonly LeaseItem[]): Promise<readonly ChangeFeedStartFrom[]> {
    if (leases.length === 0) return []
    const [{ resource }, { resources: ranges }, feedRanges] = await this.#request(() =>
      Promise.all([this.#log.read(), this.#log.readPartitionKeyRanges().fetchAll(), this.#log.getFeedRanges()]),
    )
    return leases.flatMap(({ LeaseToken, ContinuationToken }): ChangeFeedStartFrom[] => {
      // After a split, the parts have leases of their own.
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

  /** Returns when the commits after a start were written, in order; at most `limit`. */
  async #after(start: ChangeFeedStartFrom, limit: number): Promise<{ times: readonly number[]; more: boolean }> {
    const times: number[] = []
    const options = { changeFeedStartFrom: start, maxItemCount: limit + 1 }
    const feed = this.#log.items.getChangeFeedIterator<LogItem>(options)
    for (;;) {
      const { statusCode, result } = await this.#request(() => feed.readNext())
      if (statusCode !== OK) return { times, more: false }
      // Skips receipts and foreign items, which are never published.
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
