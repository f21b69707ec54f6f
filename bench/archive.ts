import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { CosmosClient } from '@azure/cosmos'
import { BlobServiceClient } from '@azure/storage-blob'
import { startEmulator, temporaryFolder } from '../packages/cosmos/test/emulator.ts'
import { startBlobs } from '../packages/functions-host/test/support.ts'
import { EMULATOR_KEY } from '../packages/test-support/cosmos.ts'
import { archiveLog, fillLog, readBack } from '../packages/tidemark/test/support/archiving.ts'

/**
 * `npm run bench:archive [-- --short]`: writes the archive of a log in the Cosmos DB emulator to Azurite, and
 * reads it back. Each step is a process of its own, whose largest memory is measured.
 */

const short = process.argv.includes('--short')
const SIZES = short ? [1_000, 5_000] : [10_000, 100_000, 300_000]
const BLOBS = 'archive-bench'
/**
 * A heap that is far too small for a log: a step that kept what it has read would end with an error. A small young
 * generation, because garbage that waits to be collected is no need of the archive.
 */
const HEAP = ['--max-old-space-size=64', '--max-semi-space-size=4']

type Step = 'write' | 'read'

/** What one step measured. */
interface Measured {
  readonly items: number
  readonly seconds: number
  /** CPU time of the process. It depends less on what else the machine does. */
  readonly cpuSeconds: number
  readonly segments: number
  readonly requestUnits: number
  readonly megabytes: number
}

/** Runs a step in this process, which has no other work. */
async function measure(step: Step, cosmos: string, blobs: string): Promise<Measured> {
  const client = new CosmosClient({ endpoint: cosmos, key: EMULATOR_KEY })
  const log = client.database('bench').container('events')
  const [started, before] = [performance.now(), process.cpuUsage()]
  const run =
    step === 'write'
      ? await archiveLog(log, blobs, BLOBS)
      : { items: await readBack(blobs, BLOBS), segments: 0, requestUnits: 0 }
  const seconds = (performance.now() - started) / 1000
  const { user, system } = process.cpuUsage(before)
  client.dispose()
  return {
    ...run,
    seconds,
    cpuSeconds: (user + system) / 1e6,
    megabytes: process.resourceUsage().maxRSS / 1024,
  }
}

/** Runs a step in a process of its own. */
function measured(step: Step, cosmos: string, blobs: string): Measured {
  const file = fileURLToPath(import.meta.url)
  return JSON.parse(
    execFileSync(process.execPath, [...HEAP, file, '--step', step, cosmos, blobs], { encoding: 'utf8' }),
  )
}

async function compare(events: number) {
  const ends: (() => Promise<unknown>)[] = []
  try {
    const folder = await temporaryFolder()
    ends.unshift(folder.remove)
    const emulator = await startEmulator(folder.path)
    ends.unshift(() => emulator.stop())
    const { connection } = await startBlobs((end) => void ends.unshift(async () => end()), folder.path)
    const client = new CosmosClient({ endpoint: emulator.address, key: EMULATOR_KEY })
    const { database } = await client.databases.create({ id: 'bench' })
    const { container } = await database.containers.create({ id: 'events', partitionKey: '/stream' })
    await BlobServiceClient.fromConnectionString(connection).createContainer(BLOBS)
    await fillLog(container, events)
    client.dispose()
    const [write, read] = (['write', 'read'] as const).map((step) => measured(step, emulator.address, connection))
    assert.ok(write && read)
    assert.deepEqual([write.items, read.items], [events, events])
    return {
      events,
      segments: write.segments,
      written: Math.round(events / write.seconds),
      writtenACpuSecond: Math.round(events / write.cpuSeconds),
      requestUnitsAnEvent: Number((write.requestUnits / events).toFixed(4)),
      read: Math.round(events / read.seconds),
      readACpuSecond: Math.round(events / read.cpuSeconds),
      writerMegabytes: Math.round(write.megabytes),
      readerMegabytes: Math.round(read.megabytes),
    }
  } finally {
    for (const end of ends) await end()
  }
}

const at = process.argv.indexOf('--step')
if (at === -1) {
  const results: Awaited<ReturnType<typeof compare>>[] = []
  for (const events of SIZES) results.push(await compare(events))
  console.table(results)
  mkdirSync('bench/results', { recursive: true })
  writeFileSync('bench/results/archive.json', JSON.stringify(results, null, 2))
} else {
  const [step, cosmos = '', blobs = ''] = process.argv.slice(at + 1)
  console.log(JSON.stringify(await measure(step as Step, cosmos, blobs)))
}
