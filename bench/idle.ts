import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { Command } from '../packages/test-support/command.ts'
import { ownSettings } from '../packages/test-support/ports.ts'
import { cpuSeconds, cpuShares } from './support/cpu.ts'

/**
 * The cost of an idle `npm start`: processor time and memory of each of its processes. It measures a host for
 * each service and `--one-process`, before and after the demo's workload. Linux only, from /proc.
 */

const short = process.argv.includes('--short')
const SETTLE_MS = short ? 5_000 : 20_000
const MEASURE_MS = short ? 10_000 : 60_000
const ORDERS = short ? 20 : 1000

/** The processes that a command has started, by their roles. */
function listParts(parent: number): Record<string, number> {
  const parts: Record<string, number> = { start: parent }
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue
    try {
      const stat = readFileSync(`/proc/${entry}/stat`, 'utf8')
      if (Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]) !== parent) continue
      parts[findName(entry)] = Number(entry)
    } catch {
      // The process has ended meanwhile.
    }
  }
  return parts
}

function findName(pid: string): string {
  const words = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
  const [, folder = '', file = ''] =
    words.map((word) => /packages\/([\w-]+)\/(\w+)\.ts$/.exec(word)).find(Boolean) ?? []
  if (folder === 'local-cloud') return file
  if (folder !== 'functions-host') return folder
  const services = words.find((word) => word.startsWith('--main='))?.slice('--main='.length)
  return services === undefined ? 'functions' : basename(services).replace(/^@\(|\)\.js$/g, '')
}

/** The memory of a process in megabytes: its own, and including what it shares. */
function readMemory(pid: number): { readonly own: number; readonly resident: number } {
  const text = readFileSync(`/proc/${pid}/status`, 'utf8')
  const megabytes = (field: string): number =>
    Number(new RegExp(`${field}:\\s+(\\d+)`).exec(text)?.[1] ?? Number.NaN) / 1024
  return { own: megabytes('RssAnon'), resident: megabytes('VmRSS') }
}

async function look(pids: Readonly<Record<string, number>>) {
  await delay(SETTLE_MS)
  const shares = await cpuShares(pids, () => delay(MEASURE_MS))
  return Object.entries(pids).map(([part, pid]) => ({ part, share: shares[part] ?? Number.NaN, ...readMemory(pid) }))
}

async function run(what: string, args: readonly string[]) {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-idle-'))
  const env = await ownSettings(join(folder, 'data'))
  process.stderr.write(`${what} …\n`)
  const began = performance.now()
  const command = new Command('packages/cli/start.ts', args, env)
  try {
    await command.prints('ready: ')
    const seconds = (performance.now() - began) / 1000
    const pids = listParts(command.pid)
    const startCpu = Object.values(pids).reduce((sum, pid) => sum + (cpuSeconds(pid) ?? Number.NaN), 0)
    const idle = await look(pids)
    const demo = await new Command('packages/cli/demo.ts', ['--orders', String(ORDERS)], env).ended
    if (demo.code !== 0) throw new Error(demo.output)
    const figures = demo.output.split('\n').filter((line) => /^(commands|command|view to)/.test(line))
    return { what, readySeconds: seconds, startCpuSeconds: startCpu, idle, afterDemo: await look(pids), demo: figures }
  } finally {
    command.kill('SIGINT')
    await command.ended
    rmSync(folder, { recursive: true, force: true })
  }
}

const results = [await run('a host for each service', []), await run('--one-process', ['--one-process'])]
for (const { what, readySeconds, startCpuSeconds, idle, afterDemo, demo } of results) {
  console.log(`\n${what}: ready after ${readySeconds.toFixed(1)} s, ${startCpuSeconds.toFixed(1)} s of processor time`)
  console.log('part          idle % of a core   own MB   resident MB   after the demo: %   own MB   resident MB')
  const sum = (key: 'share' | 'own' | 'resident', rows: typeof idle): number =>
    rows.reduce((total, row) => total + row[key], 0)
  const line = (name: string, values: readonly number[]): void =>
    console.log(
      `${name.padEnd(13)} ` +
        values
          .map((value, index) => value.toFixed(index % 3 === 0 ? 1 : 0).padStart([16, 8, 13, 19, 8, 13][index] ?? 8))
          .join(' '),
    )
  const cells = (rows: typeof idle, part: string): number[] => {
    const row = rows.find((each) => each.part === part)
    return [100 * (row?.share ?? Number.NaN), row?.own ?? Number.NaN, row?.resident ?? Number.NaN]
  }
  for (const { part } of idle) line(part, [...cells(idle, part), ...cells(afterDemo, part)])
  const all = (rows: typeof idle): number[] => [100 * sum('share', rows), sum('own', rows), sum('resident', rows)]
  line('together', [...all(idle), ...all(afterDemo)])
  for (const each of demo) console.log(each)
}
mkdirSync('bench/results', { recursive: true })
writeFileSync('bench/results/idle.json', `${JSON.stringify(results, null, 2)}\n`)
console.log('\nbench/results/idle.json')
