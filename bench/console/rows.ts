import type { Page } from 'playwright-core'
import type { ConsoleHarness } from '../../test/support/console.ts'

/**
 * Measures the scrolling of the console's lists. The requests are answered here, so that only the browser is
 * measured.
 */

export const ROWS = 100_000
export const SCROLL_MS = 5_000
/** The duration of a frame at 60 per second. A longer one drops frames. */
const FRAME_MS = 1000 / 60

/** Answers requests for a stream of many events. */
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

/** Answers requests for a view of many documents. The continuation is the number of the next one. */
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

export interface Frames {
  readonly frames: number
  readonly dropped: number
  readonly longestMs: number
}

/**
 * The frame times of a list while it is scrolled.
 * @param place a script for the position, given `list` and the milliseconds `passed`; undefined ends at the bottom.
 */
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
      list.scrollTop = top ?? list.scrollHeight
      if (top === undefined) resolve(frames.slice(1))
      else requestAnimationFrame(step)
    }
    requestAnimationFrame(step)
  })`)) as number[]
  const dropped = frames.reduce((sum, ms) => sum + Math.max(0, Math.round(ms / FRAME_MS) - 1), 0)
  return { frames: frames.length, dropped, longestMs: Math.max(...frames) }
}

/** Scrolls past all rows, some in each frame. */
const PASS = `passed < ${SCROLL_MS} ? (list.scrollHeight * passed) / ${SCROLL_MS} : undefined`
/** Scrolls to the end repeatedly until no more rows come. */
const TO_THE_END =
  "document.querySelector('main [role=status]').textContent.includes('more') " + '? list.scrollHeight : undefined'

export async function scrolledEvents(harness: ConsoleHarness): Promise<Frames> {
  const page = await harness.open('live')
  await answerEvents(page)
  await page.goto(`${harness.front.address}/#/stream/inventory/stock-many`)
  await page
    .getByRole('group', { name: /^Events; / })
    .getByText('StockReceived')
    .first()
    .waitFor()
  const frames = await framesWhile(page, PASS)
  await harness.closePage()
  return frames
}

export async function scrolledDocuments(harness: ConsoleHarness) {
  const page = await harness.open('live')
  await answerDocuments(page)
  await page.goto(`${harness.front.address}/#/views/ordering/order`)
  await page.getByRole('button', { name: /^order-0 / }).waitFor()
  const before = await measureHeap(page)
  const began = performance.now()
  const fetched = await framesWhile(page, TO_THE_END)
  const fetchedMs = performance.now() - began
  await page.getByText(`${ROWS.toLocaleString('en-GB')} documents`, { exact: true }).waitFor()
  const passed = await framesWhile(page, PASS)
  await page.getByRole('button', { name: new RegExp(`^order-${ROWS - 1} `) }).waitFor()
  const heapMB = { before, after: await measureHeap(page) }
  await harness.closePage()
  return { fetched, fetchedMs, passed, heapMB }
}

/** The heap of the page's scripts, in megabytes. */
async function measureHeap(page: Page): Promise<number> {
  const session = await page.context().newCDPSession(page)
  await session.send('HeapProfiler.collectGarbage')
  const { usedSize } = await session.send('Runtime.getHeapUsage')
  return usedSize / 2 ** 20
}
