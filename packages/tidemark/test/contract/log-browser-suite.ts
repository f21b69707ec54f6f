import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { RecordedCommit } from '../../core/commit.ts'
import type { RecordedEvent } from '../../core/event.ts'
import { EMPTY_STREAM } from '../../core/hash-chain.ts'
import type { CommitPage, EventStore, LogBrowser } from '../../core/ports.ts'
import { placedV1 } from '../domain/orders.ts'
import { receipt } from '../support/commits.ts'
import { recordedTogether } from '../support/recorded.ts'
import { append } from './event-feed-suite.ts'

const confirmed = { type: 'OrderConfirmed', data: { orderId: '1' } }
const MORE_THAN_A_PAGE = 7

const formatPlaces = (commits: readonly RecordedCommit[]): string[] =>
  commits.map(({ stream, to }) => `${stream}@${to}`)

/** All pages, from the first. */
async function everyPage(ask: (continuation?: string) => Promise<CommitPage>): Promise<RecordedCommit[]> {
  const all: RecordedCommit[] = []
  for (let page = await ask(); ; page = await ask(page.continuation)) {
    all.push(...page.commits)
    if (page.continuation === undefined) return all
  }
}

/** The contract of every log browser. @param create an empty log, and its browser. */
export function logBrowserSuite(name: string, create: () => Promise<{ log: EventStore; browser: LogBrowser }>): void {
  /**
   * A log of `orders` orders, each placed and confirmed in a commit of its own, with a receipt and streams of
   * another category.
   */
  async function filled(orders = MORE_THAN_A_PAGE) {
    const { log, browser } = await create()
    const streams = Array.from({ length: orders }, (_, index) =>
      recordedTogether(`order-${index}`, placedV1, confirmed).map((event) => event),
    )
    for (const [placed] of streams) if (placed) await append(log, [placed])
    for (const [placed, second] of streams) if (placed && second) await append(log, [second], [placed])
    await append(log, recordedTogether('orders-1', placedV1))
    await log.append(EMPTY_STREAM, [receipt('order-0', 'nothing', 2)])
    return { log, browser, streams }
  }

  describe(`log browser: ${name}`, () => {
    it('shows nothing of an empty log', async () => {
      const { browser } = await create()
      assert.deepEqual(await browser.newest({}, 10), { commits: [] })
      assert.deepEqual(await browser.streams('', 10), [])
      assert.deepEqual(await browser.correlated('c', 10), { commits: [] })
      assert.deepEqual((await browser.since(await browser.end(), 10)).commits, [])
    })

    it('shows the newest commits by page, complete during appends and without receipts', async () => {
      const { log, browser } = await filled()
      let pages = 0
      const found = await everyPage(async (continuation) => {
        pages += 1
        const page = await browser.newest({}, 4, continuation)
        await append(log, recordedTogether(`order-later${pages}`, placedV1))
        return page
      })
      const asked = formatPlaces(found).filter((place) => !place.startsWith('order-later'))
      const expected = Array.from({ length: MORE_THAN_A_PAGE }, (_, index) => [`order-${index}@1`, `order-${index}@2`])
      assert.deepEqual([...new Set(asked)].sort(), [...expected.flat(), 'orders-1@1'].sort())
      assert.ok(pages > 3)
    })

    it('filters by category and by event type', async () => {
      const { browser } = await filled(2)
      const newest = async (filter: object) => formatPlaces((await browser.newest(filter, 100)).commits).toSorted()
      assert.deepEqual(await newest({ category: 'orders' }), ['orders-1@1'])
      assert.deepEqual(await newest({ category: 'order', type: 'OrderConfirmed' }), ['order-0@2', 'order-1@2'])
      assert.deepEqual(await newest({ type: 'OrderConfirmed' }), ['order-0@2', 'order-1@2'])
      assert.deepEqual(await newest({ category: 'none' }), [])
    })

    it('finds streams by prefix, each once, in the order of their names', async () => {
      const { browser } = await filled()
      assert.deepEqual(await browser.streams('order', 3), ['order-0', 'order-1', 'order-2'])
      assert.deepEqual(await browser.streams('order', 3, 'order-2'), ['order-3', 'order-4', 'order-5'])
      assert.deepEqual(await browser.streams('order', 100, 'order-5'), ['order-6', 'orders-1'])
      assert.deepEqual(await browser.streams('order-6', 100), ['order-6'])
      assert.deepEqual(await browser.streams('%', 100), [])
    })

    it('finds everything with a correlation id, in every stream, by page', async () => {
      const { log, browser } = await create()
      const withCorrelation = (events: readonly RecordedEvent[], correlation: string) =>
        events.map((event) => ({ ...event, correlation }))
      for (let index = 0; index < MORE_THAN_A_PAGE; index += 1)
        for (const correlation of ['mine', 'other'])
          await append(log, withCorrelation(recordedTogether(`order-${correlation}${index}`, placedV1), correlation))
      const found = await everyPage((continuation) => browser.correlated('mine', 3, continuation))
      const expected = Array.from({ length: MORE_THAN_A_PAGE }, (_, index) => `order-mine${index}@1`)
      assert.deepEqual(formatPlaces(found).toSorted(), expected)
      assert.deepEqual(await browser.correlated('none', 3), { commits: [] })
    })

    it('shows new commits once, each stream in order, and the same again for the same continuation', async () => {
      const { log, browser } = await filled(1)
      const end = await browser.end()
      const first = recordedTogether('order-a', placedV1, confirmed)
      const [placed] = first
      assert.ok(placed)
      await append(log, [placed])
      await append(log, first.slice(1), [placed])
      await append(log, recordedTogether('order-b', placedV1))
      const round = async (from: string) => {
        const places: string[] = []
        for (let page = await browser.since(from, 2); ; page = await browser.since(page.continuation, 2)) {
          places.push(...formatPlaces(page.commits))
          if (page.commits.length === 0) return { places, continuation: page.continuation }
        }
      }
      const { places, continuation } = await round(end)
      assert.deepEqual(places.toSorted(), ['order-a@1', 'order-a@2', 'order-b@1'])
      assert.ok(places.indexOf('order-a@1') < places.indexOf('order-a@2'))
      assert.deepEqual((await round(end)).places, places)
      await append(log, recordedTogether('order-c', placedV1))
      assert.deepEqual((await round(continuation)).places, ['order-c@1'])
    })

    it('refuses a continuation that it never returned', async () => {
      const { browser } = await filled(1)
      for (const made of ['x', Buffer.from('{}').toString('base64url'), Buffer.from('"x"').toString('base64url')]) {
        await assert.rejects(browser.newest({}, 1, made), { code: 'invalid-query' })
        await assert.rejects(browser.correlated('c', 1, made), { code: 'invalid-query' })
        await assert.rejects(browser.since(made, 1), { code: 'invalid-query' })
      }
    })
  })
}
