import { cpuShares } from '../support/cpu.ts'
import { type ClientProcess, startClient } from './client-process.ts'
import { startBenchedEndpoint } from './endpoint.ts'
import type { Rate } from './raw-client.ts'
import type { Figures } from './sdk-client.ts'

/**
 * The emulator as its users see it, through an unmodified @azure/event-hubs. A send is acknowledged once it
 * is on disk.
 */

const BATCH = 100
/** The SDK waits this long for more events after the first of a batch. No end-to-end time can be shorter. */
export const SDK_WAIT_MS = 20

export interface SdkRow {
  readonly what: string
  readonly events: number
  readonly eventsPerSecond: number
  /** Of single sends, or end to end. */
  readonly p50?: number
  readonly p99?: number
  readonly cores: Readonly<Record<string, number>>
}

/** Measures one row of the table in the client process `by`. */
type Row = (
  what: string,
  run: () => Promise<Rate & { readonly latency?: Figures }>,
  by?: ClientProcess,
) => Promise<Rate>

export async function benchSdk(seconds: number): Promise<SdkRow[]> {
  const hubs = { warm: 1, one: 1, four: 4, single: 1, 'e2e-20': 1, 'e2e-200': 1, 'e2e-2000': 1 }
  const endpoint = await startBenchedEndpoint(hubs)
  const client = await startClient()
  const { connectionString } = endpoint
  const rows: SdkRow[] = []
  const row: Row = async (what, run, by = client) => {
    process.stderr.write(`${what} …\n`)
    let rate: Rate & { readonly latency?: Figures } = { events: 0, seconds: 0 }
    const cores = await cpuShares({ endpoint: endpoint.pid, client: by.pid }, async () => {
      rate = await run()
    })
    if (rate.events === 0) throw new Error(`${what}: nothing was measured`)
    const { events, latency } = rate
    const eventsPerSecond = events / rate.seconds
    rows.push({ what, events, eventsPerSecond, ...(latency && { p50: latency.p50, p99: latency.p99 }), cores })
    return rate
  }
  try {
    await client.run('sdkProduce', {
      connectionString,
      hub: 'warm',
      partitions: 1,
      concurrency: 4,
      batch: BATCH,
      seconds: seconds / 2,
    })
    await benchPartitions(client, connectionString, row, seconds)
    for (const parallel of [1, 32])
      await row(`produce single events, ${parallel} in parallel`, () =>
        client.run('sdkProduce', {
          connectionString,
          hub: 'single',
          partitions: 1,
          concurrency: parallel,
          batch: 1,
          seconds,
        }),
      )
    for (const rate of [20, 200, 2000])
      await row(`end to end at ${rate}/s`, async () => {
        const latency = await client.run('sdkEndToEnd', { connectionString, hub: `e2e-${rate}`, rate, seconds })
        return { events: latency.count, seconds, latency }
      })
    return rows
  } finally {
    await client.stop()
    await endpoint.remove()
  }
}

async function benchPartitions(
  client: ClientProcess,
  connectionString: string,
  row: Row,
  seconds: number,
): Promise<void> {
  for (const [hub, partitions] of [
    ['one', 1],
    ['four', 4],
  ] as const) {
    const where = partitions === 1 ? 'one partition' : `${partitions} partitions`
    let events = 0
    for (const concurrency of [1, 4, 16]) {
      const what = `produce batches of ${BATCH}, ${where}, concurrency ${concurrency}`
      const job = { connectionString, hub, partitions, concurrency, batch: BATCH, seconds }
      // The send before each run opens the connection.
      events += (await row(what, () => client.run('sdkProduce', job))).events + 1
    }
    for (const [maxBatchSize, prefetch] of [
      [100, undefined],
      [1000, undefined],
      [1000, 10_000],
    ] as const) {
      const what = `consume ${where}, maxBatchSize ${maxBatchSize}, prefetch ${prefetch ?? 'default'}`
      // With the SDK's default prefetch of 300 it receives at most 10,000 events/s, so a part of them is enough.
      const enough = prefetch === undefined ? Math.min(events, 10_000 * seconds * partitions) : events
      const job = { connectionString, hub, partitions, maxBatchSize, prefetch, events: Math.ceil(enough) }
      const consumer = await startClient()
      await row(what, () => consumer.run('sdkConsume', job), consumer).finally(() => consumer.stop())
    }
  }
}

export function printSdk(rows: readonly SdkRow[]): void {
  console.log(`\nunmodified @azure/event-hubs, bodies of 500 bytes; the SDK waits ${SDK_WAIT_MS} ms for each batch`)
  console.log(`${'what'.padEnd(62)}${'events'.padStart(10)}  events/s  p50 ms  p99 ms   cores: endpoint, client`)
  for (const { what, events, eventsPerSecond, p50, p99, cores } of rows)
    console.log(
      `${what.padEnd(62)}${String(events).padStart(10)}${eventsPerSecond.toFixed(0).padStart(10)}${ms(p50)}` +
        `${ms(p99)}   ` +
        `${Object.values(cores)
          .map((share) => share.toFixed(2))
          .join(' ')}`,
    )
}

const ms = (value: number | undefined): string => (value === undefined ? '' : value.toFixed(1)).padStart(8)
