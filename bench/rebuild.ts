import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { loadavg } from 'node:os'
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
 */

/** Runs a step in a process of its own. @returns what it prints. */
function run(file: string, ...args: readonly string[]): string {
  return execFileSync(process.execPath, [file, ...args], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'] })
}

const TIDEMARK = fileURLToPath(new URL('rebuild/tidemark.ts', import.meta.url))

async function tidemark(orders: string): Promise<Measured> {
  const folder = await temporaryFolder()
  const emulator = await startEmulator(folder.path)
  try {
    run(TIDEMARK, 'fill', emulator.address, orders)
    return JSON.parse(run(TIDEMARK, 'rebuild', emulator.address, orders))
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

async function bench(): Promise<void> {
  const { events } = readArguments({ events: process.argv.includes('--short') ? 4_000 : 50_000 }, ['short'])
  const orders = Math.ceil(events / EVENTS_OF_ORDER)
  const rows: object[] = []
  for (const [name, rebuild] of Object.entries({ tidemark, emmett })) {
    process.stderr.write(`${name} …\n`)
    const { documents, seconds, cpuSeconds, megabytes } = await rebuild(String(orders))
    assert.equal(documents, orders, `${name} made ${documents} documents of ${orders} orders`)
    const total = orders * EVENTS_OF_ORDER
    const rates = { eventsASecond: Math.round(total / seconds), eventsACpuSecond: Math.round(total / cpuSeconds) }
    rows.push({ name, events: total, documents, seconds: Number(seconds.toFixed(1)), ...rates, megabytes })
  }
  console.table(rows)
  console.log(`load average ${loadavg().map((each) => each.toFixed(1))}`)
  mkdirSync('bench/results', { recursive: true })
  writeFileSync('bench/results/rebuild.json', `${JSON.stringify(rows, null, 2)}\n`)
}

await runCommand(bench)
