import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import type { RecordedCommit } from '../../core/commit.ts'
import type { RecordedEvent } from '../../core/event.ts'
import type { DocumentAt, DocumentAtQuery } from '../../core/operations.ts'
import type { EventFeedReader } from '../../core/ports.ts'
import type { AnyView } from '../../core/view.ts'
import { documentAt } from '../../runtime/document-at.ts'
import { pagedLog } from '../../runtime/paged-history.ts'
import { readLog } from '../../runtime/read-log.ts'
import { viewAt } from '../../runtime/view-at.ts'
import { address, orderEvents, orderView, salesByProduct } from '../domain/orders.ts'
import { everything, RebuildHarness } from '../support/rebuild-harness.ts'
import { recorded } from '../support/recorded.ts'

/** A clock by which every part ends after its first page. */
function steppingClock(): { elapsed(): number } {
  let milliseconds = 0
  return {
    elapsed() {
      milliseconds += 60_000
      return milliseconds
    },
  }
}

function reading(harness: RebuildHarness, isDiscarded = (_: string, __: number) => false) {
  const { log } = harness
  const readDiscards = async ({ name }: { readonly name: string }) => (name === 'unknown' ? () => false : isDiscarded)
  return { log, history: pagedLog(log), eventTypes: orderEvents, clock: steppingClock(), readDiscards }
}

/** All parts of the way to a document. */
async function whole(harness: RebuildHarness, view: AnyView, query: DocumentAtQuery, isDiscarded = () => false) {
  const deps = reading(harness, isDiscarded)
  let part: DocumentAt = await documentAt(deps, view, query)
  let parts = 1
  for (; part.continuation !== undefined; parts += 1) {
    assert.ok(parts < 100)
    assert.deepEqual(part.items, [], 'a document before the last part')
    part = await documentAt(deps, view, { ...query, continuation: part.continuation })
  }
  return { found: part.items[0], events: part.events, parts }
}

async function readLive(harness: RebuildHarness, view: AnyView, key: string): Promise<unknown> {
  return (await (await harness.views.live(view.name)).read(key))?.document
}

const line = fc.record({
  sku: fc.constantFrom('tea', 'cup', 'rum'),
  quantity: fc.integer({ min: 1, max: 9 }),
  unitPrice: fc.nat({ max: 99 }),
})
const total = fc.record({ currency: fc.constantFrom('EUR', 'USD'), amount: fc.nat() })
const basket = fc.uniqueArray(line, { selector: ({ sku }) => sku, minLength: 1 })
const story = fc.record({
  lines: basket,
  total,
  later: fc.array(fc.constantFrom('ShippingAddressChanged', 'OrderConfirmed', 'OrderCancelled'), { maxLength: 3 }),
})
/** The events of some orders, in an order in which they could have been appended. */
const history = fc
  .tuple(fc.array(story, { minLength: 1, maxLength: 5 }), fc.array(fc.nat(), { minLength: 20, maxLength: 20 }))
  .map(([stories, picks]) => {
    const left = stories.map(({ lines, total, later }, index) => {
      const orderId = `${index}`
      const shippingAddress = { ...address, city: `city ${index}` }
      const data = { orderId, customerId: 'c', lines, total, shippingAddress, reason: 'late' }
      return recorded(`order-${index}`, ...['OrderPlaced', ...later].map((type) => ({ type, data })))
    })
    const events: RecordedEvent[] = []
    for (let at = 0; left.some((its) => its.length > 0); at += 1) {
      const open = left.filter((its) => its.length > 0)
      const next = open[(picks[at % picks.length] ?? 0) % open.length]?.shift()
      if (next) events.push(next)
    }
    return events
  })

describe('a document as of a moment', () => {
  it('equals the live one as of its newest event, and a projection of the prefix as of every other', async (t) => {
    let compared = 0
    await fc.assert(
      fc.asyncProperty(history, async (events) => {
        const harness = await RebuildHarness.with(...events)
        const streams = [...new Set(events.map(({ stream }) => stream))]
        const keys = [
          ...streams.map((key) => [orderView, key] as const),
          ...SKUS.map((key) => [salesByProduct, key] as const),
        ]
        const check = async (prefix: RebuildHarness, view: AnyView, query: DocumentAtQuery): Promise<void> => {
          const { found } = await whole(harness, view, query)
          assert.deepEqual(found?.document, await readLive(prefix, view, query.key))
          compared += 1
        }
        for (const [view, key] of keys) await check(harness, view, { key })
        for (const { stream, version } of events) {
          const prefix = await RebuildHarness.with(
            ...events.filter((each) => each.stream === stream && each.version <= version),
          )
          await check(prefix, orderView, { key: stream, version })
          assert.equal((await whole(harness, orderView, { key: stream, version })).found?.version, version)
        }
        for (const at of new Set(events.map(({ time }) => time))) {
          const prefix = await RebuildHarness.with(...events.filter(({ time }) => time <= at))
          for (const [view, key] of keys) await check(prefix, view, { key, at })
        }
      }),
      { numRuns: 12 },
    )
    t.diagnostic(`${compared} documents compared`)
    assert.ok(compared > 100)
  })

  it('is read in parts, and comes with the last one alone', async () => {
    const harness = await RebuildHarness.with(...everything)
    const { found, events, parts } = await whole(harness, salesByProduct, { key: 'tea' })
    assert.ok(parts > 2, `${parts} parts`)
    assert.ok(found && events > 4)
  })

  it('is missing before its first event, and if no event asks for it', async () => {
    const harness = await RebuildHarness.with(...everything)
    for (const [view, key] of [
      [orderView, 'order-1'],
      [salesByProduct, 'tea'],
    ] as const) {
      assert.deepEqual((await whole(harness, view, { key, at: '2025-12-31T23:59:59Z' })).found, undefined)
      assert.deepEqual((await whole(harness, view, { key: `${key}9` })).found, undefined)
    }
  })

  it('leaves out events that were discarded for the view', async () => {
    const harness = await RebuildHarness.with(...everything)
    const all = await whole(harness, orderView, { key: 'order-1' })
    const left = await whole(
      harness,
      orderView,
      { key: 'order-1' },
      ((_: string, version: number) => version === 3) as never,
    )
    assert.deepEqual([all.events, left.events], [3, 2])
    assert.notDeepEqual(left.found?.document, all.found?.document)
  })

  it('ends with the event and the view whose code throws on it, or does not know it', async () => {
    const harness = await RebuildHarness.with(...everything)
    const deps = reading(harness)
    const throwing: typeof orderView = {
      ...orderView,
      evolve: (document, event) => {
        if (event.version === 2) throw new RangeError('no such city')
        return orderView.evolve(document, event)
      },
    }
    await assert.rejects(documentAt(deps, throwing, { key: 'order-1' }), {
      code: 'handler-failed',
      message: /^the view order cannot apply order-1@2 \(ShippingAddressChanged\): .*no such city/,
    })
    assert.ok(await documentAt(deps, throwing, { key: 'order-1', version: 1 }))
    const keyless: AnyView = { ...salesByProduct, documentKeys: () => ['a/b'] }
    await assert.rejects(whole(harness, keyless, { key: 'tea' }), {
      code: 'handler-failed',
      message: /^the view sales-by-product cannot apply order-1@1 \(OrderPlaced\): /,
    })
    const older = { ...deps, eventTypes: [] }
    for (const view of [orderView, salesByProduct])
      await assert.rejects(documentAt(older, view, { key: 'order-1' }), { code: 'event-unknown', message: /order-1@1/ })
  })

  it('is refused if a version of its stream is missing', async () => {
    const harness = await RebuildHarness.with(...everything)
    const torn = everything.filter(({ stream, version }) => stream === 'order-3' && version !== 2)
    const log = { readRange: async (_: string, { after = 0 }) => torn.filter(({ version }) => version > after) }
    const at = documentAt({ ...reading(harness), log }, orderView, { key: 'order-3' })
    await assert.rejects(at, { code: 'chain-broken', message: 'order-3@3 does not follow version 1' })
  })

  it('refuses an impossible point and a continuation that no part returned', async () => {
    const harness = await RebuildHarness.with(...everything)
    for (const [view, query, code] of [
      [orderView, { version: 99 }, 'version-not-found'],
      [orderView, { version: 1, at: '2026-01-01T00:00:00Z' }, 'invalid-query'],
      [salesByProduct, { version: 1 }, 'invalid-query'],
      [orderView, { at: 'yesterday' }, 'invalid-time'],
      [orderView, { continuation: 'x' }, 'invalid-query'],
      [
        salesByProduct,
        { continuation: Buffer.from('{"version":-1,"events":0}').toString('base64url') },
        'invalid-query',
      ],
    ] as const) {
      const at = async () => whole(harness, view, { key: 'order-1', ...query })
      await assert.rejects(at, { code }, JSON.stringify(query))
    }
  })
})

describe('a whole view as of a moment', () => {
  const query = { at: '2027-01-01T00:00:00Z', limit: 100, maxEvents: 1_000 }
  const reads = (harness: RebuildHarness, isDiscarded?: (_: string, version: number) => boolean) => ({
    ...reading(harness, isDiscarded),
    service: 'ordering',
  })

  it('has every document as it is found alone, before and after every event', async (t) => {
    let compared = 0
    const harness = await RebuildHarness.with(...everything)
    const times = ['2025-01-01T00:00:00.000Z', ...new Set(everything.map(({ time }) => time)), query.at]
    for (const view of [orderView, salesByProduct] as const)
      for (const at of times) {
        const { items } = await viewAt(reads(harness), view, { ...query, at })
        const prefix = await RebuildHarness.with(...everything.filter(({ time }) => time <= at))
        const live = await (await prefix.views.live(view.name)).list({ filter: {}, limit: 100 })
        assert.deepEqual(
          items.map(({ key, document, version }) => ({ key, document, ...(version ? { version } : {}) })),
          live.map(({ place: _, ...document }) => document).toSorted((a, b) => (a.key < b.key ? -1 : 1)),
        )
        compared += items.length
      }
    t.diagnostic(`${compared} documents compared`)
    assert.ok(compared > 10)
  })

  it('comes in pages by key, each document once', async () => {
    const harness = await RebuildHarness.with(...everything)
    const keys: string[] = []
    let continuation: string | undefined
    do {
      const page = await viewAt(reads(harness), orderView, {
        ...query,
        limit: 3,
        ...(continuation ? { continuation } : {}),
      })
      assert.ok(page.items.length > 0 && page.items.length <= 3)
      keys.push(...page.items.map(({ key }) => key))
      continuation = page.continuation
    } while (continuation)
    assert.deepEqual(keys, ['order-1', 'order-2', 'order-3', 'order-4'])
  })

  it('leaves out what was discarded, and counts a commit once that comes again', async () => {
    const harness = await RebuildHarness.with(...everything)
    const deps = reads(harness, (_, version) => version === 3)
    const whole = await viewAt(reads(harness), orderView, query)
    const twice = pagedLog({ count: () => harness.log.count(), open: () => repeating(harness) })
    assert.equal(
      (await viewAt(deps, orderView, query)).events,
      everything.filter(({ version }) => version !== 3).length,
    )
    assert.deepEqual(await viewAt({ ...reads(harness), history: twice }, orderView, query), whole)
  })

  it('is refused for a log with more events than it may read, and names the command that projects it', async () => {
    const harness = await RebuildHarness.with(...everything)
    const { length } = everything
    assert.ok(await viewAt(reads(harness), orderView, { ...query, maxEvents: length }))
    for (const maxEvents of [1, length - 1])
      await assert.rejects(viewAt(reads(harness), salesByProduct, { ...query, maxEvents }), {
        code: 'log-too-long',
        message: /: run tidemark views show ordering sales-by-product --at 2027-01-01T00:00:00Z$/,
      })
    // A commit may have more events than one.
    const counted = { ...reads(harness), history: { ...pagedLog(harness.log), count: async () => 1 } }
    await assert.rejects(viewAt(counted, orderView, { ...query, maxEvents: length - 1 }), { code: 'log-too-long' })
  })

  it('is refused with a wrong time, a foreign continuation, or a version that the log lacks', async () => {
    const harness = await RebuildHarness.with(...everything)
    const refused = (more: object, deps = reads(harness)) => viewAt(deps, orderView, { ...query, ...more })
    await assert.rejects(refused({ at: 'yesterday' }), { code: 'invalid-time' })
    await assert.rejects(refused({ continuation: 'x' }), { code: 'invalid-query' })
    await assert.rejects(refused({ continuation: Buffer.from('{"key":1}').toString('base64url') }), {
      code: 'invalid-query',
    })
    const torn = pagedLog({ count: () => harness.log.count(), open: () => repeating(harness, 'order-3') })
    await assert.rejects(refused({}, { ...reads(harness), history: torn }), {
      code: 'chain-broken',
      message: 'order-3@3 does not follow version 1',
    })
  })
})

/** A reader that shows every page twice, without version 2 of a stream. */
function repeating(harness: RebuildHarness, torn = ''): EventFeedReader {
  const reader = harness.log.open()
  let again: readonly RecordedCommit[] | undefined
  return {
    offset: undefined,
    async next() {
      const page = again ?? (await reader.next())
      again = again ? undefined : page
      return page?.map((commit) => ({
        ...commit,
        events: commit.events.filter(({ stream, version }) => stream !== torn || version !== 2),
      }))
    },
  }
}

describe('the log of a category', () => {
  it('is read from its first event to its end, each event once, and then on', async () => {
    const harness = await RebuildHarness.with(...everything)
    const deps = reading(harness, (stream, version) => stream === 'order-3' && version === 2)
    const found: string[] = []
    const discarded: string[] = []
    let continuation: string | undefined
    const read = async (): Promise<number> => {
      for (let parts = 1; ; parts += 1) {
        assert.ok(parts < 100)
        const query = { category: 'order', view: 'order', limit: 2, ...(continuation ? { continuation } : {}) }
        const part = await readLog(deps, query)
        assert.ok(part.items.length <= 2 && part.progress.done <= part.progress.total)
        found.push(...part.items.map(({ stream, version }) => `${stream}@${version}`))
        discarded.push(...part.discarded)
        continuation = part.continuation
        if (!part.more) return parts
      }
    }
    assert.ok((await read()) > 2)
    const names = everything.map(({ stream, version }) => `${stream}@${version}`)
    assert.deepEqual([found, discarded], [names, ['order-3@2']])
    const late = recorded('order-9', { type: 'OrderConfirmed', data: { orderId: '9' } })
    await harness.append(...late)
    await read()
    assert.deepEqual(found, [...names, 'order-9@1'])
  })

  it('comes in parts that an answer can carry, however large its events are', async () => {
    const data = { orderId: '1', text: 'x'.repeat(900_000) }
    const harness = new RebuildHarness()
    await harness.append(
      ...recorded('order-1', ...Array.from({ length: 25 }, () => ({ type: 'OrderConfirmed', data }))),
    )
    const deps = { ...reading(harness), clock: harness.clock }
    const first = await readLog(deps, { category: 'order', limit: 1000 })
    const { continuation } = first
    const rest = await readLog(deps, { category: 'order', limit: 1000, continuation })
    assert.ok(first.more && first.items.length < 25 && !rest.more)
    assert.deepEqual(
      [...first.items, ...rest.items].map(({ version }) => version),
      Array.from({ length: 25 }, (_, index) => index + 1),
    )
  })

  it('has nothing of other categories, and refuses a continuation that no part returned', async () => {
    const harness = await RebuildHarness.with(...everything)
    const other = await readLog(reading(harness), { category: 'basket', limit: 100 })
    assert.deepEqual([other.items, other.progress.total], [[], everything.length])
    for (const continuation of ['x', Buffer.from('{"skip":0,"done":-1,"total":1}').toString('base64url')])
      await assert.rejects(readLog(reading(harness), { category: 'order', limit: 1, continuation }), {
        code: 'invalid-query',
      })
  })
})

const SKUS = ['tea', 'cup', 'rum']
