import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type ArchiveEnd, EMPTY_ARCHIVE, SEGMENT_ITEMS, SegmentBuilder } from '../../core/archive.ts'
import { toLogItem } from '../../core/commit.ts'
import { eventId } from '../../core/event.ts'
import { canonicalHash, GENESIS, seal } from '../../core/hash-chain.ts'
import { placedV1 } from '../domain/orders.ts'

/** Commits of a stream, with one event each, as a shop's commands make them. */
const COMMITS = 5
const TIME = '2026-11-30T12:00:00.000Z'

/** The items of a stream, as the archive has them. */
function makeStream(stream: string): string[] {
  let previousHash = GENESIS
  return Array.from({ length: COMMITS }, (_, index) => {
    const [version, key] = [index + 1, `${stream} ${index}`]
    const { event } = seal({
      ...{ id: eventId(version), stream, version, schemaVersion: 1, source: '/ordering/order', time: TIME },
      ...(version === 1 ? placedV1 : { type: 'OrderConfirmed', data: { orderId: stream } }),
      ...{ correlation: 'c', causation: `command:${key}`, actor: 'bench', previousHash },
    })
    previousHash = event.hash
    const item = toLogItem({ stream, key, fingerprint: canonicalHash(key), events: [event] })
    return JSON.stringify({ ...item, _ts: 1_796_040_000 })
  })
}

/**
 * Writes the archive of this many events to a folder, a file for each segment.
 * @param events a multiple of 5.
 * @returns the bytes of all segments.
 */
export async function writeSegments(folder: string, events: number): Promise<number> {
  let [stream, bytes] = [0, 0]
  let end: ArchiveEnd = EMPTY_ARCHIVE
  while (stream * COMMITS < events) {
    const segment = new SegmentBuilder()
    while (segment.count < SEGMENT_ITEMS && stream * COMMITS < events) {
      stream += 1
      await segment.add(makeStream(`order-${stream}`))
    }
    const sealed = await segment.seal('ordering', end, { continuation: String(stream), newest: TIME })
    writeFileSync(join(folder, String(sealed.header.number).padStart(6, '0')), sealed.bytes)
    bytes += sealed.bytes.byteLength
    end = sealed.header
  }
  return bytes
}
