import { TidemarkError, type Trace } from 'tidemark'
import { StoreClock } from '../../cosmos/store-clock.ts'
import type { RuntimePorts, ServiceRuntime } from '../../runtime/service-runtime.ts'
import { roll } from './dice.ts'
import type { Ground } from './ground.ts'

/** How long a caller waits for an answer. Milliseconds. */
const TIMEOUT_MS = 10_000

/** A call: its name, what it is about, and the error of a failure. */
export interface Call {
  /** Such as `log.append`. */
  readonly name: string
  /** The stream, document or partition that it is about. */
  readonly about: string
  /** Whether it may change anything. A failed write has an unknown outcome, a failed read has none. */
  readonly isWrite: boolean
  /** The store that it goes to, which may have an outage. */
  readonly store: string
  /** Makes the error of a failed call, if that is not Tidemark's. */
  readonly failure?: (why: string) => Error
}

/** The parts of a process. */
export interface ProcessParts {
  readonly service: string
  /** Counted over all processes of the service. */
  readonly number: number
  /** Composes the runtime of the process. */
  makeRuntime(process: Process): ServiceRuntime
  /** Receives its log lines. */
  readonly log: (process: Process, ...line: Parameters<Trace>) => void
  readonly onEnd: (process: Process) => void
}

/**
 * A process of a service. It has its own caches and a machine with wrong clocks, and it may end at any moment.
 */
export class Process {
  readonly name: string
  readonly service: string
  readonly runtime: ServiceRuntime
  /** Receives the log lines of its functions. */
  readonly log: Trace
  readonly clock: RuntimePorts['clock']
  /** The number of running invocations of its functions. */
  busy = 0
  readonly #ground: Ground
  readonly #onEnd: (process: Process) => void
  readonly #counts = new Map<string, number>()
  /**
   * The machine's clocks: their speed relative to true time, and the offset of the time of day in milliseconds.
   */
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
    // The estimate of the store's clock is valid for clocks with at most this drift.
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

  /** Stops the process. Its pending calls may still take effect. */
  die(why: string): void {
    if (this.#isDead) return
    this.#isDead = true
    this.#ground.log(this.name, `ends: ${why}`)
    this.#onEnd(this)
  }

  /** Pauses the process: its clocks continue, and it receives answers afterwards. */
  pause(milliseconds: number): void {
    this.#pausedUntil = Math.max(this.#pausedUntil, this.#ground.now + milliseconds)
  }

  /** Sets the machine's time of day. */
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
   * Calls something outside the process. The call takes effect later and is answered after that, in any order
   * with other calls, unless a fault changes it.
   */
  call<Answer>(call: Call, effect: () => Promise<Answer>): Promise<Answer> {
    // A dead process receives no answer.
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
          // Half of the calls to a store with an outage are refused, the others get no answer.
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
      // A write under way takes effect even if its process dies.
      if (isWrite) ground.effectAfter(underway, arrive)
      else timeline.after(underway, arrive)
    })
  }

  /**
   * Runs something in the process for a caller outside it. The caller gets the answer unless the process ends before.
   */
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

  /** Continues a waiting step, unless the process has ended; during a pause, it continues later. */
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
