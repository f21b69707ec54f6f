import { parentPort, workerData } from 'node:worker_threads'
import { ALL_KINDS } from '../../packages/tidemark/test/simulation/faults.ts'
import type { History } from './history.ts'
import { loadSimulator } from './load.ts'
import type { Caught, Mutant, Size, Smaller } from './mutant.ts'
import { shrink } from './shrink.ts'

const { mutation, seeds, shrinks } = workerData as Mutant
const { runHistory } = await loadSimulator(mutation)
const kinds = mutation.under ? new Set(mutation.under) : ALL_KINDS

async function firstCaught(): Promise<Caught | undefined> {
  const all = Array.from({ length: seeds }, (_, index) => index + 1)
  for (const seed of [...(mutation.seed === undefined ? [] : [mutation.seed]), ...all]) {
    const history = await runHistory({ seed, kinds })
    const [violation] = history.violations
    if (violation) return { seed, violation, ...(shrinks ? { smaller: await makeSmaller(history) } : {}) }
  }
  return undefined
}

async function makeSmaller(found: History): Promise<Smaller> {
  const { history, maxProcesses } = await shrink(runHistory, found, kinds)
  const { seed, faults, steps, hash } = history
  const again = await runHistory({ seed, kinds, faults: faults.map(({ id }) => id), steps, maxProcesses })
  return { from: measureSize(found), to: measureSize(history), isRepeatable: again.hash === hash }
}

function measureSize({ faults, steps }: History): Size {
  return { faults: faults.length, steps: steps.length }
}

parentPort?.postMessage(await firstCaught())
