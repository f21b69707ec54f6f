import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { RecordedEvent } from '../../core/event.ts'
import type { AnyView } from '../../core/view.ts'
import { documentEvents } from '../../runtime/document-events.ts'
import { pagedLog } from '../../runtime/paged-history.ts'
import { orderEvents, orderView, salesByProduct } from '../domain/orders.ts'
import { everything, RebuildHarness } from '../support/rebuild-harness.ts'

const toPosition = ({ stream, version }: RecordedEvent): string => `${stream}@${version}`

async function all(
  harness: RebuildHarness,
  view: AnyView,
  query: { readonly key: string; readonly limit: number },
  isDiscarded = (_: string, __: number) => false,
) {
  const deps = {
    log: harness.log,
    history: pagedLog(harness.log),
    eventTypes: orderEvents,
    clock: harness.clock,
    readDiscards: async () => isDiscarded,
  }
  const found: string[] = []
  for (let continuation: string | undefined, pages = 0; ; pages += 1) {
    assert.ok(pages < 100)
    const page = await documentEvents(deps, view, { ...query, ...(continuation ? { continuation } : {}) })
    assert.ok(page.items.length <= query.limit)
    found.push(...page.items.map(toPosition))
    if (page.continuation === undefined) return found
    continuation = page.continuation
  }
}

describe('the events behind a document', () => {
  for (const limit of [1, 2, 3, 100])
    it(`are those of its stream for a single-stream view, by ${limit}`, async () => {
      const harness = await RebuildHarness.with(...everything)
      const its = everything.filter(({ stream }) => stream === 'order-3').map(toPosition)
      assert.deepEqual(await all(harness, orderView, { key: 'order-3', limit }), its)
      assert.deepEqual(await all(harness, orderView, { key: 'order-99', limit }), [])
    })

  for (const limit of [1, 2, 3, 100])
    it(`are those that the view maps to it for a multi-stream view, each once, by ${limit}`, async () => {
      const harness = await RebuildHarness.with(...everything)
      const types = new Set(salesByProduct.events?.map(({ name }) => name))
      const its = everything.filter(({ type }) => types.size === 0 || types.has(type)).map(toPosition)
      const found = await all(harness, salesByProduct, { key: 'tea', limit })
      assert.ok(found.length > 0 && found.length <= its.length)
      assert.deepEqual(
        found,
        its.filter((position) => found.includes(position)),
      )
      assert.deepEqual(await all(harness, salesByProduct, { key: 'nothing', limit }), [])
    })

  it('exclude those that were discarded for the view', async () => {
    const harness = await RebuildHarness.with(...everything)
    for (const [view, key] of [
      [orderView, 'order-1'],
      [salesByProduct, 'tea'],
    ] as const) {
      const query = { key, limit: 100 }
      const found = await all(harness, view, query)
      const [first] = found
      const left = await all(harness, view, query, (stream, version) => `${stream}@${version}` === first)
      assert.deepEqual(left, found.slice(1))
    }
  })

  it('refuse a continuation that no page returned', async () => {
    const harness = await RebuildHarness.with(...everything)
    const deps = {
      log: harness.log,
      history: pagedLog(harness.log),
      eventTypes: orderEvents,
      clock: harness.clock,
      readDiscards: async () => () => false,
    }
    for (const view of [orderView, salesByProduct])
      for (const continuation of ['x', Buffer.from('{"skip":-1,"after":-1}').toString('base64url')])
        await assert.rejects(documentEvents(deps, view, { key: 'tea', limit: 1, continuation }), {
          code: 'invalid-query',
        })
  })
})
