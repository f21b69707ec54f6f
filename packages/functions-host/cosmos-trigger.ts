import { randomUUID } from 'node:crypto'
import {
  type ChangeFeedIteratorResponse,
  type ChangeFeedPullModelIterator,
  ChangeFeedStartFrom,
  type Container,
  CosmosClient,
  type FeedRange,
} from '@azure/cosmos'
import { StartError } from '../kit/errors.ts'
import type { Invoker } from './invocation.ts'
import { rewriteJson } from './json-net/rewrite.ts'
import { leaseIntervals } from './lease-intervals.ts'
import { Lease, type LeaseOptions } from './leases.ts'
import { describe, log, logFailure } from './log.ts'
import type { RegisteredFunction } from './registrations.ts'
import { invokeWithRetry } from './retry.ts'
import { requiredSetting, type Settings } from './settings.ts'
import { pause, type Trigger, within } from './trigger.ts'
import { TriggerOptions } from './trigger-options.ts'

const REQUEST_TIMEOUT_MS = 10_000
const FIRST_BACKOFF_MS = 250
const LAST_BACKOFF_MS = 5000
const CLOSE_WITHIN_MS = 2000
/**
 * Shortest interval between reads of the feed while no function runs in this host, even with a shorter
 * `feedPollDelay`. Only other processes can write meanwhile.
 */
const IDLE_POLL_MS = 250

/** The options of the registration, read once. */
interface FeedOptions {
  readonly database: string
  readonly container: string
  readonly leaseDatabase: string
  readonly leaseContainer: string
  readonly leasePrefix: string
  readonly createLeaseContainer: boolean
  readonly start: 'beginning' | 'now' | Date
  readonly maxItems: number
  readonly pollMs: number
  readonly acquireMs: number
}

/**
 * The Cosmos DB trigger. It reads the change feed in pages, with one lease per feed range. The lease moves
 * past a page whether the function succeeded or threw, after the retries of a `retry` option. Delivery is at
 * least once, in the feed's order per range.
 * https://learn.microsoft.com/azure/azure-functions/functions-bindings-cosmosdb-v2-trigger
 */
export class CosmosTrigger implements Trigger {
  readonly #registered: RegisteredFunction
  readonly #invoker: Invoker
  readonly #bindingName: string
  readonly #name: string
  readonly #feed: FeedOptions
  readonly #lease: LeaseOptions
  readonly #clients: { readonly monitored: CosmosClient; readonly leases: CosmosClient }
  readonly #stopping = new AbortController()
  readonly #held = new Set<Lease>()
  #running: Promise<unknown> = Promise.resolve()

  /** @throws StartError if an option or a setting is missing or malformed. */
  constructor(registered: RegisteredFunction, settings: Settings, invoker: Invoker) {
    const options = new TriggerOptions(registered, settings)
    const leases = leaseIntervals(options, settings)
    this.#registered = registered
    this.#invoker = invoker
    this.#bindingName = options.bindingName
    this.#name = options.functionName
    this.#feed = feedOptions(options, leases.acquireMs)
    this.#lease = {
      functionName: options.functionName,
      owner: randomUUID(),
      expirationMs: leases.expirationMs,
      renewMs: leases.renewMs,
    }
    const connection = options.string('connection')
    const monitored = createClient(settings, connection, options.functionName)
    const leaseConnection = options.string('leaseConnection', connection)
    const other =
      leaseConnection === connection ? undefined : createClient(settings, leaseConnection, options.functionName)
    this.#clients = { monitored, leases: other ?? monitored }
  }

  start(): void {
    this.#running = this.#run()
  }

  async stop(drainMs: number): Promise<void> {
    this.#stopping.abort()
    await within(drainMs, this.#running)
    await within(CLOSE_WITHIN_MS, Promise.all([...this.#held].map((lease) => lease.release())))
    this.#clients.monitored.dispose()
    this.#clients.leases.dispose()
  }

  async #run(): Promise<void> {
    const { signal } = this.#stopping
    const ranges = await this.#retryUntilDone('the containers cannot be reached', () => this.#open())
    await Promise.all((ranges ?? []).map((range) => this.#followRange(range, signal)))
  }

  async #open(): Promise<readonly FeedRange[]> {
    const { createLeaseContainer, leaseDatabase, leaseContainer } = this.#feed
    const database = this.#clients.leases.database(leaseDatabase)
    if (createLeaseContainer) await database.containers.createIfNotExists({ id: leaseContainer, partitionKey: '/id' })
    else await database.container(leaseContainer).read()
    return this.#container.getFeedRanges()
  }

  get #container(): Container {
    return this.#clients.monitored.database(this.#feed.database).container(this.#feed.container)
  }

  async #followRange(range: FeedRange, signal: AbortSignal): Promise<void> {
    const { database, container, leasePrefix, leaseDatabase, leaseContainer, acquireMs } = this.#feed
    // Like the real trigger's id, it lacks the function's name: two deployments that share leases steal from
    // each other unless their prefixes differ.
    const id = `${leasePrefix}${database}_${container}..${range.minInclusive}-${range.maxExclusive}`
    const leases = this.#clients.leases.database(leaseDatabase).container(leaseContainer)
    while (!signal.aborted) {
      const lease = await this.#retryUntilDone('the lease cannot be read', () => Lease.acquire(leases, id, this.#lease))
      if (lease) {
        this.#held.add(lease)
        await this.#followFeed(range, lease)
        if (signal.aborted) return
        this.#held.delete(lease)
        log('information', this.#name, `the lease ${id} is lost`)
      }
      await pause(acquireMs, signal)
    }
  }

  /** Reads the feed until the lease is lost or the host stops. */
  async #followFeed(range: FeedRange, lease: Lease): Promise<void> {
    const signal = AbortSignal.any([this.#stopping.signal, lease.signal])
    let feed = this.#openFeed(range, lease.continuation)
    while (!signal.aborted) {
      const { ended } = this.#invoker.activity
      const page = await this.#retryUntilDone(
        'the change feed cannot be read',
        async () => toPage(await feed.readNext()),
        // A failed read leaves the iterator at an unknown place, so start over from the lease's continuation.
        () => {
          feed = this.#openFeed(range, lease.continuation)
        },
        signal,
      )
      if (!page || signal.aborted) return
      if (page.items === undefined) {
        await pause(this.#feed.pollMs, signal)
        await this.#invoker.activity.rest(ended, IDLE_POLL_MS - this.#feed.pollMs, signal)
        continue
      }
      await this.#invoke(page.items, signal)
      if (signal.aborted) return
      await lease.advance(page.continuation)
    }
  }

  async #invoke(items: string, signal: AbortSignal): Promise<void> {
    const request = { inputData: [{ name: this.#bindingName, data: { string: items } }], triggerMetadata: {} }
    await invokeWithRetry(this.#invoker, this.#registered, () => request, signal)
  }

  #openFeed(range: FeedRange, continuation: string | null): ChangeFeedPullModelIterator<unknown[]> {
    const { start, maxItems } = this.#feed
    const from = (): ChangeFeedStartFrom => {
      if (continuation !== null) return ChangeFeedStartFrom.Continuation(continuation)
      if (start === 'beginning') return ChangeFeedStartFrom.Beginning(range)
      return start === 'now' ? ChangeFeedStartFrom.Now(range) : ChangeFeedStartFrom.Time(start, range)
    }
    return this.#container.items.getChangeFeedIterator({ changeFeedStartFrom: from(), maxItemCount: maxItems })
  }

  /** Retries any failure with backoff. @returns undefined once the signal is aborted. */
  async #retryUntilDone<Value>(
    what: string,
    attempt: () => Promise<Value>,
    afterFailure: () => void = () => {},
    signal: AbortSignal = this.#stopping.signal,
  ): Promise<Value | undefined> {
    for (let backoff = FIRST_BACKOFF_MS; !signal.aborted; backoff = Math.min(backoff * 2, LAST_BACKOFF_MS)) {
      try {
        return await attempt()
      } catch (error) {
        logFailure(this.#name, `${what}: ${describe(error)}`)
        afterFailure()
        await pause(backoff, signal)
      }
    }
    return undefined
  }
}

/**
 * Rewrites the items as Json.NET does: in the real host, the .NET client reads them and their array is
 * written again. A page with an item that Json.NET cannot read fails.
 * https://github.com/Azure/azure-webjobs-sdk-extensions/blob/dev/src/WebJobs.Extensions.CosmosDB/Trigger/CosmosdbTriggerValueBinder.cs
 */
function toPage(read: ChangeFeedIteratorResponse<unknown[]>): { items: string | undefined; continuation: string } {
  const items = read.count === 0 ? undefined : rewriteJson(JSON.stringify(read.result))
  return { items, continuation: read.continuationToken }
}

function feedOptions(options: TriggerOptions, acquireMs: number): FeedOptions {
  const mode = options.string('changeFeedMode', 'LatestVersion')
  if (mode !== 'LatestVersion')
    throw options.invalid('changeFeedMode', 'LatestVersion, the only mode of the local host')
  const database = options.string('databaseName')
  const time = options.string('startFromTime', '')
  const startTime = new Date(time)
  const fromBeginning = options.boolean('startFromBeginning')
  if (time !== '' && Number.isNaN(startTime.getTime())) throw options.invalid('startFromTime', 'a time in ISO 8601')
  if (time !== '' && fromBeginning) throw options.invalid('startFromTime', 'left out if startFromBeginning is true')
  return {
    database,
    container: options.string('containerName'),
    leaseDatabase: options.string('leaseDatabaseName', database),
    leaseContainer: options.string('leaseContainerName', 'leases'),
    leasePrefix: options.string('leaseContainerPrefix', ''),
    createLeaseContainer: options.boolean('createLeaseContainerIfNotExists'),
    start: fromBeginning ? 'beginning' : time === '' ? 'now' : startTime,
    maxItems: options.number('maxItemsPerInvocation', 100),
    pollMs: options.number('feedPollDelay', 5000, 0),
    acquireMs,
  }
}

function createClient(settings: Settings, name: string, functionName: string): CosmosClient {
  const connectionString = requiredSetting(settings, name, functionName)
  const refuse = (what: string): StartError =>
    new StartError(`function ${functionName}: the setting ${name} is malformed: ${what}`)
  const parts = new Map(
    connectionString
      .split(';')
      .filter((part) => part.trim() !== '')
      .map((part) => [part.slice(0, part.indexOf('=')).trim(), part.slice(part.indexOf('=') + 1)]),
  )
  const endpoint = parts.get('AccountEndpoint') ?? ''
  const key = parts.get('AccountKey') ?? ''
  if (!URL.canParse(endpoint)) throw refuse('it must have AccountEndpoint=<url>')
  if (key === '') throw refuse('it must have AccountKey=<key>')
  return new CosmosClient({
    endpoint,
    key,
    connectionPolicy: { requestTimeout: REQUEST_TIMEOUT_MS, enableBackgroundEndpointRefreshing: false },
  })
}
