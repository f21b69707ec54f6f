import { SingleBar } from 'cli-progress'
import { INTERRUPTED, readArguments, runCommand, UsageError } from '../../packages/cli/command-line/arguments.ts'
import { ALL_KINDS, type FaultKind } from '../../packages/tidemark/test/simulation/faults.ts'
import type { History } from './history.ts'
import { loadSimulator } from './load.ts'
import { catchMutant } from './mutant.ts'
import { MUTATIONS } from './mutations.ts'
import { formatCommand, shownSteps, shownViolation } from './shown.ts'
import { shrink } from './shrink.ts'
import { Totals } from './totals.ts'

/** A run stops after this many failing histories. */
const MAX_FAILURES = 5
/** The number of histories in which a mutation must be noticed. */
const MUTATION_SEEDS = 400

/**
 * `npm run chaos -- --seeds N [--from N] [--kind KIND]…` runs histories with faults, each determined by its
 * seed. It checks the invariants at the end of each. A failing history is reduced, and printed with the
 * command that repeats it.
 *
 * `--seed N [--faults ID,ID] [--steps N,N] [--processes N]` repeats one, line by line. `--mutations` shows
 * that changes of the runtime are noticed. `npm run chaos:cloud -- [--minutes N] [--seed N]` is the slower
 * kind, which kills hosts on the local cloud.
 */
async function main(): Promise<void> {
  const { seeds, from, seed, processes, minutes, mutations, cloud, kind, faults, steps } = readArguments(
    { seeds: 1_000, from: 1, seed: 0, processes: 3, minutes: 2 },
    ['mutations', 'cloud'],
    ['kind', 'faults', 'steps'],
  )
  if (mutations) return showMutations()
  if (cloud) return showCloud(seed || 1, minutes)
  const { runHistory } = await loadSimulator()
  const kinds = kind.length > 0 ? new Set(kind.map(kindNamed)) : ALL_KINDS
  const part = {
    kinds,
    maxProcesses: processes,
    ...(faults.length > 0 ? { faults: listed(faults) } : {}),
    ...(steps.length > 0 ? { steps: listed(steps).map(Number) } : {}),
  }
  if (seed > 0) return show(await runHistory({ ...part, seed, keepsLines: true }))

  const totals = new Totals()
  const bar = new SingleBar({ format: 'histories {bar} {value}/{total} {eta}s', clearOnComplete: true, barsize: 30 })
  let next = from
  process.once('SIGINT', () => {
    bar.stop()
    console.log(totals.summary())
    console.log(`stopped: the rest is npm run chaos -- --from ${next} --seeds ${from + seeds - next}`)
    process.exit(INTERRUPTED)
  })
  console.log(`seeds      ${from} to ${from + seeds - 1}, with ${[...kinds].join(', ') || 'no faults'}`)
  bar.start(seeds, 0)
  for (; next < from + seeds && totals.failures < MAX_FAILURES; next += 1) {
    const history = await runHistory({ ...part, seed: next })
    totals.add(history)
    if (history.violations.length > 0) {
      bar.stop()
      console.log(`seed ${next}: ${shownViolation(history)}`)
      const shrunk = await shrink(runHistory, history, kinds)
      console.log(`reduced in ${shrunk.runs} histories: ${shownViolation(shrunk.history)}`)
      console.log(`repeat it: ${formatCommand(shrunk, kind.length > 0 ? [...kinds] : [])}`)
      bar.start(seeds, next + 1 - from)
    }
    bar.update(next + 1 - from)
  }
  bar.stop()
  console.log(totals.summary())
  const unseen = seeds >= totals.enough && kind.length === 0 ? totals.unseen() : []
  for (const what of unseen) console.error(`failed: no history checked anything of: ${what}`)
  if (totals.failures > 0) console.error(`failed: ${totals.failures} of ${totals.histories} histories`)
  if (totals.failures > 0 || unseen.length > 0 || totals.histories === 0) process.exitCode = 1
}

function show(history: History): void {
  for (const line of history.lines) console.log(line)
  console.log(shownSteps(history))
  for (const { id, kind, about } of history.faults) console.log(`fault ${id} ${kind}: ${about}`)
  console.log(`hash  ${history.hash}`)
  if (history.violations.length === 0) return
  for (const { invariant, what } of history.violations) console.error(`${invariant}: ${what}`)
  process.exitCode = 1
}

async function showMutations(): Promise<void> {
  let missed = 0
  for (const mutation of MUTATIONS) {
    const began = performance.now()
    const caught = await catchMutant(mutation, MUTATION_SEEDS)
    if (caught === undefined) missed += 1
    const how = caught ? `seed ${caught.seed}: ${caught.violation.invariant}: ${caught.violation.what}` : 'NOT NOTICED'
    console.log(`${mutation.name}: ${how} (${((performance.now() - began) / 1000).toFixed(1)} s)`)
  }
  console.log(`${MUTATIONS.length - missed} of ${MUTATIONS.length} mutations are noticed`)
  if (missed > 0) process.exitCode = 1
}

async function showCloud(seed: number, minutes: number): Promise<void> {
  const { cloudChaos } = await import('./cloud.ts')
  let isStopped = false
  // The services come to rest first, and the cloud is removed.
  process.once('SIGINT', () => {
    isStopped = true
  })
  const killed = await cloudChaos({ seed, minutes, tell: console.log, isStopped: () => isStopped })
  console.log(`${killed} hosts were killed: nothing was lost or done twice`)
  if (killed === 0) process.exitCode = 1
}

function kindNamed(name: string): FaultKind {
  const found = [...ALL_KINDS].find((kind) => kind === name)
  if (found === undefined) throw new UsageError(`unknown fault ${name}. The faults are: ${[...ALL_KINDS].join(', ')}`)
  return found
}

/** The items of a list; `none` is the empty list. */
function listed(values: readonly string[]): readonly string[] {
  return values.flatMap((value) => value.split(',')).filter((item) => item !== 'none')
}

await runCommand(main)
