import { readdirSync, statSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type ArchiveEnd, EMPTY_ARCHIVE, SEGMENT_ITEMS, SegmentBuilder } from '../../core/archive.ts'
import { toLogItem } from '../../core/commit.ts'
import { eventId } from '../../core/event.ts'
import { canonicalHash, GENESIS, seal } from '../../core/hash-chain.ts'
import type { Archive } from '../../core/ports.ts'
import { placedV1 } from '../domain/orders.ts'

/** Commits of a stream, with one event each, as a shop's commands make them. */
const COMMITS = 5
const TIME = '2026-11-30T12:00:00.000Z'

/** The items of a stream, as the archive has them. */
function makeStream(number: number): string[] {
  const stream = `order-${number}`
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
 * @param events a multiple of those of a stream.
 * @param make the items of a stream as JSON, one event each. Default: of five commits.
 * @returns the bytes of all segments.
 */
export async function writeSegments(folder: string, events: number, make = makeStream): Promise<number> {
  let [stream, left, bytes] = [0, events, 0]
  let end: ArchiveEnd = EMPTY_ARCHIVE
  while (left > 0) {
    const segment = new SegmentBuilder()
    while (segment.count < SEGMENT_ITEMS && left > 0) {
      stream += 1
      const lines = make(stream)
      await segment.add(lines)
      left -= lines.length
    }
    const sealed = await segment.seal('ordering', end, { continuation: String(stream), newest: TIME })
    writeFileSync(join(folder, nameSegment(sealed.header.number)), sealed.bytes)
    bytes += sealed.bytes.byteLength
    end = sealed.header
  }
  return bytes
}

const nameSegment = (number: number): string => String(number).padStart(6, '0')

/** The archive that `writeSegments` has written. It cannot be written. */
export function readFolder(folder: string): Archive {
  const sizes = new Map(readdirSync(folder).map((name) => [Number(name), statSync(join(folder, name)).size]))
  return {
    create: () => Promise.reject(new Error('it is only read')),
    has: async (number) => sizes.has(number),
    read: async (number) => (sizes.has(number) ? readFile(join(folder, nameSegment(number))) : undefined),
    async *list(after) {
      for (const [number, bytes] of [...sizes].sort(([a], [b]) => a - b)) if (number > after) yield { number, bytes }
    },
  }
}
