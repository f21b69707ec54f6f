import type { Ground } from './ground.ts'
import type { Process } from './process.ts'

/**
 * Something that only one process of a service works on: a part of the change feed, a consumer's partition,
 * the timer.
 */
export interface Resource {
  readonly name: string
  readonly service: string
  /** Works on it for as long as the claim is held. */
  work(process: Process, claim: Claim): Promise<void>
  /** Whether the claim has reached the end of the resource. */
  isDone(claim: Claim): boolean
}

/** A process's claim that it owns a resource. */
export class Claim {
  readonly process: Process
  /** Whether the process still believes in the claim, and whether the claim is still valid. */
  isHeld = true
  isCurrent = true
  /** Whether the process is working on something. */
  isBusy = false
  /** Where it continues; undefined before its start. */
  next: number | undefined

  constructor(process: Process) {
    this.process = process
  }
}

/**
 * The longest time before a dead process's resource is taken over, and before a live one learns of a
 * takeover. Milliseconds.
 */
const EXPIRES_MS = 20_000
const NEWS_MS = 15_000
/** The time before another attempt when no process is alive. */
const NOBODY_MS = 1_000

/** The owners of all resources, as the leases and claims of the hosts say. */
export class Ownership {
  readonly resources: readonly Resource[]
  readonly #ground: Ground
  readonly #listProcesses: (service: string) => readonly Process[]
  readonly #claims = new Map<Resource, Claim>()
  readonly #counts = new Map<string, number>()

  /** @param listProcesses lists the live processes of a service. */
  constructor(ground: Ground, resources: readonly Resource[], listProcesses: (service: string) => readonly Process[]) {
    this.#ground = ground
    this.resources = resources
    this.#listProcesses = listProcesses
  }

  /** Gives every resource to a process. */
  begin(): void {
    for (const resource of this.resources) this.#give(resource)
  }

  findClaim(resource: Resource): Claim | undefined {
    return this.#claims.get(resource)
  }

  /** Gives a resource to another process. The present owner learns of it later. */
  takeOver(resource: Resource): void {
    this.#give(resource)
  }

  /** Leaves a resource without an owner for a while. @param then runs before the next owner starts. */
  leave(resource: Resource, milliseconds: number, then: () => Promise<void>): void {
    this.#lose(resource)
    this.#claims.delete(resource)
    this.#ground.timeline.after(milliseconds, () => {
      then()
        .then(() => {
          if (!this.#claims.has(resource)) this.#give(resource)
        })
        .catch((error: unknown) => this.#ground.break(error))
    })
  }

  /** Gives the resources of a dead process to others, once its claims have expired. */
  ended(process: Process): void {
    for (const resource of this.resources)
      if (this.#claims.get(resource)?.process === process) {
        const wait = this.#ground.dice.number(`expiry ${resource.name} of ${process.name}`) * EXPIRES_MS
        this.#ground.timeline.after(wait, () => this.#retake(resource))
      }
  }

  /** Ends a claim. Its owner learns of it later. */
  #lose(resource: Resource): void {
    const before = this.#claims.get(resource)
    if (before === undefined) return
    before.isCurrent = false
    const about = `news of ${resource.name} to ${before.process.name} ${this.#counts.get(resource.name)}`
    this.#ground.timeline.after(this.#ground.dice.number(about) * NEWS_MS, () => {
      before.isHeld = false
    })
  }

  /** Gives a resource to a process if its owner is dead. */
  #retake(resource: Resource): void {
    if (this.#claims.get(resource)?.process.isDead) this.#give(resource)
  }

  #give(resource: Resource): void {
    const { name, service } = resource
    const count = (this.#counts.get(name) ?? 0) + 1
    this.#counts.set(name, count)
    const before = this.#claims.get(resource)
    const living = this.#listProcesses(service)
    const others = living.filter((process) => process !== before?.process)
    const candidates = others.length > 0 ? others : living
    if (candidates.length === 0) {
      this.#ground.timeline.after(NOBODY_MS, () => this.#give(resource))
      return
    }
    this.#lose(resource)
    const process = this.#ground.dice.pick(`claim ${count} of ${name}`, candidates)
    const claim = new Claim(process)
    this.#claims.set(resource, claim)
    this.#ground.log(process.name, `works on ${name}`)
    void resource.work(process, claim).catch((error: unknown) => this.#ground.break(error))
  }
}
