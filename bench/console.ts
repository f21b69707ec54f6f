import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { Page } from 'playwright-core'
import { services } from '../cli/services.ts'
import { ConsoleRig } from '../test/support/console.ts'
import type { Note } from './cost/note.ts'

/**
 * What the console costs: until its first page is there, while 100,000 rows are scrolled, and what the map asks of the services while it is
 * open. All but the rows is asked of a running system; the rows are answered by the benchmark, so that the browser alone is measured.
 */

const short = process.argv.includes('--short')
const OPENED = short ? 3 : 10
const MEASURE_MS = short ? 15_000 : 60_000
const SCROLL_MS = 5_000
const ROWS = 100_000
/** A frame that took longer left out the next one, at 60 a second. */
const FRAME_MS = 1000 / 60

const folder = mkdtempSync(join(tmpdir(), 'tidemark-console-'))
const tally = join(folder, 'tally')
const names = services.map(({ name }) => name)

const rig = await ConsoleRig.start(names, async (system, front) => {
  const preload = { module: 'bench/cost/tally.ts', env: { TIDEMARK_TEST_TALLY: tally } }
  const host = await system.startHost({ preload })
  for (const name of names) front.serve(name, host.address)
})

/** Until the page's first paint, and until the map says how all does. */
async function opened(): Promise<{ readonly paint: number; readonly ready: number }> {
  const page = await rig.open('')
  await page.getByText(`${names.length} services of ${names.length} answer`).waitFor()
  const told = await page.evaluate(`({
    paint: performance.getEntriesByName('first-contentful-paint')[0].startTime,
    ready: performance.now(),
  })`)
  await rig.closePage()
  return told as { paint: number; ready: number }
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN

/** Answers for a stream of many events. */
async function answerEvents(page: Page): Promise<void> {
  const at = (version: number): unknown => ({
    id: String(version),
    stream: 'stock-many',
    version,
    source: 'inventory',
    time: new Date(1_800_000_000_000 + version * 1000).toISOString(),
    type: 'StockReceived',
    schemaVersion: 1,
    data: { sku: 'many', quantity: version },
    correlation: `command:${version}`,
    causation: `command:${version}`,
    actor: 'bench',
    previousHash: '0'.repeat(64),
    hash: '1'.repeat(64),
  })
  await page.route('**/streams/stock-many/events*', async (route) => {
    const { searchParams } = new URL(route.request().url())
    const backward = searchParams.get('direction') === 'backward'
    const after = Number(searchParams.get('after') ?? 0)
    const items = backward
      ? [at(ROWS)]
      : Array.from({ length: Math.min(100, ROWS - after) }, (_, index) => at(after + index + 1))
    await route.fulfill({ json: { stream: 'stock-many', direction: 'forward', items } })
  })
  await page.route('**/streams/stock-many/state*', (route) =>
    route.fulfill({
      json: { stream: 'stock-many', version: 1, time: new Date(0).toISOString(), hash: '', state: { available: 1 } },
    }),
  )
}

/** Answers for a view of many documents, whose continuation is the number of the next. */
async function answerDocuments(page: Page): Promise<void> {
  const at = (number: number): unknown => ({
    key: `order-${number}`,
    version: 4,
    document: {
      ...{ orderId: String(number), customerId: `customer-${number % 1000}`, status: 'completed', totalCents: number },
      lines: [1, 2].map((line) => ({ sku: `tea-${line}`, quantity: line, unitPrice: 1250 })),
      shippingAddress: { streetName: 'Quay', houseNumber: String(number), city: 'Bergen', country: 'NO' },
      placedAt: new Date(1_800_000_000_000 - number * 1000).toISOString(),
    },
  })
  await page.route('**/views/order/documents*', async (route) => {
    const { searchParams } = new URL(route.request().url())
    const first = Number(searchParams.get('continuation') ?? 0)
    const items = Array.from({ length: Math.min(100, ROWS - first) }, (_, index) => at(first + index))
    const next = first + items.length
    const continuation = next < ROWS ? { continuation: String(next) } : {}
    await route.fulfill({ json: { items, searched: items.length, ...continuation } })
  })
}

interface Frames {
  readonly frames: number
  readonly dropped: number
  readonly longestMs: number
}

/** What a list's frames take while something scrolls it. @param place says where it is to be, of `list` and `passed`, milliseconds; undefined: that was all. */
async function framesWhile(page: Page, place: string): Promise<Frames> {
  const frames = (await page.evaluate(`new Promise((resolve) => {
    const list = document.querySelector('.vlist')
    const frames = []
    const began = performance.now()
    let last = began
    const step = (now) => {
      frames.push(now - last)
      last = now
      const passed = now - began
      const top = ${place}
      if (top === undefined) return resolve(frames.slice(1))
      list.scrollTop = top
      requestAnimationFrame(step)
    }
    requestAnimationFrame(step)
  })`)) as number[]
  const dropped = frames.reduce((sum, ms) => sum + Math.max(0, Math.round(ms / FRAME_MS) - 1), 0)
  return { frames: frames.length, dropped, longestMs: Math.max(...frames) }
}

/** All rows pass, a part of them each frame. */
const PASS = `passed < ${SCROLL_MS} ? (list.scrollHeight * passed) / ${SCROLL_MS} : undefined`
/** To the end again and again, until there is no more to come. */
const TO_THE_END = `document.querySelector('main [role=status]').textContent.includes('more') ? list.scrollHeight : undefined`

async function scrolledEvents(): Promise<Frames> {
  const page = await rig.open('live')
  await answerEvents(page)
  await page.goto(`${rig.front.address}/#/stream/inventory/stock-many`)
  await page
    .getByRole('group', { name: /^Events; / })
    .getByText('StockReceived')
    .first()
    .waitFor()
  const frames = await framesWhile(page, PASS)
  await rig.closePage()
  return frames
}

async function scrolledDocuments() {
  const page = await rig.open('live')
  await answerDocuments(page)
  await page.goto(`${rig.front.address}/#/views/ordering/order`)
  await page.getByRole('button', { name: /^order-0 / }).waitFor()
  const before = await heapOf(page)
  const began = performance.now()
  const fetched = await framesWhile(page, TO_THE_END)
  const fetchedMs = performance.now() - began
  await page.getByText(`${ROWS.toLocaleString('en-GB')} documents`, { exact: true }).waitFor()
  const passed = await framesWhile(page, PASS)
  await page.getByRole('button', { name: new RegExp(`^order-${ROWS - 1} `) }).waitFor()
  const heapMB = { before, after: await heapOf(page) }
  await rig.closePage()
  return { fetched, fetchedMs, passed, heapMB }
}

/** What the page's scripts hold, in megabytes. */
async function heapOf(page: Page): Promise<number> {
  const session = await page.context().newCDPSession(page)
  await session.send('HeapProfiler.collectGarbage')
  const { usedSize } = await session.send('Runtime.getHeapUsage')
  return usedSize / 2 ** 20
}

/** Request units and requests to the database a minute. */
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

try {
  await opened()
  const times = []
  for (let time = 0; time < OPENED; time += 1) times.push(await opened())
  const events = await scrolledEvents()
  const documents = await scrolledDocuments()
  const closed = await databaseCost()
  const page = await rig.open('')
  await page.getByText(`${names.length} services of ${names.length} answer`).waitFor()
  let asked = 0
  page.on('request', () => {
    asked += 1
  })
  const open = await databaseCost()
  const results = {
    firstPaintMs: median(times.map(({ paint }) => paint)),
    mapReadyMs: median(times.map(({ ready }) => ready)),
    events,
    documents,
    requestsPerMinute: asked / (MEASURE_MS / 60_000),
    database: { mapClosed: closed, mapOpen: open },
  }
  const line = (what: string, value: string): void => console.log(`${what.padEnd(44)} ${value}`)
  line('first paint', `${results.firstPaintMs.toFixed(0)} ms`)
  line('map shown with the status of all services', `${results.mapReadyMs.toFixed(0)} ms`)
  const told = ({ frames, dropped, longestMs }: Frames): string =>
    `${frames}, ${dropped} dropped, the longest ${longestMs.toFixed(0)} ms`
  line(`frames while ${ROWS} events pass in ${SCROLL_MS / 1000} s`, told(events))
  line(
    `frames while ${ROWS} documents are fetched`,
    `${told(documents.fetched)}; ${(documents.fetchedMs / 1000).toFixed(0)} s`,
  )
  line(`frames while they pass in ${SCROLL_MS / 1000} s`, told(documents.passed))
  line(
    'heap before the documents, and after',
    `${documents.heapMB.before.toFixed(1)} and ${documents.heapMB.after.toFixed(1)} MB`,
  )
  line('requests a minute of the open map', results.requestsPerMinute.toFixed(0))
  line('database, map closed', `${closed.requests.toFixed(0)} requests, ${closed.units.toFixed(0)} RU a minute`)
  line('database, map open', `${open.requests.toFixed(0)} requests, ${open.units.toFixed(0)} RU a minute`)
  mkdirSync('bench/results', { recursive: true })
  writeFileSync('bench/results/console.json', `${JSON.stringify(results, null, 2)}\n`)
  console.log('\nbench/results/console.json')
} finally {
  await rig.stop()
  rmSync(folder, { recursive: true, force: true })
}
