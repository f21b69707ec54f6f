import { type Dice, roll } from './dice.ts'

/**
 * What may go wrong with one call of a port:
 * - `lost`: it never arrives, and the caller gives up after a while;
 * - `unanswered`: it takes effect, and the caller gives up after a while;
 * - `late`: the caller gives up, and it takes effect after that;
 * - `throttled`: it is refused at once;
 * - `slow`: it takes its time;
 * - `crash-before`, `crash-after`: the caller's process ends before it arrives, or once it took effect;
 * - `pause`: the caller's process stands still for a while, and goes on as if nothing had been.
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
 * What may go wrong by itself:
 * - `takeover`: another process takes what one works on (a hub's partition, a part of the change feed, the
 *   timer), and that one learns of it late, so that both work on it for a while;
 * - `outage`: a store answers nobody for a while;
 * - `rewind`, `skip`: a consumer's checkpoint is moved back, or to the end, as another program can;
 * - `expire`: a hub drops messages that a consumer has not read;
 * - `rebuild`: a view is built again from the log, or the generation before is read again;
 * - `clock`: the time of day of a machine jumps;
 * - `end`: a process ends as it is asked to;
 * - `poison`: something that is no event of the service comes to its hub;
 * - `bug`: the code of a view or a reaction throws for some events, until it is mended;
 * - `damage`: a change feed shows commits that are not what was recorded.
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
  /** To what it happened. */
  readonly about: string
}

/** A kind's probability for each call, where it happens at all in a history. */
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

/** How often a kind happens, at most, where it happens at all in a history. */
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

/** A read may fail, but has no effect to speak of. */
const OF_READS: ReadonlySet<CallFault> = new Set<CallFault>([
  'lost',
  'throttled',
  'slow',
  'crash-before',
  'crash-after',
  'pause',
])

/** Decides what goes wrong in a history. */
export class Faults {
  /** What has happened, in the order in which it did. */
  readonly happened: Fault[] = []
  /** Nothing goes wrong any more. */
  isOver = false
  readonly #dice: Dice
  readonly #only: ReadonlySet<string> | undefined
  readonly #rates: readonly (readonly [kind: CallFault, rate: number])[]
  readonly #planned: readonly (readonly [kind: WorldFault, count: number])[]

  /**
   * @param kinds those that may happen. Each history has some of these, more or less often: where all happen
   * all the time, what only happens in between is never seen.
   * @param only the ids of those that happen; without it all do.
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

  /** What goes wrong with a call. @param hash of what the call is about. */
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

  /** The faults of this kind that may happen by themselves: what each is about, for `happens`. */
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
