import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { until } from '../../packages/test-support/wait.ts'
import { Replays } from '../support/replays.ts'
import { System } from '../support/system.ts'

/** Customers and readers come often, but leave enough time to the rest of the machine. */
const pause = (): Promise<void> => delay(40)

/** Runs `task` under load. A document that a reader has seen must not disappear or go backwards. */
async function underLoad(
  { client }: System,
  replays: Replays,
  run: string,
  happen: () => Promise<void>,
): Promise<void> {
  let over = false
  let looks = 0
  const versions = new Map<string, number>()
  const products = new Set<string>()
  const customers = async (): Promise<void> => {
    for (let round = 0; !over; round += 1, await pause()) await replays.customers(2, `${run}:${round}`)
  }
  const readOrders = async (): Promise<void> => {
    for (; !over; await pause()) {
      const { body } = await client.get('/orders?limit=100')
      for (const { orderId } of body.items) versions.set(orderId, versions.get(orderId) ?? 0)
      for (const [id, seen] of versions) {
        if (over) return
        const { status, headers } = await client.get(`/orders/${id}`)
        const version = Number(headers.get('etag')?.slice(1, -1))
        assert.equal(status, 200, `order ${id} is gone`)
        assert.ok(version >= seen, `order ${id} went from ${seen} to ${version}`)
        versions.set(id, version)
        looks += 1
        await pause()
      }
    }
  }
  const readProducts = async (): Promise<void> => {
    for (; !over; await pause()) {
      const { body } = await client.get('/sales-by-product?limit=100')
      const shown = new Set<string>(body.items.map(({ sku }: { sku: string }) => sku))
      for (const sku of products) assert.ok(shown.has(sku), `${sku} is gone`)
      for (const sku of shown) products.add(sku)
      looks += 1
    }
  }
  const all = Promise.all([customers(), readOrders(), readProducts()])
  try {
    await Promise.race([happen().then(() => until('fifty looks', () => looks > 50)), all])
  } finally {
    over = true
    await all
  }
  assert.ok(looks > 50 && versions.size > 0 && products.size > 0, `${looks} looks`)
}

describe('a view under load', () => {
  let system: System
  let replays: Replays
  before(async () => {
    system = await System.start({ services: ['ordering'] })
    replays = new Replays(system)
    await replays.customers(60, 'before')
  })
  after(() => system.remove())

  for (const view of ['order', 'sales-by-product'])
    it(`${view} is rebuilt, rolled back and promoted again without a loss to readers, and equals the log`, async () => {
      await underLoad(system, replays, `replay-${view}`, async () => {
        const { code, output } = await replays.command('ordering', view).ended
        assert.equal(code, 0, output)
        const [, events] = /^read +(\d+) events of \d+ streams/m.exec(output) ?? []
        assert.ok(Number(events) > 0, output)
        assert.match(output, /^live +generation 2; --back rolls back to 1$/m)
      })
      assert.partialDeepStrictEqual(await replays.pointer(view), { live: 2, previous: { generation: 1 } })
      assert.deepEqual(await replays.generations(view), [1, 2])
      await replays.assertEqualToLog()
      for (const target of [1, 2]) {
        await underLoad(system, replays, `back-${view}-${target}`, async () => {
          const { code, output } = await replays.command('ordering', view, '--back').ended
          assert.equal(code, 0, output)
        })
        const { live, written } = await replays.pointer(view)
        assert.deepEqual([live, written], [target, undefined])
        await replays.assertEqualToLog()
      }
    })
})
