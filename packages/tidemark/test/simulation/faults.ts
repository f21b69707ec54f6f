import { type Dice, roll } from './dice.ts'

/**
 * The faults of a call of a port:
 * - `lost`: the call never arrives, and the caller times out;
 * - `unanswered`: it takes effect, and the caller times out;
 * - `late`: the caller times out, and it takes effect after that;
 * - `throttled`: it is refused at once;
 * - `slow`: it takes long;
 * - `crash-before`, `crash-after`: the caller's process ends before the call arrives, or after it took
 *   effect;
 * - `pause`: the caller's process stands still for a while, and then continues as before.
 */
export const CALL_FAULTS = [
  'lost',
  'unanswered',
  'late',
  'throttled',
  'slow',
  'crash-before',
  'crash-after',
  'pause',
] as const
export type CallFault = (typeof CALL_FAULTS)[number]

/**
 * The faults that do not belong to a call:
 * - `takeover`: another process takes over a resource (a hub's partition, a part of the change feed, the
 *   timer). The first one learns of it late, so both work on it for a while;
 * - `outage`: a store answers no calls for a while;
 * - `rewind`, `skip`: a consumer's checkpoint is moved back, or to the end, as another program can do;
 * - `expire`: a hub drops messages that a consumer has not read;
 * - `rebuild`: a view is rebuilt from the log, or rolled back to the previous generation;
 * - `clock`: a machine's time of day jumps;
 * - `end`: a process shuts down on request;
 * - `poison`: a message that is no event of the service arrives in its hub;
 * - `bug`: the code of a view or a reaction throws for some events, until it is fixed;
 * - `damage`: a change feed shows commits that differ from what was recorded.
 */
export const WORLD_FAULTS = [
  'takeover',
  'outage',
  'rewind',
  'skip',
  'expire',
  'rebuild',
  'clock',
  'end',
  'poison',
  'bug',
  'damage',
] as const
export type WorldFault = (typeof WORLD_FAULTS)[number]

export type FaultKind = CallFault | WorldFault
export const ALL_KINDS: ReadonlySet<FaultKind> = new Set([...CALL_FAULTS, ...WORLD_FAULTS])

/** A fault that happened. Its id is the same in every history of the seed in which it may happen. */
export interface Fault {
  readonly id: string
  readonly kind: FaultKind
  /** What it happened to. */
  readonly about: string
}

/** The probability of each kind for each call, in a history that has the kind at all. */
const CALL_RATES: Readonly<Record<CallFault, number>> = {
  lost: 0.01,
  unanswered: 0.02,
  late: 0.015,
  throttled: 0.02,
  slow: 0.02,
  'crash-before': 0.004,
  'crash-after': 0.008,
  pause: 0.005,
}

/** The most faults of each kind, in a history that has the kind at all. */
const WORLD_COUNTS: Readonly<Record<WorldFault, number>> = {
  takeover: 6,
  outage: 3,
  rewind: 3,
  skip: 2,
  expire: 2,
  rebuild: 6,
  clock: 4,
  end: 3,
  poison: 4,
  bug: 4,
  damage: 2,
}

/** The faults of a read, which never takes effect. */
const OF_READS: ReadonlySet<CallFault> = new Set<CallFault>([
  'lost',
  'throttled',
  'slow',
  'crash-before',
  'crash-after',
  'pause',
])

/** Decides which faults happen in a history. */
export class Faults {
  /** The faults that have happened, in order. */
  readonly happened: Fault[] = []
  /** Whether faults have ended. */
  isOver = false
  readonly #dice: Dice
  readonly #only: ReadonlySet<string> | undefined
  readonly #rates: readonly (readonly [kind: CallFault, rate: number])[]
  readonly #planned: readonly (readonly [kind: WorldFault, count: number])[]

  /**
   * @param kinds the kinds that may happen. Each history has only some of them, with varying rates, since
   * constant faults would hide what happens between them.
   * @param only the ids of the faults that may happen; undefined allows all.
   */
  constructor(dice: Dice, kinds: ReadonlySet<FaultKind>, only?: ReadonlySet<string>) {
    this.#dice = dice
    this.#only = only
    const share = (kind: FaultKind): number =>
      kinds.has(kind) ? dice.pick(`share of ${kind}`, [0, 0, 0.3, 1, 1, 2]) : 0
    this.#rates = CALL_FAULTS.map((kind) => [kind, CALL_RATES[kind] * share(kind)] as const).filter(
      ([, rate]) => rate > 0,
    )
    this.#planned = WORLD_FAULTS.map((kind) => [kind, Math.round(WORLD_COUNTS[kind] * Math.min(1, share(kind)))])
  }

  /** The fault of a call, if any. @param hash the hash of what the call is about. */
  ofCall(about: string, hash: number, isWrite: boolean): CallFault | undefined {
    if (this.isOver) return undefined
    let left = roll(hash, 0)
    for (const [kind, rate] of this.#rates) {
      left -= rate
      if (left >= 0) continue
      if (!isWrite && !OF_READS.has(kind)) return undefined
      return this.#happens(hash, kind, about) ? kind : undefined
    }
    return undefined
  }

  /** The planned faults that do not belong to a call, each with the name that `happens` takes. */
  planned(): readonly { readonly kind: WorldFault; readonly about: string }[] {
    return this.#planned.flatMap(([kind, count]) =>
      Array.from({ length: count }, (_, index) => ({ kind, about: `${kind} ${index + 1}` })),
    )
  }

  /** Whether a planned fault happens now. */
  happens(kind: WorldFault, about: string): boolean {
    return !this.isOver && this.#happens(this.#dice.hash(about), kind, about)
  }

  #happens(hash: number, kind: FaultKind, about: string): boolean {
    const id = hash.toString(16).padStart(8, '0')
    if (this.#only && !this.#only.has(id)) return false
    this.happened.push({ id, kind, about })
    return true
  }
}
