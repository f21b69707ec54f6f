import { readdirSync, readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'
import type { Page } from 'playwright-core'
import { FAST_RECOVERY } from '../../packages/kit/fast-recovery.ts'
import { ConsoleHarness } from '../../test/support/console.ts'
import { Shop } from '../cost/shop.ts'
import { cpuSeconds } from '../support/cpu.ts'

/** Orders on their way at any time. */
const CONCURRENCY = 16
/** So many polls of the map are in each stretch. */
const POLLS = 2
const ROUNDS_RECORDED = 3
/** Longer than the answers of one round are apart, shorter than the pause between two. */
const BETWEEN_ROUNDS_MS = 2_000
/** When the interval of the ratio is so narrow, that is enough. */
const NARROW = 0.03
const RESAMPLES = 2_000

export interface Throughput {
  readonly pairs: number
  readonly ordersPerSecond: { readonly closed: number; readonly open: number }
  /** Open to closed, pair by pair: the median, and what 95 of 100 resamples of the pairs have as theirs. */
  readonly ratio: { readonly median: number; readonly from: number; readonly to: number }
  readonly requestsPerMinute: number
  /** Of a real page with the map open, in shares of a core: what is measured leaves it out. */
  readonly browserShare: number
}

/**
 * Orders from their placing to their completion, with the map closed and open in turns, in one system under one load
 * that never pauses.
 *
 * What the map asks is recorded from the page and asked by a script: the browser would take processor time
 * from the services on this machine, which it does not where they run elsewhere. Its share is measured by
 * itself.
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

/** Until the map says how all does. */
function mapShown(page: Page): Promise<void> {
  return page.locator('.note-ok, .note-warn').first().waitFor()
}

/** What the open map asks in each round of its polls, and how often. */
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

/** @returns orders a second while a script asks what the map does. */
function withMap(urls: readonly string[], everyMs: number, load: Load): Promise<number> {
  const polls = async (): Promise<void> => {
    for (let poll = 0; poll < POLLS; poll += 1) {
      const pause = delay(everyMs)
      const answers = await Promise.all(urls.map(async (url) => (await fetch(url)).status))
      if (answers.some((status) => status !== 200)) throw new Error(`the map was answered ${answers.join(', ')}`)
      await pause
    }
  }
  return load.during(polls())
}

/** Orders that are placed and completed without a pause. */
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

  /** @returns orders that were completed a second. */
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

/** What the browser uses of a core with the map open, while the services are under load. */
async function shareOfBrowser(harness: ConsoleHarness, ms: number): Promise<number> {
  const page = await harness.open('')
  // As most see it: what flows is animated.
  await page.emulateMedia({ reducedMotion: 'no-preference' })
  await mapShown(page)
  const before = browserSeconds()
  await delay(ms)
  const used = browserSeconds() - before
  await harness.closePage()
  return (used * 1000) / ms
}

/** Of all processes of the browser that this process has started (Linux). */
function browserSeconds(): number {
  const parents = new Map<number, { parent: number; name: string }>()
  for (const entry of readdirSync('/proc').filter((each) => /^\d+$/.test(each))) {
    try {
      const [, name = '', parent] = /\((.*)\) \S (\d+)/.exec(readFileSync(`/proc/${entry}/stat`, 'utf8')) ?? []
      parents.set(Number(entry), { parent: Number(parent), name })
    } catch {
      // It ended meanwhile.
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

/** The median, and where those of 95 of 100 resamples are (bootstrap). */
function computeInterval(values: readonly number[]): Throughput['ratio'] {
  const medians = Array.from({ length: RESAMPLES }, () =>
    computeMedian(values.map(() => values[Math.floor(Math.random() * values.length)] ?? Number.NaN)),
  ).sort((a, b) => a - b)
  const at = (part: number): number => medians[Math.floor(part * (RESAMPLES - 1))] ?? Number.NaN
  return { median: computeMedian(values), from: at(0.025), to: at(0.975) }
}
