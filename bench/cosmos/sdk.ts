import { ChangeFeedStartFrom, type Container } from '@azure/cosmos'
import { cpuShares } from '../support/cpu.ts'
import { percentile, startBenchedEndpoint } from './endpoint.ts'
import { BATCH, BODY_BYTES } from './requests.ts'

/** The unmodified SDK, with this process as its client. */

const CONCURRENCY = [1, 16, 64]
/** The number of items to read: the first ones created. */
const READ = 500

export interface SdkRow {
  readonly what: string
  readonly concurrency: number
  readonly perSecond: number
  readonly p50: number
  readonly p99: number
  readonly cores: Readonly<Record<string, number>>
}

export async function benchSdk(seconds: number): Promise<readonly SdkRow[]> {
  const endpoint = await startBenchedEndpoint()
  try {
    const container = await endpoint.newContainer('c')
    const pids = { endpoint: endpoint.child.pid, client: process.pid }
    const rows: SdkRow[] = []
    let made = 0
    const cases: Readonly<Record<string, () => Promise<unknown>>> = {
      create: () => container.items.create(buildItem(made++)),
      'point read': () => {
        const n = Math.floor(Math.random() * READ)
        return container.item(String(n), buildKey(n)).read()
      },
      [`batch of ${BATCH}`]: () => batch(container, made++),
    }
    for (const [what, task] of Object.entries(cases))
      for (const concurrency of CONCURRENCY) rows.push(await measure({ what, task, concurrency, seconds }, pids))
    rows.push(await measureFeed(container, pids))
    return rows
  } finally {
    await endpoint.remove()
  }
}

interface Measurement {
  readonly what: string
  readonly task: () => Promise<unknown>
  readonly concurrency: number
  readonly seconds: number
}

async function measure(measurement: Measurement, pids: Readonly<Record<string, number>>): Promise<SdkRow> {
  const { what, task, concurrency, seconds } = measurement
  const times: number[] = []
  const started = performance.now()
  const end = started + seconds * 1000
  const worker = async (): Promise<void> => {
    while (performance.now() < end) {
      const sent = performance.now()
      await task()
      times.push(performance.now() - sent)
    }
  }
  const cores = await cpuShares(pids, async () => {
    await Promise.all(Array.from({ length: concurrency }, worker))
  })
  const perSecond = times.length / ((performance.now() - started) / 1000)
  return { what, concurrency, perSecond, p50: percentile(times, 0.5), p99: percentile(times, 0.99), cores }
}

/** Reads the whole feed in pages of 1,000, in documents per second. */
async function measureFeed(container: Container, pids: Readonly<Record<string, number>>): Promise<SdkRow> {
  const times: number[] = []
  let documents = 0
  const started = performance.now()
  const cores = await cpuShares(pids, async () => {
    const feed = container.items.getChangeFeedIterator({
      changeFeedStartFrom: ChangeFeedStartFrom.Beginning(),
      maxItemCount: 1000,
    })
    for (;;) {
      const sent = performance.now()
      const { statusCode, result } = await feed.readNext()
      if (statusCode === 304) return
      times.push(performance.now() - sent)
      documents += result.length
    }
  })
  if (documents === 0) throw new Error('the feed was empty')
  const perSecond = documents / ((performance.now() - started) / 1000)
  return {
    what: 'feed, documents',
    concurrency: 1,
    perSecond,
    p50: percentile(times, 0.5),
    p99: percentile(times, 0.99),
    cores,
  }
}

const buildKey = (n: number): string => `stream-${n % 500}`

function buildItem(n: number, pk = buildKey(n), id = String(n)): { id: string; data: string } {
  const item = { id, pk, type: 'order-placed', version: n, lines: [1, 2, 3], data: '' }
  return { ...item, data: 'x'.repeat(BODY_BYTES - JSON.stringify(item).length) }
}

async function batch(container: Container, n: number): Promise<void> {
  const pk = buildKey(n)
  const operations = Array.from({ length: BATCH }, (_, index) => ({
    operationType: 'Create' as const,
    resourceBody: buildItem(n, pk, `${n}-${index}`),
  }))
  const { code } = await container.items.batch(operations, pk)
  if (code !== 200) throw new Error(`a batch got the code ${code}`)
}

export function printSdk(rows: readonly SdkRow[]): void {
  console.log('\nthe unmodified SDK')
  console.table(
    rows.map(({ what, concurrency, perSecond, p50, p99, cores }) => ({
      what,
      concurrency,
      'a second': Math.round(perSecond),
      'p50 ms': p50.toFixed(2),
      'p99 ms': p99.toFixed(2),
      'cores: endpoint, client': Object.values(cores)
        .map((share) => share.toFixed(2))
        .join(' '),
    })),
  )
}
