import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ArchiveEnd, EMPTY_ARCHIVE, SEGMENT_ITEMS, SegmentBuilder } from '../packages/tidemark/core/archive.ts'
import { toLogItem } from '../packages/tidemark/core/commit.ts'
import { eventId } from '../packages/tidemark/core/event.ts'
import { canonicalHash, GENESIS, seal } from '../packages/tidemark/core/hash-chain.ts'
import { placedV1 } from '../packages/tidemark/test/domain/orders.ts'
import { verifyArchive } from '../packages/tidemark/verify/archive.ts'

/**
 * `npm run bench:verify [-- --short]`: how many events a second `npm run verify` checks in an archive. Each event is
 * checked against its hash, each commit against its events, each segment against its Merkle root and the one before,
 * and each stream for gaps. The segments are files, so no store is measured.
 */

const EVENTS = process.argv.includes('--short') ? 20_000 : 300_000
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

/** @returns the bytes of all segments as they are stored. */
async function writeSegments(folder: string): Promise<number> {
  let [stream, bytes] = [0, 0]
  let end: ArchiveEnd = EMPTY_ARCHIVE
  while (stream * COMMITS < EVENTS) {
    const segment = new SegmentBuilder()
    while (segment.count < SEGMENT_ITEMS && stream * COMMITS < EVENTS) {
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

async function* readSegments(folder: string) {
  for (const name of readdirSync(folder).sort()) yield { number: Number(name), bytes: readFileSync(join(folder, name)) }
}

async function measure(folder: string, threads: number) {
  const [started, before] = [performance.now(), process.cpuUsage()]
  const { archive } = await verifyArchive(
    { service: 'ordering', segments: readSegments(folder), threads },
    { progress: () => {}, fault: (fault) => assert.fail(JSON.stringify(fault)) },
  )
  const seconds = (performance.now() - started) / 1000
  const { user, system } = process.cpuUsage(before)
  assert.equal(archive.events, EVENTS)
  return {
    threads,
    events: archive.events,
    segments: archive.segments,
    eventsASecond: Math.round(archive.events / seconds),
    // Of all threads. It depends less on what else the machine does.
    eventsACpuSecond: Math.round((archive.events / (user + system)) * 1e6),
    megabytes: Math.round(process.resourceUsage().maxRSS / 1024),
  }
}

const folder = mkdtempSync(join(tmpdir(), 'tidemark-bench-verify-'))
try {
  const bytes = await writeSegments(folder)
  console.log(`${EVENTS} events in ${Math.round(bytes / 2 ** 20)} MB of segments, ${availableParallelism()} cores`)
  const results = [await measure(folder, 1), await measure(folder, availableParallelism())]
  console.table(results)
  mkdirSync('bench/results', { recursive: true })
  writeFileSync('bench/results/verify.json', JSON.stringify(results, null, 2))
} finally {
  rmSync(folder, { recursive: true })
}
