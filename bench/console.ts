import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { services } from '../packages/cli/project/config.ts'
import { ConsoleHarness } from '../test/support/console.ts'
import { type Frames, ROWS, SCROLL_MS, scrolledDocuments, scrolledEvents } from './console/rows.ts'
import { throughput } from './console/throughput.ts'
import type { Note } from './cost/note.ts'

/**
 * The cost of the console. It measures the time to its first page, the scrolling of 100,000 rows, the
 * requests of the open map, and their effect on throughput. All but the rows uses a running system.
 */

const short = process.argv.includes('--short')
const OPENED = short ? 3 : 10
const MEASURE_MS = short ? 15_000 : 60_000
/** The minimum and maximum number of pairs of periods with the map closed and open. */
const PAIRS = short ? { least: 3, most: 3 } : { least: 30, most: 200 }

const folder = mkdtempSync(join(tmpdir(), 'tidemark-console-'))
const tally = join(folder, 'tally')
const names = services.map(({ name }) => name)

/** The time to the page's first paint, and until the map shows the status of all services. */
async function opened(harness: ConsoleHarness): Promise<{ readonly paint: number; readonly ready: number }> {
  const page = await harness.open('')
  await page.getByText(`${names.length} services of ${names.length} answer`).waitFor()
  const told = await page.evaluate(`({
    paint: performance.getEntriesByName('first-contentful-paint')[0].startTime,
    ready: performance.now(),
  })`)
  await harness.closePage()
  return told as { paint: number; ready: number }
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

const formatRate = ({ requests, units }: { readonly requests: number; readonly units: number }): string =>
  `${requests.toFixed(0)} requests, ${units.toFixed(0)} RU a minute`
const percent = (part: number): string => `${(100 * part).toFixed(1)} %`

/** Requests to the database and their request units, per minute. */
async function databaseCost(): Promise<{ readonly requests: number; readonly units: number }> {
  const from = Date.now()
  await delay(MEASURE_MS)
  const notes = readFileSync(tally, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Note)
    .filter((note) => note.kind === 'cosmos')
    .filter(({ at }) => at >= from)
  const minutes = MEASURE_MS / 60_000
  return { requests: notes.length / minutes, units: notes.reduce((sum, { charge }) => sum + charge, 0) / minutes }
}

async function atRest() {
  const harness = await ConsoleHarness.start(names, async (system, front) => {
    const preload = { module: 'bench/cost/tally.ts', env: { TIDEMARK_TEST_TALLY: tally } }
    const host = await system.startHost({ preload })
    for (const name of names) front.serve(name, host.address)
  })
  try {
    await opened(harness)
    const times = []
    for (let time = 0; time < OPENED; time += 1) times.push(await opened(harness))
    const events = await scrolledEvents(harness)
    const documents = await scrolledDocuments(harness)
    const mapClosed = await databaseCost()
    const page = await harness.open('')
    await page.getByText(`${names.length} services of ${names.length} answer`).waitFor()
    let asked = 0
    page.on('request', () => {
      asked += 1
    })
    const mapOpen = await databaseCost()
    return {
      firstPaintMs: median(times.map(({ paint }) => paint)),
      mapReadyMs: median(times.map(({ ready }) => ready)),
      ...{ events, documents },
      requestsPerMinute: asked / (MEASURE_MS / 60_000),
      database: { mapClosed, mapOpen },
    }
  } finally {
    await harness.stop()
  }
}

try {
  const results = { ...(await atRest()), throughput: await throughput(names, PAIRS) }
  const line = (what: string, value: string): void => console.log(`${what.padEnd(44)} ${value}`)
  const told = ({ frames, dropped, longestMs }: Frames): string =>
    `${frames}, ${dropped} dropped, the longest ${longestMs.toFixed(0)} ms`
  const { events, database } = results
  const { fetched, fetchedMs, passed, heapMB } = results.documents
  const { pairs, ratio, ordersPerSecond, browserShare, ...replayed } = results.throughput
  line('first paint', `${results.firstPaintMs.toFixed(0)} ms`)
  line('map shown with the status of all services', `${results.mapReadyMs.toFixed(0)} ms`)
  line(`frames while ${ROWS} events pass in ${SCROLL_MS / 1000} s`, told(events))
  line(`frames while ${ROWS} documents are fetched`, `${told(fetched)}; ${(fetchedMs / 1000).toFixed(0)} s`)
  line(`frames while they pass in ${SCROLL_MS / 1000} s`, told(passed))
  line('heap before the documents, and after', `${heapMB.before.toFixed(1)} and ${heapMB.after.toFixed(1)} MB`)
  line('requests a minute of the open map', results.requestsPerMinute.toFixed(0))
  line('database, map closed', formatRate(database.mapClosed))
  line('database, map open', formatRate(database.mapOpen))
  line(
    'orders a second, map closed and open',
    `${ordersPerSecond.closed.toFixed(1)} and ${ordersPerSecond.open.toFixed(1)} (medians of ${pairs} pairs)`,
  )
  line(
    'throughput with the map open, of that without',
    `${percent(ratio.median)} (95 % interval: ${percent(ratio.from)} to ${percent(ratio.to)}), by a ` +
      `script's ${replayed.requestsPerMinute.toFixed(0)} requests a minute`,
  )
  line('the browser itself, left out of that', `${percent(browserShare)} of a core`)
  mkdirSync('bench/results', { recursive: true })
  writeFileSync('bench/results/console.json', `${JSON.stringify(results, null, 2)}\n`)
  console.log('\nbench/results/console.json')
} finally {
  rmSync(folder, { recursive: true, force: true })
}
