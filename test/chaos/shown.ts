import type { History } from './history.ts'
import type { Shrunk } from './shrink.ts'

const MAX_LENGTH = 400

/** The first violation, in one line. */
export function shownViolation({ violations }: History): string {
  const [first] = violations
  if (first === undefined) return 'no violation'
  const more = violations.length > 1 ? ` (and ${violations.length - 1} more)` : ''
  const what = first.what.length > MAX_LENGTH ? `${first.what.slice(0, MAX_LENGTH)}…` : first.what
  return `${first.invariant}: ${what}${more}`
}

/** The steps of a history's script, and which of them were taken. */
export function shownSteps({ script, steps }: History): string {
  return script
    .map(({ at, category, id, command }, index) => {
      const taken = steps.includes(index) ? '' : ' (left out)'
      const what = `${category}-${id} ${command.type} ${JSON.stringify(command.data)}`
      return `step ${index} at ${(at / 1000).toFixed(3)}: ${what}${taken}`
    })
    .join('\n')
}

/**
 * The command that repeats a reduced history.
 * @param kinds the kinds of faults, unless all are allowed.
 */
export function formatCommand({ history, maxProcesses }: Shrunk, kinds: readonly string[]): string {
  const { seed, faults, steps } = history
  const ids = faults.map(({ id }) => id)
  return [
    `npm run chaos -- --seed ${seed}`,
    `--faults ${ids.length > 0 ? ids.join() : 'none'}`,
    `--steps ${steps.length > 0 ? steps.join() : 'none'}`,
    `--processes ${maxProcesses}`,
    ...kinds.map((kind) => `--kind ${kind}`),
  ].join(' ')
}
