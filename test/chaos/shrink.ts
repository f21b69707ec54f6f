import type { FaultKind } from '../../packages/tidemark/test/simulation/faults.ts'
import type { History, HistoryOptions } from './history.ts'

/** What is left of a history when everything is left out that its violation does not need. */
export interface Shrunk {
  readonly history: History
  readonly maxProcesses: number
  /** How many histories that took. */
  readonly runs: number
}

/**
 * Leaves out what a violation does not need: faults, steps of the script, processes. What happened and what
 * did is named in every history of the seed in the same way, so what is left goes on as before.
 * @param run a history; of the same seed the same one.
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

  /** Whether what is left shows the same violation still. */
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

/** Leaves items out, many at once and then fewer, for as long as the rest will do. */
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
