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

// What the Functions host does: it brings batches to functions, brings one that failed again for ever, and
// says how far it has come. The retry policy is that of triggers.ts.

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

/** Calls a function until it succeeds. @returns false where the claim was lost before. */
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
 * Does what the host does for itself until it succeeds: reading on, or nothing.
 * @returns undefined where the claim was lost before.
 */
async function untilDone<Answer>({ process, claim }: Work, task: () => Promise<Answer>): Promise<Answer | undefined> {
  while (claim.isHeld)
    try {
      return await task()
    } catch {
      // The host logs it, and tries again.
      await process.wait(TRY_AGAIN_MS)
    }
  return undefined
}

/** Which of how many parts, counted from 0. */
interface Part {
  readonly range: number
  readonly ranges: number
}

/** A part of a service's change feed: the streams whose names' hash falls into it. */
export function feedRange(ground: Ground, poison: Poison, stores: Stores, part: Part): Resource {
  const { range, ranges } = part
  const name = `feed of ${stores.service.name} ${range}`
  /** The appends that were relayed: the lease's continuation. */
  let continuation = 0
  const isInRange = (items: readonly LogItem[]): boolean => hashText(1, items[0]?.stream ?? '') % ranges === range
  /** The next appends of this range, at most so many, and where to go on. */
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
        // The commits of one append share their place in the feed, in no order.
        const items = poison.shown(
          stores.service.name,
          RELAY,
          page.appends.flatMap((append, index) => ground.dice.shuffled(`feed order ${name} ${from} ${index}`, append)),
        )
        const isRelayed = items.length === 0 || (await invoke(work, () => process.runtime.relay(items, process.log)))
        if (!isRelayed) break
        const moved = await untilDone(work, () =>
          process.call({ ...lease, name: 'lease.write', isWrite: true }, async () => {
            // A lease is written under its etag: one that was taken cannot be.
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
  /** The number of the last message that is known to be handled. */
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
      // What has expired cannot be read: the hub goes on with what it has.
      const from: number = Math.max(claim.next, partition.first)
      claim.next = from
      if (from >= partition.end) {
        // What was to be received may have expired meanwhile.
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
        // Whoever lost the partition and does not know it writes it all the same. One that fails is written
        // with a later batch.
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
          // The next time does what is left.
          ground.failed(process.name, 'timer', error)
        } finally {
          process.busy -= 1
        }
      }
    },
  }
}
