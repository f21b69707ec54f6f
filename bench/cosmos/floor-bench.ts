import { fileURLToPath } from 'node:url'
import { CosmosClient } from '@azure/cosmos'
import { temporaryFolder } from '../../packages/cosmos/test/emulator.ts'
import { type Child, startChild } from '../../packages/kit/child.ts'
import { EMULATOR_KEY } from '../../packages/test-support/cosmos.ts'
import { cpuSeconds } from '../support/cpu.ts'
import { drive, type RawRequest } from './raw-client.ts'
import { BATCH, batch, create, FEED_PAGE, feedPage, read } from './requests.ts'

const CONCURRENCY = [1, 16, 64]
const LOADED = 20_000

/** One of the two servers, with a folder of its own. */
interface Server {
  readonly name: 'floor' | 'tidemark'
  readonly child: Child
  readonly batchStatus: number
  /** The number of the next new item. */
  next: number
  stop(): Promise<void>
}

export interface FloorRow {
  readonly what: string
  readonly concurrency: number
  readonly server: string
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
  /** The user and system time of the server's process for each request. */
  readonly cpuMicroseconds: number
}

export async function benchFloor(options: { seconds: number; rounds: number }): Promise<readonly FloorRow[]> {
  const servers = [await start('floor', './floor.ts'), await start('tidemark', '../../packages/cosmos/main.ts')]
  try {
    for (const server of servers) await prepare(server)
    const rows: FloorRow[] = []
    for (const [what, request] of Object.entries(CASES))
      for (const concurrency of CONCURRENCY) {
        // The servers take turns, so that other load on the machine affects both alike.
        const rounds = []
        const measurement = { what, request, concurrency, seconds: options.seconds }
        for (let round = 0; round < options.rounds; round++)
          for (const server of servers) rounds.push(await measure(server, measurement))
        for (const { name } of servers) rows.push(median(rounds.filter((row) => row.server === name)))
      }
    return rows
  } finally {
    for (const server of servers) await server.stop()
  }
}

const CASES: Readonly<Record<string, (server: Server, n: number) => RawRequest>> = {
  create: (_, n) => create(n),
  'point read': (_, n) => read(n % LOADED),
  [`batch of ${BATCH}`]: ({ batchStatus }, n) => batch(n, batchStatus),
  [`feed page of ${FEED_PAGE}`]: (_, n) => feedPage((n * FEED_PAGE) % (LOADED - 2 * FEED_PAGE)),
}

interface Measurement {
  readonly what: string
  readonly request: (server: Server, n: number) => RawRequest
  readonly concurrency: number
  readonly seconds: number
}

async function measure(server: Server, { what, request, concurrency, seconds }: Measurement): Promise<FloorRow> {
  const end = performance.now() + seconds * 1000
  const before = cpuSeconds(server.child.pid) ?? Number.NaN
  const load = await drive(server.child.address, concurrency, () => {
    if (performance.now() > end) return undefined
    server.next += 1
    return request(server, server.next)
  })
  const cpu = (cpuSeconds(server.child.pid) ?? Number.NaN) - before
  const at = (share: number): number => load.latencies[Math.floor(load.latencies.length * share)] ?? Number.NaN
  return {
    what,
    concurrency,
    server: server.name,
    perSecond: load.requests / load.seconds,
    p50: at(0.5),
    p99: at(0.99),
    cpuMicroseconds: (cpu * 1e6) / load.requests,
  }
}

function median(rows: readonly FloorRow[]): FloorRow {
  const sorted = [...rows].sort((a, b) => a.cpuMicroseconds - b.cpuMicroseconds)
  const row = sorted[Math.floor(sorted.length / 2)]
  if (!row) throw new Error('nothing was measured')
  return row
}

async function start(name: Server['name'], module: string): Promise<Server> {
  const folder = await temporaryFolder()
  const child = await startChild(name, fileURLToPath(new URL(module, import.meta.url)), {
    COSMOS_EMULATOR_PORT: '0',
    COSMOS_EMULATOR_DATA: folder.path,
    COSMOS_EMULATOR_CONTROL_PORT: '',
  })
  return {
    name,
    child,
    batchStatus: name === 'floor' ? 201 : 200,
    next: 0,
    async stop() {
      await child.stop()
      await folder.remove()
    },
  }
}

/** Creates the container, and the items to read. */
async function prepare(server: Server): Promise<void> {
  if (server.name === 'tidemark') {
    const client = new CosmosClient({ endpoint: server.child.address, key: EMULATOR_KEY })
    const { database } = await client.databases.create({ id: 'd' })
    await database.containers.create({ id: 'c', partitionKey: '/pk' })
    client.dispose()
  }
  let n = -1
  await drive(server.child.address, 64, () => {
    n += 1
    return n < LOADED ? create(n) : undefined
  })
  server.next = LOADED
}

export function printFloor(rows: readonly FloorRow[]): void {
  console.log('\nthe emulator compared with node:http and node:sqlite alone, median of the rounds')
  console.table(
    rows.map(({ what, concurrency, server, perSecond, p50, p99, cpuMicroseconds }) => ({
      what,
      concurrency,
      server,
      'a second': Math.round(perSecond),
      'p50 ms': p50.toFixed(2),
      'p99 ms': p99.toFixed(2),
      'cpu µs': cpuMicroseconds.toFixed(0),
    })),
  )
  const ratios = rows
    .filter(({ server }) => server === 'tidemark')
    .map((ours) => {
      const floor = rows.find(
        (row) => row.server === 'floor' && row.what === ours.what && row.concurrency === ours.concurrency,
      )
      return {
        what: ours.what,
        concurrency: ours.concurrency,
        ratio: (ours.cpuMicroseconds / (floor?.cpuMicroseconds ?? Number.NaN)).toFixed(2),
      }
    })
  console.log('server time per request, as a multiple of the floor')
  console.table(ratios)
}
