import type { Ground } from './ground.ts'
import type { Process } from './process.ts'

/**
 * Something that one process of a service works on at a time: a part of the change feed, a partition for one
 * consumer, the timer.
 */
export interface Resource {
  readonly name: string
  readonly service: string
  /** Works on it for as long as the claim is held. */
  work(process: Process, claim: Claim): Promise<void>
  /** Whether a claim has come to the end of all there is. */
  isDone(claim: Claim): boolean
}

/** A process's word that a resource is its own. */
export class Claim {
  readonly process: Process
  /** Whether the process believes it still, and whether it is so. */
  isHeld = true
  isCurrent = true
  /** Whether it works on something. */
  isBusy = false
  /** Where it goes on; undefined before it has begun. */
  next: number | undefined

  constructor(process: Process) {
    this.process = process
  }
}

/**
 * How long a resource of a process that ended waits for another, and a process that lost one for the news, at
 * most. Milliseconds.
 */
const EXPIRES_MS = 20_000
const NEWS_MS = 15_000
/** Where no process lives, one is looked for again. */
const NOBODY_MS = 1_000

/** Who works on what, as the leases and claims of the hosts say it. */
export class Ownership {
  readonly resources: readonly Resource[]
  readonly #ground: Ground
  readonly #listProcesses: (service: string) => readonly Process[]
  readonly #claims = new Map<Resource, Claim>()
  readonly #counts = new Map<string, number>()

  /** @param listProcesses those of a service that live. */
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

  /** Another process takes a resource, whoever works on it now; that one hears of it later. */
  takeOver(resource: Resource): void {
    this.#give(resource)
  }

  /** Nobody works on a resource for a while. @param then what happens before somebody does again. */
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

  /** What a process that ended had is taken by others, once its claims have run out. */
  ended(process: Process): void {
    for (const resource of this.resources)
      if (this.#claims.get(resource)?.process === process) {
        const wait = this.#ground.dice.number(`expiry ${resource.name} of ${process.name}`) * EXPIRES_MS
        this.#ground.timeline.after(wait, () => this.#retake(resource))
      }
  }

  /** Whoever works on a resource hears after a while that it is another's. */
  #lose(resource: Resource): void {
    const before = this.#claims.get(resource)
    if (before === undefined) return
    before.isCurrent = false
    const about = `news of ${resource.name} to ${before.process.name} ${this.#counts.get(resource.name)}`
    this.#ground.timeline.after(this.#ground.dice.number(about) * NEWS_MS, () => {
      before.isHeld = false
    })
  }

  /** A resource that nobody alive works on is given to somebody. */
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
