import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, totalmem } from 'node:os'
import { INTERRUPTED, readArguments, runCommand, UsageError } from '../packages/cli/command-line/arguments.ts'
import { interruption } from '../packages/cli/command-line/running.ts'
import type { Contender } from './peers/contender.ts'
import { EMMETT, emmett } from './peers/emmett.ts'
import { installed } from './peers/installed.ts'
import { type Level, type Plan, runTurn } from './peers/measure.ts'
import { findPostgreSql, readVersion } from './peers/postgresql.ts'
import { buildRow, printTable, type Row } from './peers/table.ts'
import { tidemark } from './peers/tidemark.ts'

/**
 * The main job compared with a peer: Tidemark, and emmett on PostgreSQL. The same client places the same
 * order over HTTP and sees it in its view. They take turns, one at a time and each from a fresh start, in an
 * order that changes with the round. Orders that the peer's projection never shows are counted.
 */

const CLIENTS = [1, 16, 64]
const LOADED = loadavg()

const load = (averages: readonly number[]): string => averages.map((average) => average.toFixed(2)).join(' ')

function machine(): string {
  const [processor] = cpus()
  return (
    `${cpus().length} × ${processor?.model.trim()}, ${(totalmem() / 2 ** 30).toFixed(0)} GB, Node ` +
    `${process.versions.node}`
  )
}

async function bench(): Promise<void> {
  const short = process.argv.includes('--short')
  const { rounds, seconds } = readArguments({ rounds: short ? 1 : 3, seconds: short ? 2 : 5 }, ['short'])
  if (rounds === 0 || seconds === 0) throw new UsageError('--rounds and --seconds must be more than 0')
  const plan: Plan = { clients: CLIENTS, seconds, warmUpSeconds: short ? 1 : 3, giveUpMs: short ? 5_000 : 10_000 }
  const { signal } = interruption()
  const programs = await findPostgreSql()
  const versions = { ...(await installed(EMMETT)), postgresql: await readVersion(programs) }
  const contenders: readonly Contender[] = [
    tidemark,
    emmett('emmett', {}, programs),
    emmett('emmett, tuned', { batchSize: 1, pullingFrequencyInMs: 1 }, programs),
  ]

  const levels = new Map<Contender, Level[]>(contenders.map((contender) => [contender, []]))
  try {
    for (let round = 0; round < rounds; round += 1)
      for (let turn = 0; turn < contenders.length; turn += 1) {
        const contender = contenders[(round + turn) % contenders.length] ?? tidemark
        process.stderr.write(`round ${round + 1} of ${rounds}: ${contender.name} …\n`)
        signal.throwIfAborted()
        levels.get(contender)?.push(...(await runTurn(contender, plan, signal)))
      }
  } catch (error) {
    if (!signal.aborted) throw error
    process.exitCode = INTERRUPTED
    return
  }

  const rows: Row[] = CLIENTS.flatMap((clients) =>
    contenders.map((contender) => {
      const own = levels.get(contender)?.filter((level) => level.clients === clients) ?? []
      return buildRow(contender.name, clients, own)
    }),
  )
  console.log(machine())
  console.log(`load average ${load(LOADED)} before, ${load(loadavg())} after`)
  console.log(
    Object.entries(versions)
      .map(([name, version]) => `${name}: ${version}`)
      .join('\n'),
  )
  console.log(
    `${rounds} rounds, ${seconds} s a load; an order not shown for ${plan.giveUpMs / 1000} s counts as never shown\n`,
  )
  printTable(rows, tidemark.name)

  mkdirSync('bench/results', { recursive: true })
  const report = { machine: machine(), load: [LOADED, loadavg()], versions, seconds, rows }
  writeFileSync('bench/results/peer.json', `${JSON.stringify(report, null, 2)}\n`)
  console.log('\nbench/results/peer.json')
}

await runCommand(bench)
