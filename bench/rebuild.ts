import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { loadavg } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readArguments, runCommand } from '../packages/cli/command-line/arguments.ts'
import { startEmulator, temporaryFolder } from '../packages/cosmos/test/emulator.ts'
import { EMMETT } from './peers/emmett.ts'
import { installed } from './peers/installed.ts'
import { findPostgreSql, startPostgreSql } from './peers/postgresql.ts'
import { EVENTS_OF_ORDER, type Measured } from './rebuild/orders.ts'

/**
 * `npm run bench:rebuild [-- --short] [-- --events N]`: rebuilds the view of orders from a log, beside emmett on
 * PostgreSQL, which rebuilds the same projection of the same events. Each rebuild is a process of its own, one at a
 * time.
 *
 * `--memory` instead rebuilds it with a small heap from logs of 10,000 and of N events (default 100,000), and a view
 * over several services from archives of 10,000 and a tenth of N.
 */

/** Runs a step in a process of its own. @returns what it prints. */
function run(file: string, ...args: readonly string[]): string {
  return execFileSync(process.execPath, [file, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
}

/** As in bench/archive.ts: a rebuild that kept what it has read would end with an error. */
const HEAP = ['--max-old-space-size=64', '--max-semi-space-size=4']

/** Rebuilds a view with a program of bench/rebuild. @param flags of Node. */
async function tidemark(program: string, orders: string, ...flags: readonly string[]): Promise<Measured> {
  const file = fileURLToPath(new URL(`rebuild/${program}.ts`, import.meta.url))
  const folder = await temporaryFolder()
  const emulator = await startEmulator(folder.path)
  const archive = join(folder.path, 'archive')
  await mkdir(archive)
  try {
    run(file, 'fill', emulator.address, orders, archive)
    const [flag = file, ...rest] = [...flags, file]
    return JSON.parse(run(flag, ...rest, 'rebuild', emulator.address, orders, archive))
  } finally {
    await emulator.stop()
    await folder.remove()
  }
}

async function emmett(orders: string): Promise<Measured> {
  await installed(EMMETT)
  const database = await startPostgreSql(await findPostgreSql())
  try {
    const file = fileURLToPath(new URL('peers/emmett/rebuild.ts', import.meta.url))
    run(file, 'fill', database.connectionString, orders)
    return JSON.parse(run(file, 'rebuild', database.connectionString, orders).trim().split('\n').at(-1) ?? '')
  } finally {
    await database.remove()
  }
}

function report(name: string, orders: number, measured: Measured): object {
  const { documents, seconds, cpuSeconds, megabytes, requests, requestUnits } = measured
  assert.equal(documents, orders, `${name} made ${documents} documents of ${orders} orders`)
  const events = orders * EVENTS_OF_ORDER
  const rates = { eventsASecond: Math.round(events / seconds), eventsACpuSecond: Math.round(events / cpuSeconds) }
  const sent = {
    ...(requests === undefined ? {} : { requestsOf1000Events: Math.round((1000 * requests) / events) }),
    ...(requestUnits === undefined ? {} : { unitsAnEvent: Number((requestUnits / events).toFixed(1)) }),
  }
  return { name, events, documents, seconds: Number(seconds.toFixed(1)), ...rates, megabytes, ...sent }
}

async function compare(events: number): Promise<readonly object[]> {
  const orders = Math.ceil(events / EVENTS_OF_ORDER)
  const peers = { tidemark: () => tidemark('tidemark', String(orders)), emmett: () => emmett(String(orders)) }
  const rows: object[] = []
  for (const [name, rebuild] of Object.entries(peers)) {
    process.stderr.write(`${name} …\n`)
    rows.push(report(name, orders, await rebuild()))
  }
  return rows
}

async function measureMemory(events: number): Promise<readonly object[]> {
  const rows: object[] = []
  for (const [program, sizes] of [
    ['tidemark', [10_000, events]],
    ['archive', [10_000, events / 10]],
  ] as const)
    for (const size of sizes) {
      const orders = Math.ceil(size / EVENTS_OF_ORDER)
      rows.push(report(program, orders, await tidemark(program, String(orders), ...HEAP)))
    }
  return rows
}

async function bench(): Promise<void> {
  const isShort = process.argv.includes('--short')
  const isMemory = process.argv.includes('--memory')
  const usual = isMemory ? 100_000 : 50_000
  const { events, memory } = readArguments({ events: isShort ? 4_000 : usual }, ['short', 'memory'])
  const rows = await (memory ? measureMemory(events) : compare(events))
  console.table(rows)
  console.log(`load average ${loadavg().map((each) => each.toFixed(1))}`)
  mkdirSync('bench/results', { recursive: true })
  writeFileSync(`bench/results/rebuild${memory ? '-memory' : ''}.json`, `${JSON.stringify(rows, null, 2)}\n`)
}

await runCommand(bench)
