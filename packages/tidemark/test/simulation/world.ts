import type { Service } from 'tidemark'
import { listFollowedServices, projectionName, reactionsName } from '../../core/service.ts'
import { type RuntimeSettings, serviceRuntime } from '../../runtime/service-runtime.ts'
import { Disturbances, type DisturbedTime } from './disturbances.ts'
import { Ground, type GroundOptions } from './ground.ts'
import { ConsumedPartition, type ConsumerGroup, feedRange, timer } from './host.ts'
import { Hub, Partition } from './hub.ts'
import { Operator } from './operator.ts'
import { Ownership } from './ownership.ts'
import { Poison } from './poison.ts'
import { createPorts } from './ports.ts'
import { Process } from './process.ts'
import { Stores } from './stores.ts'

export interface WorldOptions extends DisturbedTime, GroundOptions {
  readonly services: readonly Service[]
  /** The largest number of processes that a service starts with. */
  readonly maxProcesses: number
}

/** A history with this many moments never comes to rest. */
const MAX_MOMENTS = 200_000
/** The longest time before a process that ended is replaced. Milliseconds. */
const AWAY_MS = 20_000
/** The largest amount by which the clock of a hub's machine is ahead. Milliseconds. */
const AHEAD_MS = 500

/** Services with everything they run on, in virtual time. Everything follows from the seed. */
export class World {
  readonly ground: Ground
  readonly ownership: Ownership
  readonly poison: Poison
  readonly partitions: readonly ConsumedPartition[]
  readonly stores: ReadonlyMap<string, Stores>
  readonly settings: RuntimeSettings
  readonly #processes = new Map<string, Process[]>()
  readonly #started = new Map<string, number>()
  readonly #operator: Operator

  constructor(options: WorldOptions) {
    const { services } = options
    const ground = new Ground(options)
    const { dice } = ground
    this.ground = ground
    this.poison = new Poison(ground)
    this.settings = {
      cachedStreams: 100,
      snapshotEvents: 3,
      queryWaitMs: 2_000,
      schedulePollSeconds: dice.pick('schedule poll', [2, 10, 10]),
      lagCheckSeconds: dice.pick('lag check', [15, 30, 30]),
      archiveSeconds: 300,
      sendsCanaries: false,
    }
    this.stores = new Map(
      services.map((service) => [
        service.name,
        new Stores(this.poison.spoilt(service), this.#createHub(service.name), () => ground.now),
      ]),
    )
    this.partitions = services.flatMap((service) => this.#createConsumers(service))
    const ranges = dice.between('feed ranges', 1, 2)
    const feeds = [...this.stores.values()].flatMap((stores) =>
      Array.from({ length: ranges }, (_, range) => feedRange(ground, this.poison, stores, { range, ranges })),
    )
    const timers = services.map(({ name }) => timer(ground, name))
    const listProcesses = (service: string): readonly Process[] => this.listProcesses(service)
    this.ownership = new Ownership(ground, [...feeds, ...this.partitions, ...timers], listProcesses)
    this.#operator = new Operator(ground, listProcesses)
    for (const { name } of services) {
      const count = Math.min(options.maxProcesses, dice.between(`processes of ${name}`, 1, 3))
      for (let started = 0; started < count; started += 1) this.#start(name)
    }
    this.ownership.begin()
    new Disturbances(this).plan(options)
  }

  /**
   * Lets time pass until `isOver`.
   * @returns false if the time limit came first.
   * @throws an error of the simulator itself.
   */
  async run(isOver: () => boolean, until: number): Promise<boolean> {
    const { ground } = this
    const isLate = (): boolean => ground.now > until || ground.timeline.passed > MAX_MOMENTS
    await ground.timeline.run(() => ground.isBroken || isLate() || isOver())
    ground.throwBroken()
    return !isLate()
  }

  /** Ends all faults. */
  calm(): void {
    this.ground.calm()
    for (const service of this.stores.keys()) this.#operator.mended(service)
  }

  get isAtRest(): boolean {
    return this.unrest().next().done === true
  }

  /** What keeps the system from being at rest. */
  *unrest(): Generator<string, void> {
    if (this.ground.toCome > 0) yield `${this.ground.toCome} effects are pending`
    if (this.#operator.isBusy) yield 'events are being republished'
    for (const processes of this.#processes.values())
      for (const { name, busy } of processes) if (busy > 0) yield `${name} is busy`
    for (const resource of this.ownership.resources) {
      const claim = this.ownership.findClaim(resource)
      if (claim === undefined || claim.process.isDead) yield `nobody works on ${resource.name}`
      else if (claim.isBusy || !resource.isDone(claim))
        yield `${claim.process.name} is at ${claim.next ?? 'the beginning'} of ${resource.name}`
    }
    for (const [service, { schedule }] of this.stores)
      if (schedule.size > 0) yield `${schedule.size} scheduled commands of ${service} wait`
    for (const { rebuilt } of this.stores.values())
      for (const [view, { action, state }] of rebuilt) if (state === 'running') yield `the ${action} of ${view} runs`
    for (const { parkings } of this.stores.values())
      for (const [consumer, { waiting }] of parkings)
        for (const { handler, stream } of waiting) yield `${consumer}: ${stream} is parked for ${handler}`
  }

  /** The live processes of a service. */
  listProcesses(service: string): readonly Process[] {
    return this.#processes.get(service) ?? []
  }

  findStores(service: string): Stores {
    const found = this.stores.get(service)
    if (found === undefined) throw new Error(`there is no service ${service}`)
    return found
  }

  #start(service: string): void {
    const number = (this.#started.get(service) ?? 0) + 1
    this.#started.set(service, number)
    const stores = this.findStores(service)
    const process = new Process(this.ground, {
      service,
      number,
      makeRuntime: (made) => {
        const ports = createPorts(this.ground, made, stores, (name) => this.findStores(name))
        return serviceRuntime(stores.service, ports, this.settings)
      },
      log: ({ name }, line, level) => {
        this.ground.log(name, `${level}: ${line}`)
        if (!this.#operator.readLine(line) && level === 'error') this.ground.alarm(line)
      },
      onEnd: (ended) => this.#ended(ended),
    })
    this.#processes.set(service, [...this.listProcesses(service), process])
  }

  /** Starts another process in place of one that ended. */
  #ended(process: Process): void {
    const { service, name } = process
    const { dice, timeline } = this.ground
    this.#processes.set(
      service,
      this.listProcesses(service).filter((other) => other !== process),
    )
    this.ownership.ended(process)
    timeline.after(dice.number(`away ${name}`) * AWAY_MS, () => this.#start(service))
  }

  #createHub(service: string): Hub {
    const { dice, now } = this.ground
    const count = dice.between(`partitions of ${service}`, 1, 2)
    const partitions = Array.from(
      { length: count },
      (_, id) => new Partition(String(id), dice.number(`clock of ${service} ${id}`) * AHEAD_MS),
    )
    return new Hub(service, partitions, now)
  }

  #createConsumers(service: Service): readonly ConsumedPartition[] {
    const { name } = service
    const consume = (group: ConsumerGroup): readonly ConsumedPartition[] =>
      this.findStores(group.hub).hub.partitions.map((partition) => new ConsumedPartition(this.ground, partition, group))
    const views = consume({
      consumer: projectionName(name),
      service: name,
      hub: name,
      deliver: ({ runtime, log }, delivery) => runtime.project(delivery, log),
    })
    const reactions = listFollowedServices(service).flatMap((hub) =>
      consume({
        consumer: reactionsName(name, hub),
        service: name,
        hub,
        deliver: ({ runtime, log }, delivery) => runtime.react(hub, delivery, log),
      }),
    )
    return service.views.length > 0 ? [...views, ...reactions] : reactions
  }
}
