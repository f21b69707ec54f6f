import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, tmpdir } from 'node:os'
import { join } from 'node:path'
import { verifyArchive } from 'tidemark/verify'
import { writeSegments } from '../packages/tidemark/test/support/segments.ts'

/**
 * `npm run bench:verify [-- --short]`: how many events a second `npm run verify` checks in an archive. Each event is
 * checked against its hash, each commit against its events, each segment against its Merkle root and the one before,
 * and each stream for gaps. The segments are files, so no store is measured.
 */

const EVENTS = process.argv.includes('--short') ? 20_000 : 300_000
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
  const bytes = await writeSegments(folder, EVENTS)
  console.log(`${EVENTS} events in ${Math.round(bytes / 2 ** 20)} MB of segments, ${availableParallelism()} cores`)
  const results = [await measure(folder, 1), await measure(folder, availableParallelism())]
  console.table(results)
  mkdirSync('bench/results', { recursive: true })
  writeFileSync('bench/results/verify.json', JSON.stringify(results, null, 2))
} finally {
  rmSync(folder, { recursive: true })
}
