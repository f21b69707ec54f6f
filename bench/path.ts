import { randomUUID } from 'node:crypto'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Latency } from '../packages/cli/demo/latency.ts'
import { placeBody } from '../test/support/orders.ts'
import { System } from '../test/support/system.ts'
import { cpuShares } from './support/cpu.ts'
import { toFigures } from './support/figures.ts'

/**
 * The main job: an order is placed over HTTP and seen in its view. Closed loops of 1, 16 and 64 clients show
 * the capacity of the path, open loops of a fixed rate whether a lag grows. Everything runs on this machine,
 * including this client.
 */

interface Load {
  readonly name: string
  readonly seconds: number
  /**
   * Closed loop: this many clients, each of which sends its next command after the last. Open loop: this many
   * commands per second.
   */
  readonly clients?: number
  readonly rate?: number
}

const short = process.argv.includes('--short')
const loads: readonly Load[] = [
  { name: 'warm-up', clients: 16, seconds: short ? 2 : 10 },
  { name: '1 client', clients: 1, seconds: short ? 3 : 15 },
  { name: '16 clients', clients: 16, seconds: short ? 3 : 15 },
  { name: '64 clients', clients: 64, seconds: short ? 3 : 15 },
  { name: '50/s', rate: 50, seconds: short ? 5 : 30 },
  { name: '150/s', rate: 150, seconds: short ? 5 : 60 },
]

/** Every n-th command waits for its view, so that the waiting does not become the load. */
const SAMPLE = { closed: 8, open: 5 }

interface Result {
  readonly load: string
  commandsPerSecond: number
  readonly command: Latency
  readonly toView: Latency
  /** Command to view in each tenth of the run, which shows a growing lag. */
  readonly tenths: Latency[]
  errors: number
  cpu: Record<string, number>
  span: [number, number]
}

async function runLoad(system: System, load: Load): Promise<Result> {
  const result: Result = {
    load: load.name,
    commandsPerSecond: 0,
    command: new Latency(),
    toView: new Latency(),
    tenths: Array.from({ length: 10 }, () => new Latency()),
    errors: 0,
    cpu: {},
    span: [0, 0],
  }
  const started = performance.now()
  const end = started + load.seconds * 1000
  let sent = 0
  const one = async (waits: boolean): Promise<void> => {
    const begin = performance.now()
    const tenth = Math.min(9, Math.floor(((begin - started) / (end - started)) * 10))
    const answer = await system.client.post('/orders', placeBody, { 'idempotency-key': randomUUID() })
    result.command.add(performance.now() - begin)
    if (answer.status !== 201) result.errors += 1
    else if (waits) {
      const answered = performance.now()
      await system.client.get(`/orders/${answer.body.id}?position=${encodeURIComponent(answer.body.position)}`)
      result.toView.add(performance.now() - answered)
      result.tenths[tenth]?.add(performance.now() - answered)
    }
  }
  const closed = async (): Promise<void> => {
    while (performance.now() < end) {
      sent += 1
      await one(sent % SAMPLE.closed === 0)
    }
  }
  const open = async (rate: number): Promise<void> => {
    const running: Promise<void>[] = []
    for (; performance.now() < end; sent += 1) {
      const due = started + (sent * 1000) / rate
      const early = due - performance.now()
      if (early > 0) await new Promise((resolve) => setTimeout(resolve, early))
      running.push(one(sent % SAMPLE.open === 0))
    }
    await Promise.all(running)
  }
  const pids = Object.fromEntries(
    [system.host, ...['cosmos db', 'event hubs', 'blobs'].map((name) => system.part(name))].map((part) => [
      part.name,
      part.pid,
    ]),
  )
  result.cpu = await cpuShares({ ...pids, client: process.pid }, async () => {
    if (load.rate) await open(load.rate)
    else await Promise.all(Array.from({ length: load.clients ?? 1 }, closed))
  })
  result.commandsPerSecond = result.command.count / ((performance.now() - started) / 1000)
  return result
}

type Note = [step: string, stream: string, first: number, last: number, begin: number, end: number]

/** The durations of the path's parts, from the records of hops.ts. */
function hops(notes: readonly Note[]): Record<string, Latency> {
  const parts = {
    append: new Latency(),
    'feed to relay': new Latency(),
    send: new Latency(),
    'hub to projection': new Latency(),
    'view write': new Latency(),
  }
  const appended = new Map<string, number>()
  const sent = new Map<string, number>()
  for (const [step, stream, first, last, begin, end] of notes.toSorted((a, b) => a[5] - b[5])) {
    if (step === 'append') {
      parts.append.add(end - begin)
      appended.set(`${stream}@${first}`, end)
    } else if (step === 'send') {
      parts.send.add(end - begin)
      const from = appended.get(`${stream}@${first}`)
      if (from !== undefined) parts['feed to relay'].add(Math.max(0, begin - from))
      sent.set(`${stream}@${last}`, end)
    } else {
      parts['view write'].add(end - begin)
      const from = sent.get(`${stream}@${last}`)
      if (from !== undefined) parts['hub to projection'].add(Math.max(0, begin - from))
    }
  }
  return parts
}

const ms = (value: number): string => value.toFixed(1).padStart(8)

const system = await System.start({ services: ['ordering'] })
const results: { result: Result; hops: Record<string, Latency> }[] = []
try {
  for (const load of loads) {
    // Each load has a host of its own, so that its records belong to this load alone.
    await system.host.stop()
    const file = join(system.dataDir, 'hops.json')
    await system.startHost({ preload: { module: 'bench/hops.ts', env: { TIDEMARK_TEST_HOPS: file } } })
    process.stderr.write(`${load.name} for ${load.seconds} s …\n`)
    const result = await runLoad(system, load)
    await system.host.stop()
    results.push({ result, hops: hops(JSON.parse(readFileSync(file, 'utf8'))) })
    await system.startHost()
  }
} finally {
  await system.remove()
}

const measured = results.filter(({ result }) => result.load !== 'warm-up')
if (measured.length === 0 || measured.some(({ result }) => result.command.count === 0))
  throw new Error('nothing was measured')
console.log(
  'load         commands/s  command p50      p99   to view p50      p99  errors   cores: functions, ' +
    'cosmos db, event hubs, blobs, client',
)
for (const { result } of measured) {
  const cpu = ['functions', 'cosmos db', 'event hubs', 'blobs', 'client'].map((name) =>
    (result.cpu[name] ?? Number.NaN).toFixed(2).padStart(6),
  )
  console.log(
    `${result.load.padEnd(12)} ${result.commandsPerSecond.toFixed(0).padStart(10)}     ` +
      `${ms(result.command.percentile(0.5))} ${ms(result.command.percentile(0.99))}      ` +
      `${ms(result.toView.percentile(0.5))} ${ms(result.toView.percentile(0.99))} ` +
      `${String(result.errors).padStart(7)}          ${cpu.join(' ')}`,
  )
}
console.log('\npart of the path (p50 / p99 ms)')
for (const { result, hops: parts } of measured)
  console.log(
    `${result.load.padEnd(12)} ${Object.entries(parts)
      .map(([name, part]) => `${name} ${part.percentile(0.5).toFixed(1)} / ${part.percentile(0.99).toFixed(1)}`)
      .join('   ')}`,
  )
console.log('\ncommand to view, p50 in each tenth of the run (ms)')
for (const { result } of measured)
  console.log(`${result.load.padEnd(12)} ${result.tenths.map((tenth) => ms(tenth.percentile(0.5))).join('')}`)

mkdirSync('bench/results', { recursive: true })
const report = measured.map(({ result, hops: parts }) => ({
  load: result.load,
  commandsPerSecond: result.commandsPerSecond,
  errors: result.errors,
  command: toFigures(result.command),
  commandToView: toFigures(result.toView),
  tenths: result.tenths.map((tenth) => tenth.percentile(0.5)),
  hops: Object.fromEntries(Object.entries(parts).map(([name, part]) => [name, toFigures(part)])),
  cores: result.cpu,
}))
writeFileSync('bench/results/path.json', `${JSON.stringify(report, null, 2)}\n`)
console.log('\nbench/results/path.json')
