import type { LogItem } from '../../core/commit.ts'
import type { Delivery, HubMessage } from '../../core/ports.ts'
import { RELAY } from '../../runtime/relay.ts'
import { hashText } from './dice.ts'
import type { Ground } from './ground.ts'
import type { Partition } from './hub.ts'
import type { Claim, Resource } from './ownership.ts'
import type { Poison } from './poison.ts'
import type { Process } from './process.ts'
import type { Stores } from './stores.ts'

// Simulates the Functions host. It delivers batches to functions, redelivers a failed one without limit, and
// writes checkpoints. The retry policy is that of triggers.ts.

const FIRST_PAUSE_MS = 1_000
const LONGEST_PAUSE_MS = 30_000
const TRY_AGAIN_MS = 1_000

/** A process's work on a resource that it has claimed. */
interface Work {
  readonly ground: Ground
  readonly process: Process
  readonly claim: Claim
  /** The name of the resource. */
  readonly name: string
}

/** Calls a function until it succeeds. @returns false if the claim was lost before. */
async function invoke({ ground, process, claim, name }: Work, run: () => Promise<void>): Promise<boolean> {
  for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
    process.busy += 1
    try {
      await run()
      return true
    } catch (error) {
      ground.failed(process.name, name, error)
    } finally {
      process.busy -= 1
    }
    if (!claim.isHeld) return false
    await process.wait(pause)
    if (!claim.isHeld) return false
  }
}

/**
 * Repeats the host's own work until it succeeds.
 * @returns undefined if the claim was lost before.
 */
async function untilDone<Answer>({ process, claim }: Work, task: () => Promise<Answer>): Promise<Answer | undefined> {
  while (claim.isHeld)
    try {
      return await task()
    } catch {
      // The host logs the error and retries.
      await process.wait(TRY_AGAIN_MS)
    }
  return undefined
}

/** Which of how many parts, counted from 0. */
interface Part {
  readonly range: number
  readonly ranges: number
}

/** A part of a service's change feed: the streams whose hashed names fall into it. */
export function feedRange(ground: Ground, poison: Poison, stores: Stores, part: Part): Resource {
  const { range, ranges } = part
  const name = `feed of ${stores.service.name} ${range}`
  /** The number of relayed appends, stored as the lease's continuation. */
  let continuation = 0
  const isInRange = (items: readonly LogItem[]): boolean => hashText(1, items[0]?.stream ?? '') % ranges === range
  /** The next appends of this range, up to a limit, and where to continue. */
  const after = (from: number, most: number): { readonly appends: (readonly LogItem[])[]; readonly end: number } => {
    const { appends } = stores.log
    const found: (readonly LogItem[])[] = []
    let end = from
    for (; end < appends.length && found.length < most; end += 1) {
      const items = appends[end]
      if (items && isInRange(items)) found.push(items)
    }
    return { appends: found, end }
  }
  return {
    name,
    service: stores.service.name,
    isDone: ({ next }) => next === stores.log.appends.length,
    async work(process, claim) {
      const work = { ground, process, claim, name }
      const lease = { about: name, store: 'leases' }
      claim.next = await untilDone(work, () =>
        process.call({ ...lease, name: 'lease.read', isWrite: false }, async () => continuation),
      )
      while (claim.isHeld && claim.next !== undefined) {
        const from = claim.next
        if (from === stores.log.appends.length) {
          await stores.grown.wait()
          continue
        }
        claim.isBusy = true
        const most = ground.dice.between(`feed batch ${name} ${from}`, 1, 6)
        const page = await untilDone(work, () =>
          process.call({ ...lease, name: 'feed.read', isWrite: false, store: 'log' }, async () => after(from, most)),
        )
        if (page === undefined) break
        // The commits of one append share their place in the feed, in random order.
        const items = poison.shown(
          stores.service.name,
          RELAY,
          page.appends.flatMap((append, index) => ground.dice.shuffled(`feed order ${name} ${from} ${index}`, append)),
        )
        const isRelayed = items.length === 0 || (await invoke(work, () => process.runtime.relay(items, process.log)))
        if (!isRelayed) break
        const moved = await untilDone(work, () =>
          process.call({ ...lease, name: 'lease.write', isWrite: true }, async () => {
            // A lease is written under its ETag, which fails after a takeover.
            if (!claim.isCurrent) return false
            continuation = page.end
            return true
          }),
        )
        if (!moved) break
        claim.next = page.end
        claim.isBusy = false
      }
      claim.isBusy = false
    },
  }
}

/** A consumer group of a service, at the hub of a service. */
export interface ConsumerGroup {
  readonly consumer: string
  readonly service: string
  /** The service that publishes to the hub. */
  readonly hub: string
  readonly deliver: Deliver
}

type Deliver = (process: Process, delivery: Delivery) => Promise<void>

/** A partition of a hub, for one consumer group. */
export class ConsumedPartition implements Resource {
  readonly name: string
  readonly service: string
  readonly consumer: string
  readonly hub: string
  /** The sequence number of the last message known to be handled. */
  checkpoint = -1
  readonly #ground: Ground
  readonly #partition: Partition
  readonly #deliver: Deliver

  constructor(ground: Ground, partition: Partition, { consumer, service, hub, deliver }: ConsumerGroup) {
    this.name = `${consumer} ${partition.id}`
    this.service = service
    this.consumer = consumer
    this.hub = hub
    this.#ground = ground
    this.#partition = partition
    this.#deliver = deliver
  }

  isDone({ next }: Claim): boolean {
    return next === this.#partition.end
  }

  get partition(): Partition {
    return this.#partition
  }

  async work(process: Process, claim: Claim): Promise<void> {
    const [ground, partition] = [this.#ground, this.#partition]
    const work = { ground, process, claim, name: this.name }
    const blob = { about: this.name, store: 'checkpoints' }
    const checkpoint = await untilDone(work, () =>
      process.call({ ...blob, name: 'checkpoint.read', isWrite: false }, async () => this.checkpoint),
    )
    if (checkpoint === undefined) return
    claim.next = checkpoint + 1
    const frequency = ground.dice.between(`checkpoint frequency of ${this.name}`, 1, 4)
    for (let batches = 1; claim.isHeld; batches += 1) {
      // Expired messages cannot be read, so the hub continues with what it still has.
      const from: number = Math.max(claim.next, partition.first)
      claim.next = from
      if (from >= partition.end) {
        // The next messages may have expired meanwhile.
        claim.isBusy = false
        await partition.grown.wait()
        continue
      }
      claim.isBusy = true
      const most = ground.dice.between(`batch ${this.name} ${from}`, 1, 8)
      const messages: readonly HubMessage[] | undefined = await untilDone(work, () =>
        process.call({ ...blob, name: 'receive', isWrite: false, store: 'hub' }, async () =>
          partition.between(from, partition.end).slice(0, most),
        ),
      )
      if (messages === undefined) break
      const [first, last] = [messages[0], messages.at(-1)]
      if (first === undefined || last === undefined) continue
      const delivery = {
        partition: partition.id,
        messages: messages.map(readBody),
        sequences: messages.map(({ sequence }) => sequence),
        first,
        last,
      }
      if (!(await invoke(work, () => this.#deliver(process, delivery)))) break
      claim.next = last.sequence + 1
      if (batches % frequency === 0)
        // A process that lost the partition without knowing it still writes its checkpoint. A failed write is
        // made good by a later batch.
        await process
          .call({ ...blob, name: 'checkpoint.write', isWrite: true }, async () => {
            this.checkpoint = last.sequence
          })
          .catch(() => {})
      claim.isBusy = false
    }
    claim.isBusy = false
  }
}

function readBody({ body }: HubMessage): unknown {
  return body
}

/** The timer of a service. */
export function timer(ground: Ground, service: string): Resource {
  return {
    name: `timer of ${service}`,
    service,
    isDone: () => true,
    async work(process, claim) {
      const { runtime } = process
      while (claim.isHeld) {
        await process.wait(runtime.periodSeconds * 1000)
        if (!claim.isHeld) return
        process.busy += 1
        try {
          await runtime.doPeriodicWork(process.log)
        } catch (error) {
          // The next run does the rest.
          ground.failed(process.name, 'timer', error)
        } finally {
          process.busy -= 1
        }
      }
    },
  }
}
