import { isTidemarkError } from 'tidemark'
import { describeError } from '../../core/errors.ts'
import { Dice, roll } from './dice.ts'
import { type FaultKind, Faults } from './faults.ts'
import { Timeline } from './timeline.ts'
import { Trace } from './trace.ts'

/** An error of the Event Hubs client, as opposed to one of Tidemark's own. */
export class SendFailed extends Error {}

export interface GroundOptions {
  readonly seed: number
  readonly kinds: ReadonlySet<FaultKind>
  /** The ids of the faults that may happen; undefined allows all. */
  readonly only?: ReadonlySet<string>
  /** Whether the lines of the trace are kept for reading. */
  readonly keepsLines: boolean
}

/** The basis of a history: time, random decisions, faults and the trace. */
export class Ground {
  readonly timeline = new Timeline()
  readonly dice: Dice
  readonly faults: Faults
  readonly trace: Trace
  /** The violations found so far. */
  readonly alarms: string[] = []
  readonly #began: number
  readonly #slowness: number
  readonly #out = new Map<string, number>()
  /** The number of pending effects whose caller no longer waits. */
  #late = 0
  #broken: { readonly error: unknown } | undefined

  constructor({ seed, kinds, only, keepsLines }: GroundOptions) {
    this.dice = new Dice(seed)
    this.faults = new Faults(this.dice, kinds, only)
    this.trace = new Trace(keepsLines)
    this.#began = this.timeline.now
    this.#slowness = this.dice.pick('slowness', [1, 1, 1, 3, 8, 20])
  }

  /** Milliseconds since 1970, by the clock of all stores. */
  get now(): number {
    return this.timeline.now
  }

  log(who: string, what: string): void {
    this.trace.add(`${((this.now - this.#began) / 1000).toFixed(3)} ${who}: ${what}`)
  }

  alarm(what: string): void {
    this.alarms.push(what)
    this.log('alarm', what)
  }

  /** Reports a failure: a transient one is expected, any other is an alarm. */
  failed(who: string, what: string, error: unknown): void {
    this.log(who, `${what} failed: ${describeError(error)}`)
    if (error instanceof SendFailed || (isTidemarkError(error) && error.retriable)) return
    const description = isTidemarkError(error) ? `${error.code}: ${error.message}` : (error as Error).stack
    this.alarm(`${who}: ${what} failed: ${description ?? String(error)}`)
  }

  /** Reports an error in the simulator itself. */
  break(error: unknown): void {
    this.#broken ??= { error }
  }

  get isBroken(): boolean {
    return this.#broken !== undefined
  }

  /** @throws the simulator's own error, if any. */
  throwBroken(): void {
    if (this.#broken) throw this.#broken.error
  }

  /** Ends all faults, so that the system can come to rest. */
  calm(): void {
    this.faults.isOver = true
    this.#out.clear()
    this.log('world', 'faults end')
  }

  /** The time that a message takes, in milliseconds. */
  latency(hash: number, nth: number): number {
    const isFar = roll(hash, 10 + nth) > 0.97
    return 0.5 + roll(hash, 20 + nth) * 15 * this.#slowness * (isFar ? 20 : 1)
  }

  /** Schedules an effect, whether or not its caller still waits. */
  effectAfter(milliseconds: number, effect: () => void): void {
    this.#late += 1
    this.timeline.after(milliseconds, () => {
      this.#late -= 1
      effect()
    })
  }

  /** The number of pending effects. */
  get toCome(): number {
    return this.#late
  }

  /** Starts an outage of a store. */
  takeOut(store: string, milliseconds: number): void {
    this.log(store, 'is out')
    this.#out.set(store, this.now + milliseconds)
  }

  isOut(store: string): boolean {
    return (this.#out.get(store) ?? 0) > this.now
  }
}
