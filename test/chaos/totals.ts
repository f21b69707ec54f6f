import { ALL_KINDS, type FaultKind } from '../../packages/tidemark/test/simulation/faults.ts'
import { type CheckCounts, INVARIANTS, type Invariant, startCounts } from './check/invariants.ts'
import type { History } from './history.ts'

/** The totals of several histories. */
export class Totals {
  histories = 0
  failures = 0
  readonly #counts: CheckCounts = startCounts()
  readonly #faults = new Map<FaultKind, number>()
  readonly #began = performance.now()
  #events = 0
  #moments = 0

  /** With this many histories, every invariant is checked at least once. */
  readonly enough = 100

  add({ violations, faults, looked, events, moments }: History): void {
    this.histories += 1
    if (violations.length > 0) this.failures += 1
    for (const invariant of invariants) this.#counts[invariant] += looked[invariant]
    for (const { kind } of faults) this.#faults.set(kind, (this.#faults.get(kind) ?? 0) + 1)
    this.#events += events
    this.#moments += moments
  }

  /** How often a kind of fault happened. */
  count(kind: FaultKind): number {
    return this.#faults.get(kind) ?? 0
  }

  /** The invariants that were never checked. */
  unseen(): readonly string[] {
    return invariants.filter((invariant) => this.#counts[invariant] === 0).map((invariant) => INVARIANTS[invariant])
  }

  summary(): string {
    const seconds = (performance.now() - this.#began) / 1000
    const { user, system } = process.cpuUsage()
    const cpu = (user + system) / 1000 / Math.max(1, this.histories)
    return [
      `histories  ${this.histories} in ${seconds.toFixed(1)} s: ` +
        `${((60 * this.histories) / seconds).toFixed(0)} a minute, ` +
        `${cpu.toFixed(1)} ms of processor time each`,
      `events     ${this.#events}, in ${this.#moments} moments`,
      `faults     ${[...ALL_KINDS].map((kind) => `${kind} ${this.count(kind)}`).join(', ')}`,
      ...invariants.map(
        (invariant) =>
          `checked    ${String(this.#counts[invariant]).padStart(9)} ${invariant}: ${INVARIANTS[invariant]}`,
      ),
      `failed     ${this.failures}`,
    ].join('\n')
  }
}

const invariants = Object.keys(INVARIANTS) as Invariant[]
