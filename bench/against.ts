import { type ExecFileSyncOptions, execFileSync, spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'

/**
 * `npm run bench:against -- COMMIT [--rounds N] [--short]` measures this checkout and another commit in
 * turns, since figures vary between machines. It prints medians, minima, maxima and the ratio. The other
 * commit is checked out beside this one, and has its own packages if its lock file differs.
 */

const { values, positionals } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, short: { type: 'boolean', default: false } },
  allowPositionals: true,
})
const [revision] = positionals
const rounds = Number(values.rounds)
if (revision === undefined || !(rounds >= 1))
  throw new Error('usage: npm run bench:against -- COMMIT [--rounds N] [--short]')

type Figures = Readonly<Record<string, number>>
const root = process.cwd()
const quiet: ExecFileSyncOptions = { stdio: ['ignore', 'ignore', 'inherit'] }

const other = mkdtempSync(join(tmpdir(), 'tidemark-against-'))
const remove = (): void => {
  execFileSync('git', ['worktree', 'remove', '--force', other], quiet)
  rmSync(other, { recursive: true, force: true })
}
process.once('SIGINT', () => {
  remove()
  process.exit(130)
})
execFileSync('git', ['worktree', 'add', '--detach', '--force', other, revision], { stdio: 'ignore' })
try {
  const readLock = (folder: string): string => readFileSync(join(folder, 'package-lock.json'), 'utf8')
  const same = readLock(root) === readLock(other)
  if (same) symlinkSync(join(root, 'node_modules'), join(other, 'node_modules'))
  else execFileSync('npm', ['ci', '--prefix', other], quiet)
  const folders: Readonly<Record<string, string>> = { [revision]: other, 'this checkout': root }
  for (const folder of Object.values(folders)) execFileSync('npm', ['run', '-s', 'build'], { ...quiet, cwd: folder })

  const measured = new Map<string, Figures[]>(Object.keys(folders).map((name) => [name, []]))
  for (let round = 1; round <= rounds; round += 1) {
    // Each begins in turn, so that neither has the first minutes of the machine alone.
    const names = round % 2 === 1 ? Object.keys(folders) : Object.keys(folders).reverse()
    for (const name of names) {
      process.stderr.write(`round ${round} of ${rounds}: ${name} …\n`)
      measured.get(name)?.push({ ...load(folders[name] ?? ''), ...cost(folders[name] ?? '') })
    }
  }
  report(measured)
} finally {
  remove()
}

function load(folder: string): Figures {
  const script = join(root, 'bench/against/load.ts')
  const { stdout, status } = spawnSync(process.execPath, [script, folder, ...(values.short ? ['--short'] : [])], {
    cwd: folder,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
    maxBuffer: 2 ** 28,
  })
  const line = stdout.trimEnd().split('\n').at(-1) ?? ''
  if (status !== 0) throw new Error(`the load ended with ${status}`)
  return JSON.parse(line)
}

/** What the checkout's own bench:cost counts for an order, with 16 concurrent orders. */
function cost(folder: string): Figures {
  execFileSync(process.execPath, ['bench/cost.ts', ...(values.short ? ['--short'] : [])], {
    ...quiet,
    cwd: folder,
  })
  const { orders } = JSON.parse(readFileSync(join(folder, 'bench/results/cost.json'), 'utf8'))
  const { moving, hubs } = orders.find(({ atOnce }: { atOnce: number }) => atOnce === 16)
  const sum = (values: object, name: string): number =>
    Object.values(values).reduce((total: number, each) => total + each[name], 0)
  return {
    requestsPerOrder: sum(moving, 'requests'),
    requestUnitsPerOrder: sum(moving, 'charge'),
    receivedPerOrder: sum(hubs, 'received'),
  }
}

function report(measured: ReadonlyMap<string, readonly Figures[]>): void {
  const [[otherName, before = []] = [], [name, now = []] = []] = [...measured]
  const names = Object.keys(now[0] ?? {})
  if (names.length === 0 || now.length === 0) throw new Error('nothing was measured')
  const { model = '' } = cpus()[0] ?? {}
  console.log(
    `${cpus().length} × ${model}, Node ${process.version}, load average ${loadavg()
      .map((load) => load.toFixed(2))
      .join(' ')}, ${now.length} rounds\n`,
  )
  console.log(`| | ${otherName} | ${name} | ratio |\n| --- | --- | --- | --- |`)
  for (const figure of names) {
    const [old, today] = [before, now].map((rounds) =>
      rounds.map((each) => each[figure] ?? Number.NaN).sort((a, b) => a - b),
    )
    if (old === undefined || today === undefined) continue
    const shown = (values: readonly number[]): string =>
      `${median(values).toPrecision(4)} (${values[0]?.toPrecision(3)}–${values.at(-1)?.toPrecision(3)})`
    console.log(`| ${figure} | ${shown(old)} | ${shown(today)} | ${(median(today) / median(old)).toFixed(2)} |`)
  }
  if (!existsSync('bench/results')) mkdirSync('bench/results', { recursive: true })
  writeFileSync('bench/results/against.json', JSON.stringify(Object.fromEntries(measured), undefined, 2))
  console.log('\nbench/results/against.json')
}

function median(sorted: readonly number[]): number {
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN
}
