import { isTidemarkError } from 'tidemark'
import { describeError } from '../../core/errors.ts'
import { Dice, roll } from './dice.ts'
import { type FaultKind, Faults } from './faults.ts'
import { Timeline } from './timeline.ts'
import { Trace } from './trace.ts'

/** An error of the Event Hubs client, which is none of Tidemark's. */
export class SendFailed extends Error {}

export interface GroundOptions {
  readonly seed: number
  readonly kinds: ReadonlySet<FaultKind>
  /** The ids of the faults that happen; without it all do. */
  readonly only?: ReadonlySet<string>
  /** Whether what happens can be read afterwards. */
  readonly keepsLines: boolean
}

/** What everything in a history stands on: time, chance, what goes wrong, and what is told of it. */
export class Ground {
  readonly timeline = new Timeline()
  readonly dice: Dice
  readonly faults: Faults
  readonly trace: Trace
  /** What must never happen, and did. */
  readonly alarms: string[] = []
  readonly #began: number
  readonly #slowness: number
  readonly #out = new Map<string, number>()
  /** Effects that are still to come although nobody waits for them. */
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

  /** Something failed: what may pass is everyday life, anything else an alarm. */
  failed(who: string, what: string, error: unknown): void {
    this.log(who, `${what} failed: ${describeError(error)}`)
    if (error instanceof SendFailed || (isTidemarkError(error) && error.retriable)) return
    const description = isTidemarkError(error) ? `${error.code}: ${error.message}` : (error as Error).stack
    this.alarm(`${who}: ${what} failed: ${description ?? String(error)}`)
  }

  /** Something in the simulator itself went wrong. */
  break(error: unknown): void {
    this.#broken ??= { error }
  }

  get isBroken(): boolean {
    return this.#broken !== undefined
  }

  /** @throws what broke. */
  throwBroken(): void {
    if (this.#broken) throw this.#broken.error
  }

  /** Nothing goes wrong any more: from here on the system has time to come to rest. */
  calm(): void {
    this.faults.isOver = true
    this.#out.clear()
    this.log('world', 'nothing goes wrong any more')
  }

  /** Milliseconds that something takes on its way. */
  latency(hash: number, nth: number): number {
    const isFar = roll(hash, 10 + nth) > 0.97
    return 0.5 + roll(hash, 20 + nth) * 15 * this.#slowness * (isFar ? 20 : 1)
  }

  /** Something takes effect, whether or not anybody waits for it still. */
  effectAfter(milliseconds: number, effect: () => void): void {
    this.#late += 1
    this.timeline.after(milliseconds, () => {
      this.#late -= 1
      effect()
    })
  }

  /** How many effects are still to come. */
  get toCome(): number {
    return this.#late
  }

  /** A store answers nobody for a while. */
  takeOut(store: string, milliseconds: number): void {
    this.log(store, 'is out')
    this.#out.set(store, this.now + milliseconds)
  }

  isOut(store: string): boolean {
    return (this.#out.get(store) ?? 0) > this.now
  }
}
