import type { Level } from './measure.ts'

/** A figure over all rounds. */
interface Spread {
  readonly median: number
  readonly min: number
  readonly max: number
}

/** A contender with a number of clients, over all rounds. */
export interface Row {
  readonly contender: string
  readonly clients: number
  readonly rounds: number
  readonly commandsPerSecond: Spread
  readonly commandP50: Spread
  readonly commandP99: Spread
  readonly toViewP50: Spread
  readonly toViewP99: Spread
  /** Summed over all rounds, like the next three. */
  readonly watched: number
  readonly unseen: number
  readonly placed: number
  readonly lost: number
}

const FIGURES = ['commandsPerSecond', 'commandP50', 'commandP99', 'toViewP50', 'toViewP99'] as const
const HEADERS = ['commands/s', 'command p50 ms', 'p99', 'to view p50 ms', 'p99']
const WIDTH = 21

/** @throws Error if nothing was measured. */
export function buildRow(contender: string, clients: number, levels: readonly Level[]): Row {
  const of = (figure: (level: Level) => number): Spread => spread(levels.map(figure))
  const sum = (figure: (level: Level) => number): number => levels.reduce((total, level) => total + figure(level), 0)
  if (levels.length === 0 || levels.some(({ command, toView }) => command.count === 0 || toView.count === 0))
    throw new Error(`nothing was measured: ${contender}, ${clients} clients`)
  return {
    contender,
    clients,
    rounds: levels.length,
    commandsPerSecond: of((level) => level.commandsPerSecond),
    commandP50: of(({ command }) => command.percentile(0.5)),
    commandP99: of(({ command }) => command.percentile(0.99)),
    toViewP50: of(({ toView }) => toView.percentile(0.5)),
    toViewP99: of(({ toView }) => toView.percentile(0.99)),
    watched: sum((level) => level.watched),
    unseen: sum((level) => level.unseen),
    placed: sum((level) => level.placed),
    lost: sum((level) => level.lost),
  }
}

/**
 * Prints the median of the rounds with minimum and maximum. Below each peer is the ratio of Tidemark's figure
 * to the peer's.
 */
export function printTable(rows: readonly Row[], own: string): void {
  console.log(
    `${'clients'.padStart(7)}  ${'median (min–max)'.padEnd(18)}` +
      `${HEADERS.map((name) => name.padStart(WIDTH)).join('')}       not seen in 5 s   never shown`,
  )
  for (const row of rows) {
    const figures = FIGURES.map((name) => shown(row[name]).padStart(WIDTH)).join('')
    const never = `${row.lost} of ${row.placed} (${((100 * row.lost) / row.placed).toFixed(1)} %)`
    console.log(
      `${String(row.clients).padStart(7)}  ${row.contender.padEnd(18)}${figures}   ` +
        `${`${row.unseen} of ${row.watched}`.padStart(21)}   ${never}`,
    )
    const ours = rows.find(({ contender, clients }) => contender === own && clients === row.clients)
    if (!ours || ours === row) continue
    const ratios = FIGURES.map((name) => figure(ours[name].median / row[name].median).padStart(WIDTH)).join('')
    console.log(`${''.padStart(7)}  ${`  ${own} : it`.padEnd(18)}${ratios}`)
  }
}

function spread(values: readonly number[]): Spread {
  const sorted = values.toSorted((a, b) => a - b)
  const at = (index: number): number => sorted[index] ?? Number.NaN
  const median = (at(Math.floor((sorted.length - 1) / 2)) + at(Math.ceil((sorted.length - 1) / 2))) / 2
  return { median, min: at(0), max: at(sorted.length - 1) }
}

const shown = ({ median, min, max }: Spread): string => `${figure(median)} (${figure(min)}–${figure(max)})`

const figure = (value: number): string => (value < 1 ? value.toFixed(2) : value.toFixed(value < 100 ? 1 : 0))
