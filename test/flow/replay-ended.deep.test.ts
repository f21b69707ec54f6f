import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { type Command, endedWhile, overtaken } from '../../packages/test-support/command.ts'
import { Replays } from '../support/replays.ts'
import { System } from '../support/system.ts'

let system: System
let replays: Replays
before(async () => {
  system = await System.start({ services: ['ordering'] })
  replays = new Replays(system)
})
after(() => system.remove())

const replaying = (...args: readonly string[]): Command => replays.command('ordering', ...args)

// First, while the log is empty.
describe('npm run replay', () => {
  it('reports an unknown service or view in one line, and fails', async () => {
    const cases: [args: string[], line: RegExp][] = [
      [[], /^name one service and one view: <service> <view> \[--back\] \[--cloud\]$/],
      [
        ['baskets', 'order'],
        /^there is no service baskets; there are ordering, inventory, payments, shipping, customers$/,
      ],
      [['ordering', 'orders'], /^ordering has no view orders; it has order, sales-by-product, fulfilment, canary$/],
      [['ordering', 'order', '--bakc'], /^Unknown option '--bakc'.*<service> <view> \[--back\] \[--cloud\]$/],
      [['ordering', 'order', '--back'], /^no-way-back: order has no generation before the live one$/],
      [['ordering', 'order'], /^log-empty: /],
    ]
    for (const [args, line] of cases) {
      const { code, output } = await replays.command(...args).ended
      assert.match(output.trimEnd(), line)
      assert.equal(code, 1)
    }
  })
})

describe('a rebuild that ends early', () => {
  before(() => replays.customers(30, 'before'))

  const view = 'sales-by-product'
  const moments: [name: string, begun: (live: number) => Promise<boolean>][] = [
    ['while it builds', async (live) => (await replays.generations(view)).some((generation) => generation > live)],
    ['while projections write both generations', async () => (await replays.pointer(view)).written !== undefined],
    ['while queries read the new generation', async (live) => (await replays.pointer(view)).live !== live],
  ]
  for (const [name, begun] of moments)
    it(`killed ${name} leaves queries working, and the next one starts clean`, async () => {
      let live = 0
      const start = async (): Promise<Command> => {
        live = (await replays.pointer(view)).live
        return replaying(view)
      }
      const { code } = await endedWhile(`the rebuild, ${name}`, start, () => begun(live), 'SIGKILL')
      assert.equal(code, null)
      await replays.customers(20, `killed-${name.replaceAll(' ', '-')}`)
      await replays.assertEqualToLog()
      const again = await replaying(view).ended
      assert.equal(again.code, 0, again.output)
      const now = await replays.pointer(view)
      assert.deepEqual(await replays.generations(view), [now.previous?.generation, now.live])
      await replays.assertEqualToLog()
    })

  it('ends at once on Ctrl-C, and says what it leaves', async () => {
    let live = 0
    const start = async (): Promise<Command> => {
      live = (await replays.pointer('order')).live
      return replaying('order')
    }
    const isWritten = async (): Promise<boolean> => (await replays.pointer('order')).written !== undefined
    const { code, output } = await endedWhile('both generations to be written', start, isWritten, 'SIGINT')
    assert.equal(code, 130)
    assert.match(output, /^stopped: queries still read the old generation; until the next rebuild of this view, /m)
    assert.equal((await replays.pointer('order')).live, live)
    await replays.assertEqualToLog()
  })

  it('is superseded by a later one, in one line', async () => {
    const { earlier, later } = await overtaken(() => replaying('order'))
    assert.equal(later.code, 0, later.output)
    assert.equal(earlier.code, 1)
    assert.match(earlier.output, /^replay-superseded: another rebuild of order began after this one/m)
    await replays.assertEqualToLog()
  })
})

describe('a damaged view', () => {
  it('is healed by a rebuild', async () => {
    const orders = replays.container('order')
    const { live } = await replays.pointer('order')
    const { resources } = await orders.items.query(`SELECT * FROM c WHERE c.generation = ${live}`).fetchAll()
    const [item] = resources
    await orders.item(item.id, item.pk).replace({ ...item, document: { ...item.document, status: 'lost' } })
    assert.ok((await replays.differences()).length > 0)
    assert.equal((await replaying('order').ended).code, 0)
    await replays.assertEqualToLog()
  })
})
