import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import type { Page } from 'playwright-core'
import { FAST_RECOVERY } from '../../packages/kit/fast-recovery.ts'
import { ConsoleHarness } from '../../test/support/console.ts'
import { Shop } from '../cost/shop.ts'
import { cpuSeconds } from '../support/cpu.ts'

/** The number of concurrent orders. */
const CONCURRENCY = 16
/** The number of the map's polls in each period. */
const POLLS = 2
const ROUNDS_RECORDED = 3
/** Longer than the answers of one round take, and shorter than the pause between two rounds. */
const BETWEEN_ROUNDS_MS = 2_000
/** The measurement ends once the interval of the ratio is this narrow. */
const NARROW = 0.03
const RESAMPLES = 2_000

export interface Throughput {
  readonly pairs: number
  readonly ordersPerSecond: { readonly closed: number; readonly open: number }
  /** The ratio of open to closed, pair by pair: the median, and the interval of 95 of 100 resampled medians. */
  readonly ratio: { readonly median: number; readonly from: number; readonly to: number }
  readonly requestsPerMinute: number
  /** A real page's share of a core with the map open, which the measurement leaves out. */
  readonly browserShare: number
}

/**
 * Measures completed orders with the map closed and open in turns, in one system under one constant load.
 *
 * A script repeats the map's requests as recorded from the page. A browser would take processor time from the
 * services on this machine, which it does not if they run elsewhere. Its share is measured separately.
 */
export async function throughput(
  services: readonly string[],
  { least, most }: { readonly least: number; readonly most: number },
): Promise<Throughput> {
  const harness = await ConsoleHarness.start(services, async (system, front) => {
    const host = await system.startHost({ preload: { env: FAST_RECOVERY } })
    for (const name of services) front.serve(name, host.address)
  })
  try {
    const { urls, everyMs } = await recorded(harness)
    const shop = new Shop(harness.system)
    await shop.stockUp()
    const load = new Load(shop)
    const stretch = POLLS * everyMs
    await delay(2 * stretch)
    const browserShare = await shareOfBrowser(harness, stretch)
    const pairs: { closed: number; open: number }[] = []
    let ratio = { median: Number.NaN, from: 0, to: Number.POSITIVE_INFINITY }
    while (pairs.length < least || (pairs.length < most && ratio.to - ratio.from > NARROW)) {
      const opensFirst = pairs.length % 2 === 1
      const before = opensFirst ? await withMap(urls, everyMs, load) : await load.during(delay(stretch))
      const after = opensFirst ? await load.during(delay(stretch)) : await withMap(urls, everyMs, load)
      pairs.push(opensFirst ? { closed: after, open: before } : { closed: before, open: after })
      ratio = computeInterval(pairs.map(({ closed, open }) => open / closed))
      const { median, from, to } = ratio
      process.stderr.write(`pair ${pairs.length}: ${median.toFixed(3)} (${from.toFixed(3)} to ${to.toFixed(3)})\n`)
    }
    await load.end()
    const ordersPerSecond = {
      closed: computeMedian(pairs.map(({ closed }) => closed)),
      open: computeMedian(pairs.map(({ open }) => open)),
    }
    const requestsPerMinute = (urls.length * 60_000) / everyMs
    return { pairs: pairs.length, ordersPerSecond, ratio, requestsPerMinute, browserShare }
  } finally {
    await harness.stop()
  }
}

/** Waits until the map shows the status of all services. */
function mapShown(page: Page): Promise<void> {
  return page.locator('.note-ok, .note-warn').first().waitFor()
}

/** The requests of the open map in each round of its polls, and the interval. */
async function recorded(
  harness: ConsoleHarness,
): Promise<{ readonly urls: readonly string[]; readonly everyMs: number }> {
  const page = await harness.open('')
  await mapShown(page)
  const rounds: { at: number; urls: string[] }[] = []
  let last = 0
  page.on('request', (request) => {
    const at = performance.now()
    if (at - last > BETWEEN_ROUNDS_MS) rounds.push({ at, urls: [] })
    last = at
    rounds.at(-1)?.urls.push(request.url())
  })
  while (rounds.length <= ROUNDS_RECORDED) await delay(100)
  const whole = rounds.slice(0, ROUNDS_RECORDED)
  await harness.closePage()
  const [first] = whole
  const isSame = whole.every(({ urls }) => urls.toSorted().join() === first?.urls.toSorted().join())
  if (first === undefined || !isSame) throw new Error(`rounds of the map differ: ${JSON.stringify(whole)}`)
  const gaps = whole.map(({ at }, index) => (rounds[index + 1]?.at ?? Number.NaN) - at)
  return { urls: first.urls, everyMs: computeMedian(gaps) }
}

/** @returns orders per second while a script repeats the map's requests. */
function withMap(urls: readonly string[], everyMs: number, load: Load): Promise<number> {
  const polls = async (): Promise<void> => {
    for (let poll = 0; poll < POLLS; poll += 1) {
      const pause = delay(everyMs)
      const answers = await Promise.all(urls.map(async (url) => (await fetch(url)).status))
      if (answers.some((status) => status !== 200)) throw new Error(`the map got the statuses ${answers.join(', ')}`)
      await pause
    }
  }
  return load.during(polls())
}

/** Places and completes orders without a pause. */
class Load {
  readonly #workers: readonly Promise<void>[]
  #done = 0
  #isOver = false

  constructor(shop: Shop) {
    const worker = async (): Promise<void> => {
      while (!this.#isOver) {
        await shop.order()
        this.#done += 1
      }
    }
    this.#workers = Array.from({ length: CONCURRENCY }, worker)
  }

  /** @returns the completed orders per second. */
  async during(task: Promise<void>): Promise<number> {
    const [done, began] = [this.#done, performance.now()]
    await Promise.race([task, ...this.#workers])
    return ((this.#done - done) / (performance.now() - began)) * 1000
  }

  async end(): Promise<void> {
    this.#isOver = true
    await Promise.all(this.#workers)
  }
}

/** The browser's share of a core with the map open, while the services are under load. */
async function shareOfBrowser(harness: ConsoleHarness, ms: number): Promise<number> {
  const page = await harness.open('')
  // With animations, as most users see it.
  await page.emulateMedia({ reducedMotion: 'no-preference' })
  await mapShown(page)
  const before = browserSeconds()
  await delay(ms)
  const used = browserSeconds() - before
  await harness.closePage()
  return (used * 1000) / ms
}

/** The processor time of all browser processes that this process started (Linux). */
function browserSeconds(): number {
  const parents = new Map<number, { parent: number; name: string }>()
  for (const entry of readdirSync('/proc').filter((each) => /^\d+$/.test(each))) {
    try {
      const [, name = '', parent] = /\((.*)\) \S (\d+)/.exec(readFileSync(`/proc/${entry}/stat`, 'utf8')) ?? []
      parents.set(Number(entry), { parent: Number(parent), name })
    } catch {
      // The process has ended meanwhile.
    }
  }
  const isOurs = (pid: number): boolean => {
    const parent = parents.get(pid)?.parent
    return parent !== undefined && (parent === process.pid || isOurs(parent))
  }
  const pids = [...parents].filter(([pid, { name }]) => /chrom/i.test(name) && isOurs(pid)).map(([pid]) => pid)
  return pids.reduce((sum, pid) => sum + (cpuSeconds(pid) ?? 0), 0)
}

function computeMedian(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b)
  const middle = sorted.length >> 1
  const [low = Number.NaN, high = Number.NaN] = [sorted[sorted.length % 2 === 1 ? middle : middle - 1], sorted[middle]]
  return (low + high) / 2
}

/** The median, and the interval of 95 of 100 resampled medians (bootstrap). */
function computeInterval(values: readonly number[]): Throughput['ratio'] {
  const medians = Array.from({ length: RESAMPLES }, () =>
    computeMedian(values.map(() => values[Math.floor(Math.random() * values.length)] ?? Number.NaN)),
  ).sort((a, b) => a - b)
  const at = (part: number): number => medians[Math.floor(part * (RESAMPLES - 1))] ?? Number.NaN
  return { median: computeMedian(values), from: at(0.025), to: at(0.975) }
}
