import { isTidemarkError, type Service } from 'tidemark'
import { listReactions } from 'tidemark/tools'
import type { WorldFault } from './faults.ts'
import type { Ground } from './ground.ts'
import type { ConsumedPartition } from './host.ts'
import type { Ownership } from './ownership.ts'
import type { Poison } from './poison.ts'
import type { Process } from './process.ts'
import type { Stores } from './stores.ts'

/** When faults may happen. Milliseconds. */
export interface DisturbedTime {
  readonly faultyMs: number
  /** When the script acts, counted from the start. Few faults matter in between. */
  readonly busyAt: readonly number[]
}

/** How long an action of the script keeps the services busy. */
const AROUND_MS = 4_000
const OUTAGE_MS = 30_000
/** The longest time for which a disturbed partition has no consumer. */
const LEFT_MS = 15_000
/** The largest jump of a time of day, in either direction. */
const JUMP_MS = 3_600_000
/** The longest time for which a handler has a bug or a change feed shows changed commits. Milliseconds. */
const POISON_MS = 40_000
/** The stores that may have an outage. */
const STORES = ['log', 'views', 'hub', 'progress', 'schedule', 'snapshots', 'leases', 'checkpoints']

/** A message of a stream that no service has. It is ignored. */
const OF_NOBODY = {
  specversion: '1.0',
  id: 'x-1@1',
  source: '/other/x',
  subject: 'x-1',
  type: 'Strange',
  streamversion: 1,
  data: {},
}
/** Messages that other programs may send. All but the last one need an operator. */
const FOREIGN: readonly unknown[] = [
  'no JSON',
  '',
  null,
  0,
  [],
  {},
  { subject: 'order' },
  { specversion: '1.0', id: 'a', source: '/elsewhere', type: 'Strange', subject: 'thing/1' },
  OF_NOBODY,
]

/** The actions on the generations of views, some of them more likely. */
const ACTIONS = ['rebuild', 'rebuild', 'go-back', 'build', 'build', 'promote', 'promote', 'abandon'] as const

/** The errors that a rebuild may end with: another one started, or there is nothing to do. */
export const REBUILD_ENDS: ReadonlySet<string> = new Set([
  'replay-superseded',
  'log-empty',
  'no-way-back',
  'nothing-built',
  'instance-outdated',
  // The view has a bug.
  'handler-failed',
])

/** What the faults act on. */
export interface Disturbed {
  readonly ground: Ground
  readonly ownership: Ownership
  readonly poison: Poison
  /** One for each partition and consumer. */
  readonly partitions: readonly ConsumedPartition[]
  readonly stores: ReadonlyMap<string, Stores>
  /** The live processes of a service. */
  listProcesses(service: string): readonly Process[]
}

/** The faults that do not belong to a call. */
export class Disturbances {
  readonly #ground: Ground
  readonly #disturbed: Disturbed

  constructor(disturbed: Disturbed) {
    this.#ground = disturbed.ground
    this.#disturbed = disturbed
  }

  plan(time: DisturbedTime): void {
    const { faults, timeline } = this.#ground
    for (const { kind, about } of faults.planned())
      timeline.after(this.#pickTime(about, time), () => {
        if (faults.happens(kind, about)) this.#happen(kind, about)
      })
  }

  #pickTime(about: string, { faultyMs, busyAt }: DisturbedTime): number {
    const { dice } = this.#ground
    const time = dice.number(`${about} time`)
    if (busyAt.length === 0 || dice.chance(`${about} any time`, 0.3)) return time * faultyMs
    return Math.max(0, dice.pick(`${about} step`, busyAt) + (time - 0.2) * AROUND_MS)
  }

  #happen(kind: WorldFault, about: string): void {
    const { dice } = this.#ground
    const { ownership, partitions, poison, stores } = this.#disturbed
    const amount = dice.number(`${about} amount`)
    const its = dice.pick(`${about} service`, [...stores.values()])
    const living = this.#disturbed.listProcesses(its.service.name)
    const process = living.length > 0 ? dice.pick(`${about} process`, living) : undefined
    switch (kind) {
      case 'takeover':
        ownership.takeOver(dice.pick(`${about} resource`, ownership.resources))
        return
      case 'outage':
        this.#ground.takeOut(dice.pick(`${about} store`, STORES), amount * OUTAGE_MS)
        return
      case 'rewind':
      case 'skip':
      case 'expire': {
        const busy = partitions.filter((each) => ownership.findClaim(each)?.isBusy)
        const consumed = dice.pick(`${about} partition`, busy.length > 0 ? busy : partitions)
        const owner = ownership.findClaim(consumed)?.process
        // Messages that arrive meanwhile wait.
        ownership.leave(consumed, dice.number(`${about} away`) * LEFT_MS, () => this.#disturb(kind, consumed, amount))
        if (dice.chance(`${about} ends`, 0.5)) owner?.die(about)
        return
      }
      case 'rebuild':
        if (process) this.#rebuild(about, process, its.service)
        return
      case 'clock':
        process?.jump((2 * amount - 1) * JUMP_MS)
        return
      case 'end':
        if (process) this.#end(about, process)
        return
      case 'poison':
        this.#poison(about, its)
        return
      case 'bug': {
        const { views } = its.service
        const handler = dice.pick(`${about} handler`, [...views, ...listReactions(its.service)])
        this.#ground.log(its.service.name, `${handler.name} has a bug`)
        poison.addBug(handler.name, about, amount * POISON_MS)
        return
      }
      case 'damage':
        this.#ground.log(its.service.name, 'the change feed shows changed commits')
        poison.addDamage(its.service.name, about, amount * POISON_MS)
        return
    }
  }

  /** Changes a consumer's checkpoint, or what its partition still holds. */
  async #disturb(kind: 'rewind' | 'skip' | 'expire', consumed: ConsumedPartition, amount: number): Promise<void> {
    const { name, checkpoint, partition, hub } = consumed
    const { partitions, stores } = this.#disturbed
    if (kind !== 'expire') {
      consumed.checkpoint = kind === 'skip' ? partition.end - 1 : Math.floor(amount * (checkpoint + 2)) - 1
      this.#ground.log(name, `its checkpoint is moved from ${checkpoint} to ${consumed.checkpoint}`)
      return
    }
    // A consumer without progress in the partition could not know that there were earlier messages.
    for (const { service, consumer } of partitions.filter((each) => each.partition === partition)) {
      const progress = await stores.get(service)?.progress(consumer).read()
      if (!progress?.some(({ partitions }) => partitions.has(partition.id))) return
    }
    partition.first = Math.max(partition.first, Math.ceil(amount * partition.end))
    this.#ground.log(hub, `messages before ${partition.first} in partition ${partition.id} have expired`)
  }

  /** The rebuild runs in the background. If its process ends, another one resumes it. */
  #rebuild(about: string, process: Process, { views }: Service): void {
    const ground = this.#ground
    const view = ground.dice.pick(`${about} view`, views)
    const action = ground.dice.pick(`${about} action`, ACTIONS)
    ground.log(process.name, `${view.name}: ${action}`)
    process
      .serve(about, () => process.runtime.rebuild(view, action, 'chaos', process.log))
      .catch((error: unknown) => {
        if (!isTidemarkError(error)) ground.failed(process.name, `${action} of ${view.name}`, error)
      })
  }

  #end(about: string, process: Process): void {
    process.runtime
      .close()
      .catch((error: unknown) => this.#ground.failed(process.name, 'close', error))
      .finally(() => process.die(about))
  }

  #poison(about: string, { hub, foreign }: Stores): void {
    const { dice, now } = this.#ground
    const partition = dice.pick(`${about} partition`, hub.partitions)
    const body = dice.pick(`${about} body`, FOREIGN)
    this.#ground.log(about, `${JSON.stringify(body)} comes to partition ${partition.id} of ${hub.name}`)
    for (const message of partition.append([body], now)) foreign.set(message, body === OF_NOBODY)
  }
}
