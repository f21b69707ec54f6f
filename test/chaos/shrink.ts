import type { FaultKind } from '../../packages/tidemark/test/simulation/faults.ts'
import type { History, HistoryOptions } from './history.ts'

/** A reduced history: without everything that its violation does not need. */
export interface Shrunk {
  readonly history: History
  readonly maxProcesses: number
  /** The number of histories that the reduction ran. */
  readonly runs: number
}

/**
 * Removes what a violation does not need: faults, steps of the script, processes. Every history of a seed
 * names its faults and steps in the same way, so the rest happens as before.
 * @param run runs a history, with the same result for the same seed.
 */
export async function shrink(
  run: (options: HistoryOptions) => Promise<History>,
  found: History,
  kinds: ReadonlySet<FaultKind>,
): Promise<Shrunk> {
  const [first] = found.violations
  if (first === undefined) throw new Error(`the history of seed ${found.seed} has no violation`)
  let runs = 0
  let best = { history: found, maxProcesses: found.maxProcesses }

  /** Whether the reduced history still has the same violation. */
  async function holds(part: {
    readonly faults?: readonly string[]
    readonly steps?: readonly number[]
    readonly maxProcesses?: number
  }): Promise<boolean> {
    runs += 1
    const { history, maxProcesses } = best
    const options = {
      seed: found.seed,
      kinds,
      faults: part.faults ?? listIds(history),
      steps: part.steps ?? history.steps,
      maxProcesses: part.maxProcesses ?? maxProcesses,
    }
    const tried = await run(options)
    if (!tried.violations.some(({ invariant }) => invariant === first?.invariant)) return false
    best = { history: tried, maxProcesses: options.maxProcesses }
    return true
  }

  for (let size = Number.POSITIVE_INFINITY; measureSize(best) < size; ) {
    size = measureSize(best)
    await fewest(listIds(best.history), (faults) => holds({ faults }))
    await fewest(best.history.steps, (steps) => holds({ steps }))
    while (best.maxProcesses > 1 && (await holds({ maxProcesses: best.maxProcesses - 1 })));
  }
  return { ...best, runs }
}

function listIds({ faults }: History): readonly string[] {
  return faults.map(({ id }) => id)
}

function measureSize({ history, maxProcesses }: { readonly history: History; readonly maxProcesses: number }): number {
  return history.faults.length + history.steps.length + maxProcesses
}

/** Removes items, many at once and then fewer, while the rest still has the violation. */
async function fewest<Item>(
  items: readonly Item[],
  willDo: (items: readonly Item[]) => Promise<boolean>,
): Promise<void> {
  let left = items
  for (let size = left.length; size >= 1; size = Math.floor(size / 2))
    for (let from = 0; from < left.length; ) {
      const rest = left.toSpliced(from, size)
      if (await willDo(rest)) left = rest
      else from += size
    }
}
