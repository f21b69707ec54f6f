import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Container } from '@azure/cosmos'
import { checkViews } from '../../cli/demo/check.ts'
import { runWorkload } from '../../cli/demo/workload.ts'
import { Command } from '../support/command.ts'
import { System } from '../support/system.ts'

const SEED = 11
const VIEWS = ['order', 'sales-by-product'] as const

interface Pointer {
  readonly live: number
  readonly previous?: { readonly generation: number }
  readonly building?: number
  readonly written?: readonly number[]
}

let system: System
const positions = new Set<string>()
before(async () => {
  system = await System.start()
})
after(() => system.remove())

function replaying(...args: string[]): Command {
  const { http, cosmos } = system.ports
  const env = { TIDEMARK_HTTP_PORT: String(http), TIDEMARK_COSMOS_PORT: String(cosmos) }
  return new Command('cli/replay.ts', ['ordering', ...args], env)
}

const containerOf = (view: string): Container => system.log.database.container(view)

async function pointerOf(view: string): Promise<Pointer> {
  const { resource } = await containerOf(view).item('pointer', 'pointer').read<Pointer>()
  return resource ?? { live: 1 }
}

async function untilPointer(view: string, condition: (pointer: Pointer) => boolean): Promise<void> {
  const end = performance.now() + 60_000
  while (!condition(await pointerOf(view))) {
    if (performance.now() > end)
      throw new Error(`it did not come about in a minute: ${JSON.stringify(await pointerOf(view))}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** Which generations have items. */
async function generationsIn(view: string): Promise<number[]> {
  const { resources } = await containerOf(view).items.query<string>('SELECT VALUE c.pk FROM c').fetchAll()
  const numbers = resources.filter((pk) => pk !== 'pointer').map((pk) => Number.parseInt(pk, 10))
  return [...new Set(numbers)].toSorted((a, b) => a - b)
}

async function someOrders(orders: number, run: string): Promise<void> {
  const seen = await runWorkload(system.client, { orders, seed: SEED, concurrency: 8, run }, () => {})
  assert.deepEqual(seen.surprises, [])
  for (const position of seen.positions) positions.add(position)
}

async function assertEqualToLog(): Promise<number> {
  const result = await checkViews(system.client, system.log, positions)
  assert.deepEqual(result.differences, [])
  assert.ok(result.orders > 0 && result.products > 0 && positions.size > 0)
  return result.events
}

/** Customers come and go and readers look, while the given thing happens: what a reader once saw stays there and never goes backwards. */
async function underLoad(run: string, happen: () => Promise<void>): Promise<void> {
  let over = false
  const versions = new Map<string, number>()
  const products = new Set<string>()
  let looks = 0
  const load = async (): Promise<void> => {
    for (let round = 0; !over; round += 1) await someOrders(20, `${run}:${round}`)
  }
  const readOrders = async (): Promise<void> => {
    while (!over) {
      const { body } = await system.client.get('/orders?limit=100')
      for (const { orderId } of body.items) versions.set(orderId, versions.get(orderId) ?? 0)
      for (const [id, seen] of versions) {
        if (over) return
        const { status, headers } = await system.client.get(`/orders/${id}`)
        const version = Number(headers.get('etag')?.slice(1, -1))
        assert.equal(status, 200, `order ${id} is gone`)
        assert.ok(version >= seen, `order ${id} went from ${seen} to ${version}`)
        versions.set(id, version)
        looks += 1
      }
    }
  }
  const readProducts = async (): Promise<void> => {
    while (!over) {
      const { body } = await system.client.get('/sales-by-product?limit=100')
      const shown = new Set<string>(body.items.map(({ sku }: { sku: string }) => sku))
      for (const sku of products) assert.ok(shown.has(sku), `${sku} is gone`)
      for (const sku of shown) products.add(sku)
      looks += 1
    }
  }
  const all = Promise.all([load(), readOrders(), readProducts()])
  try {
    await Promise.race([happen(), all])
  } finally {
    over = true
    await all
  }
  assert.ok(looks > 100 && versions.size > 0 && products.size > 0, `${looks} looks`)
}

// First: while the log is empty.
describe('npm run replay', () => {
  it('says in one line what there is not, and fails', async () => {
    const cases: [args: string[], line: RegExp][] = [
      [[], /^name one service and one view: <service> <view> \[--back\]$/],
      [['orders'], /^ordering has no view orders; it has order, sales-by-product$/],
      [['order', '--bakc'], /^Unknown option '--bakc'.*<service> <view> \[--back\]$/],
      [['order', '--back'], /^no-way-back: order has no generation before the live one$/],
      [['order'], /^log-empty: /],
    ]
    for (const [args, line] of cases) {
      const { code, output } = await replaying(...args).ended
      assert.match(output.trimEnd(), line)
      assert.equal(code, 1)
    }
    const { code, output } = await new Command('cli/replay.ts', ['baskets', 'order'], {}).ended
    assert.deepEqual([code, output], [1, 'there is no service baskets; there are ordering\n'])
  })
})

describe('a view is replayed while customers come and go', () => {
  before(() => someOrders(150, 'before'))

  for (const view of VIEWS)
    it(`${view}: readers lose nothing they saw, and the view equals the log`, async () => {
      const { live } = await pointerOf(view)
      await underLoad(`under-${view}`, async () => {
        const { code, output } = await replaying(view).ended
        assert.equal(code, 0, output)
        const [, events] = /^read +(\d+) events of \d+ streams/m.exec(output) ?? []
        assert.ok(Number(events) > 0, output)
        assert.match(output, /^live +generation \d+; --back goes back to \d+$/m)
      })
      const now = await pointerOf(view)
      assert.ok(now.live > live && now.written === undefined && now.building === undefined)
      assert.deepEqual(await generationsIn(view), [live, now.live])
      await assertEqualToLog()
    })

  for (const view of VIEWS)
    it(`${view}: goes back while they do, and forward again`, async () => {
      const { live, previous } = await pointerOf(view)
      for (const target of [previous?.generation, live]) {
        await underLoad(`back-${view}-${target}`, async () => {
          const { code, output } = await replaying(view, '--back').ended
          assert.equal(code, 0, output)
        })
        assert.equal((await pointerOf(view)).live, target)
        await assertEqualToLog()
      }
    })
})

describe('a replay that ends early', () => {
  const moments: [name: string, begun: (pointer: Pointer, live: number) => boolean][] = [
    ['as it builds', ({ building }) => building !== undefined],
    ['as projections write both generations', ({ written }) => written !== undefined],
    ['as queries read the new one', (pointer, live) => pointer.live !== live],
  ]
  for (const [name, begun] of moments)
    it(`killed ${name}: queries go on, and the next one starts clean`, async () => {
      const view = 'sales-by-product'
      // What an earlier test left would be taken for this one's.
      assert.equal((await replaying(view).ended).code, 0)
      const { live } = await pointerOf(view)
      const child = replaying(view)
      await untilPointer(view, (pointer) => begun(pointer, live))
      child.kill('SIGKILL')
      assert.equal((await child.ended).code, null)
      await someOrders(20, `killed-${name.replaceAll(' ', '-')}`)
      await assertEqualToLog()
      const again = await replaying(view).ended
      assert.equal(again.code, 0, again.output)
      const now = await pointerOf(view)
      assert.deepEqual(await generationsIn(view), [now.previous?.generation, now.live])
      await assertEqualToLog()
    })

  it('Ctrl-C ends it at once, and it says what it leaves', async () => {
    const { live } = await pointerOf('order')
    const child = replaying('order')
    await untilPointer('order', ({ written }) => written !== undefined)
    child.kill('SIGINT')
    const { code, output } = await child.ended
    assert.equal(code, 130)
    assert.match(
      output,
      /^stopped: queries read what they read before; until the next replay of this view, projections/m,
    )
    assert.equal((await pointerOf('order')).live, live)
    await assertEqualToLog()
  })

  it('gives way to a later one, in one line', async () => {
    const earlier = replaying('order')
    await earlier.prints('beside')
    const later = await replaying('order').ended
    assert.equal(later.code, 0, later.output)
    const { code, output } = await earlier.ended
    assert.equal(code, 1)
    assert.match(output, /^replay-superseded: another replay of order began after this one/m)
    await assertEqualToLog()
  })
})

describe('a damaged view', () => {
  it('is healed by a replay', async () => {
    const { live } = await pointerOf('order')
    const { resources } = await containerOf('order')
      .items.query(`SELECT * FROM c WHERE c.generation = ${live}`)
      .fetchAll()
    const [item] = resources
    await containerOf('order')
      .item(item.id, item.pk)
      .replace({ ...item, document: { ...item.document, status: 'lost' } })
    const broken = await checkViews(system.client, system.log, positions)
    assert.ok(broken.differences.length > 0)
    assert.equal((await replaying('order').ended).code, 0)
    console.log(`# views equal ${await assertEqualToLog()} events`)
  })
})
