import { TidemarkError, type Trace } from 'tidemark'
import { StoreClock } from '../../cosmos/store-clock.ts'
import type { RuntimePorts, ServiceRuntime } from '../../runtime/service-runtime.ts'
import { roll } from './dice.ts'
import type { Ground } from './ground.ts'

/** How long a caller waits before it gives up. Milliseconds. */
const TIMEOUT_MS = 10_000

/** What a call is: what it asks of whom, about what, and what is thrown where it fails. */
export interface Call {
  /** `log.append` */
  readonly name: string
  /** The stream, document or partition that it is about. */
  readonly about: string
  /** Whether it changes anything. What is not known of a write that failed, is known of a read: it was none. */
  readonly isWrite: boolean
  /** The store that it goes to: one that is out answers nobody. */
  readonly store: string
  /** What a failed call throws, where that is not Tidemark's. */
  readonly failure?: (why: string) => Error
}

/** What a process is made of. */
export interface ProcessParts {
  readonly service: string
  /** Of all processes that the service has had. */
  readonly number: number
  /** Puts together what runs in it. */
  makeRuntime(process: Process): ServiceRuntime
  /** Hears what it logs. */
  readonly log: (process: Process, ...line: Parameters<Trace>) => void
  readonly onEnd: (process: Process) => void
}

/**
 * A process of a service: it has caches of its own and a machine whose clocks are wrong in their own way, and
 * it may end at any moment.
 */
export class Process {
  readonly name: string
  readonly service: string
  readonly runtime: ServiceRuntime
  /** Takes what its functions log. */
  readonly log: Trace
  readonly clock: RuntimePorts['clock']
  /** How many invocations of its functions run. */
  busy = 0
  readonly #ground: Ground
  readonly #onEnd: (process: Process) => void
  readonly #counts = new Map<string, number>()
  /** The machine's clocks: how much faster than time they run, and how far its time of day is off, in milliseconds. */
  readonly #rate: number
  #off: number
  #isDead = false
  #pausedUntil = 0
  readonly #began: number

  constructor(ground: Ground, { service, number, makeRuntime, log, onEnd }: ProcessParts) {
    const name = `${service}/${number}`
    this.name = name
    this.service = service
    this.log = (...line) => log(this, ...line)
    this.#ground = ground
    this.#onEnd = onEnd
    this.#began = ground.timeline.now
    // What a store's clock is guessed by holds for clocks that drift by no more than this.
    this.#rate = 1 + (ground.dice.number(`${name} rate`) - 0.5) * 0.0008
    this.#off = Math.round((ground.dice.number(`${name} off`) - 0.5) * 7_200_000)
    this.clock = new StoreClock(
      () => this.call({ name: 'clock', about: '', isWrite: false, store: 'log' }, async () => Math.floor(ground.now)),
      {
        time: () => ground.now + this.#off,
        elapsed: () => this.#elapsed(),
        wait: (milliseconds) => this.wait(milliseconds),
      },
    )
    this.runtime = makeRuntime(this)
    ground.log(name, 'starts')
  }

  get isDead(): boolean {
    return this.#isDead
  }

  /** Nothing of it goes on. What it has asked for may still take effect. */
  die(why: string): void {
    if (this.#isDead) return
    this.#isDead = true
    this.#ground.log(this.name, `ends: ${why}`)
    this.#onEnd(this)
  }

  /** It stands still: what it is answered meanwhile it hears after that, and its clocks go on. */
  pause(milliseconds: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, this.#ground.now + milliseconds)
  }

  /** The machine's time of day is set. */
  jump(milliseconds: number): void {
    this.#off += milliseconds
  }

  wait(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      this.#ground.timeline.after(milliseconds / this.#rate, () => this.#goOn(resolve))
    })
  }

  every(milliseconds: number, task: () => void): void {
    const again = (): void => {
      if (this.#isDead) return
      task()
      this.#ground.timeline.after(milliseconds, again)
    }
    this.#ground.timeline.after(milliseconds, again)
  }

  /**
   * Asks something outside the process: it takes effect at a later moment and is answered at one after that,
   * in whatever order all this comes about, unless a fault has it otherwise.
   */
  call<Answer>(call: Call, effect: () => Promise<Answer>): Promise<Answer> {
    // Nobody is left who could hear an answer.
    if (this.#isDead) return new Promise(() => {})
    const { name, about, isWrite, store, failure } = call
    const subject = `${this.name} ${name} ${about}`
    const count = (this.#counts.get(subject) ?? 0) + 1
    this.#counts.set(subject, count)
    const key = `${subject} #${count}`
    const ground = this.#ground
    const hash = ground.dice.hash(key)
    const fault = ground.faults.ofCall(key, hash, isWrite)
    if (fault) ground.log(key, fault)
    if (fault === 'pause') this.pause(1_000 + roll(hash, 1) * 40_000)

    return new Promise<Answer>((resolve, reject) => {
      const { timeline } = ground
      const answer = (settle: () => void): void => {
        timeline.after(ground.latency(hash, 2), () => this.#goOn(settle))
      }
      const fail = (code: 'unavailable' | 'outcome-unknown', why: string): void => {
        reject(failure?.(why) ?? new TidemarkError(code, `${name} ${about}: ${why}`))
      }
      const giveUp = (): void => {
        timeline.after(TIMEOUT_MS, () =>
          this.#goOn(() => fail(isWrite ? 'outcome-unknown' : 'unavailable', 'no answer')),
        )
      }
      const takeEffect = (isHeard: boolean): void => {
        ground.log(key, 'takes effect')
        effect().then(
          (value) => {
            if (isHeard) answer(() => resolve(value))
          },
          (error: unknown) => {
            if (isHeard) answer(() => reject(error))
          },
        )
      }
      const arrive = (): void => {
        if (ground.isOut(store)) {
          // Half of those who ask a store that is out are refused, the others hear nothing.
          if (roll(hash, 3) < 0.5) answer(() => fail('unavailable', 'the store is out'))
          else giveUp()
          return
        }
        if (fault === 'throttled') answer(() => fail('unavailable', 'throttled'))
        else if (fault === 'crash-before') this.die(`before ${key}`)
        else takeEffect(fault !== 'crash-after' && fault !== 'unanswered')
        if (fault === 'crash-after') this.die(`after ${key}`)
        if (fault === 'unanswered') giveUp()
      }
      if (fault === 'lost' || fault === 'late') {
        giveUp()
        if (fault === 'late') ground.effectAfter(TIMEOUT_MS * (0.5 + 4 * roll(hash, 4)), () => takeEffect(false))
        return
      }
      const slow = fault === 'slow' ? roll(hash, 5) * 0.9 * TIMEOUT_MS : 0
      const underway = ground.latency(hash, 1) + slow
      // A write that is on its way takes effect whether or not its process lives to hear of it.
      if (isWrite) ground.effectAfter(underway, arrive)
      else timeline.after(underway, arrive)
    })
  }

  /** Lets the process do something for somebody outside it: what it answers is heard, unless it ends before. */
  serve<Answer>(about: string, task: () => Promise<Answer>): Promise<Answer> {
    if (this.#isDead) return new Promise(() => {})
    this.busy += 1
    return new Promise((resolve, reject) => {
      const done = (settle: () => void): void => {
        this.busy -= 1
        this.#ground.timeline.after(this.#ground.latency(this.#ground.dice.hash(about), 3), () => this.#goOn(settle))
      }
      task().then(
        (answer) => done(() => resolve(answer)),
        (error: unknown) => done(() => reject(error)),
      )
    })
  }

  /** Goes on with what waited, unless the process ended meanwhile; a process that stands still goes on later. */
  #goOn(next: () => void): void {
    if (this.#isDead) return
    const left = this.#pausedUntil - this.#ground.now
    if (left > 0) this.#ground.timeline.after(left, () => this.#goOn(next))
    else next()
  }

  #elapsed(): number {
    return (this.#ground.now - this.#began) * this.#rate
  }
}
