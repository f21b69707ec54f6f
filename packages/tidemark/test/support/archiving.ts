import type { Container } from '@azure/cosmos'
import { BlobArchive } from '../../blobs/archive.ts'
import { EMPTY_STREAM } from '../../core/hash-chain.ts'
import { CosmosEventStore } from '../../cosmos/event-store.ts'
import { CosmosItemFeed } from '../../cosmos/item-feed.ts'
import { ArchiveWriter, readArchive } from '../../runtime/archive.ts'
import { placedV1 } from '../domain/orders.ts'
import { commit } from './commits.ts'
import { recordedTogether } from './recorded.ts'

const EVENTS_OF_STREAM = 50
const confirmed = { type: 'OrderConfirmed', data: { orderId: '1' } }

/** Appends this many events, a multiple of 50: streams of 50 commits with one event each. */
export async function fillLog(container: Container, events: number): Promise<void> {
  const log = new CosmosEventStore(container)
  for (let stream = 1; stream <= events / EVENTS_OF_STREAM; stream += 1) {
    const more = Array.from({ length: EVENTS_OF_STREAM - 1 }, () => confirmed)
    const recorded = recordedTogether(`order-${stream}`, placedV1, ...more)
    await log.append(
      EMPTY_STREAM,
      recorded.map((event) => commit(`${event.stream}@${event.version}`, [event])),
    )
  }
}

/** Archives a log until its end. @returns what was written, and the request units of the reads. */
export async function archiveLog(container: Container, connectionString: string, blobs: string) {
  const archive = new BlobArchive({ connectionString }, blobs)
  const clock = { elapsed: () => performance.now() }
  let requestUnits = 0
  const getChangeFeedIterator = (...args: Parameters<Container['items']['getChangeFeedIterator']>) => {
    const feed = container.items.getChangeFeedIterator(...args)
    const readNext = async () => {
      const page = await feed.readNext()
      requestUnits += page.requestCharge
      return page
    }
    return { readNext }
  }
  const feed = new CosmosItemFeed({ items: { getChangeFeedIterator } } as unknown as Container)
  const run = await new ArchiveWriter({ service: 'bench', archive, feed, clock }).write(3_600_000)
  return { ...run, requestUnits }
}

/** Reads and checks an archive. @returns how many items it has. */
export async function readBack(connectionString: string, blobs: string): Promise<number> {
  let items = 0
  const archive = new BlobArchive({ connectionString }, blobs)
  for await (const { lines } of readArchive('bench', archive)) items += lines.length
  return items
}
