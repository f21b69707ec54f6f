import type { Container } from '@azure/cosmos'
import { percentile, startBenchedEndpoint } from './endpoint.ts'

/**
 * A range of one partition, among few documents and among 100,000. The emulator reads only this partition's
 * range, so the request units are equal and the time is nearly so.
 */

const PAGE = 50
const STREAM = 1000
const BULK = 100

export interface RangeRow {
  readonly documents: number
  readonly p50: number
  readonly p99: number
  readonly requestUnits: number
}

export async function benchPartitionRange(queries: number, many = 100_000): Promise<readonly RangeRow[]> {
  const endpoint = await startBenchedEndpoint()
  try {
    const rows: RangeRow[] = []
    for (const documents of [STREAM, many]) {
      const container = await endpoint.newContainer(`of-${documents}`)
      await fill(container, documents)
      // The first query creates the index.
      await range(container, 0)
      const results: { ms: number; charge: number }[] = []
      for (let n = 0; n < queries; n++) results.push(await range(container, (n * 37) % (STREAM - PAGE)))
      const times = results.map(({ ms }) => ms)
      const requestUnits = Math.max(...results.map(({ charge }) => charge))
      rows.push({ documents, p50: percentile(times, 0.5), p99: percentile(times, 0.99), requestUnits })
    }
    return rows
  } finally {
    await endpoint.remove()
  }
}

async function range(container: Container, from: number): Promise<{ ms: number; charge: number }> {
  const started = performance.now()
  const { resources, requestCharge } = await container.items
    .query(
      {
        query: 'SELECT * FROM c WHERE c.version >= @from AND c.version < @to ORDER BY c.version',
        parameters: [
          { name: '@from', value: from },
          { name: '@to', value: from + PAGE },
        ],
      },
      { partitionKey: 'stream-0' },
    )
    .fetchAll()
  if (resources.length !== PAGE) throw new Error(`${resources.length} documents instead of ${PAGE}`)
  return { ms: performance.now() - started, charge: requestCharge }
}

/** Fills streams of equally many events. */
async function fill(container: Container, documents: number): Promise<void> {
  for (let stream = 0; stream < documents / STREAM; stream++) {
    const pk = `stream-${stream}`
    for (let first = 0; first < STREAM; first += BULK) {
      const operations = Array.from({ length: BULK }, (_, index) => ({
        operationType: 'Create' as const,
        resourceBody: { id: String(first + index), pk, version: first + index, data: 'x'.repeat(400) },
      }))
      const { code } = await container.items.batch(operations, pk)
      if (code !== 200) throw new Error(`a batch got the code ${code}`)
    }
  }
}

export function printPartitionRange(rows: readonly RangeRow[]): void {
  console.log(`\na range of ${PAGE} documents of one partition of ${STREAM}, by the unmodified SDK`)
  console.table(
    rows.map(({ documents, p50, p99, requestUnits }) => ({
      'documents in all': documents,
      'p50 ms': p50.toFixed(2),
      'p99 ms': p99.toFixed(2),
      'request units': requestUnits,
    })),
  )
}
