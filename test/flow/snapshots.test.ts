import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { compose } from 'tidemark/azure-functions'
import { until } from '../../packages/test-support/wait.ts'
import { request } from '../../packages/tidemark/test/support/fakes.ts'
import { inventory } from '../../src/inventory/service.ts'
import { stock } from '../../src/inventory/stock.ts'
import { System } from '../support/system.ts'

const STREAM = 'stock-tea'
const UNITS = 6

/** The item in the container. */
interface SnapshotItem {
  readonly id: string
  readonly stream: string
  readonly head: { readonly version: number; readonly hash: string }
  readonly state: string
}

describe('snapshots of a service on the local cloud', () => {
  let system: System
  let keys = 0

  before(async () => {
    system = await System.cloudAlone({ services: ['inventory'] })
  })
  after(() => system.remove())

  /** Sends commands from an instance with an empty cache. */
  async function sendCold(...quantities: readonly number[]): Promise<string> {
    const { command } = compose(inventory, { ...system.settings, TIDEMARK_SNAPSHOT_EVENTS: '5' })
    let last = ''
    for (const change of quantities) {
      keys += 1
      const sent = { type: 'adjust', data: { change, reason: 'test' } }
      const outcome = await command(stock, request(`k${keys}`, sent, { stream: STREAM }))
      last = outcome.outcome === 'done' ? `done at ${outcome.version}` : outcome.code
    }
    return last
  }

  const items = async (): Promise<readonly SnapshotItem[]> => {
    const container = system.openContainer('inventory', 'snapshots')
    return (await container.items.readAll<SnapshotItem>({ partitionKey: STREAM }).fetchAll()).resources
  }

  it('are written by a cold command on a long stream, used by the next one, and may be removed or wrong', async () => {
    const { command } = compose(inventory, system.settings)
    for (let unit = 1; unit <= UNITS; unit += 1)
      await command(stock, request(`receive ${unit}`, { type: 'receive', data: { quantity: 1 } }, { stream: STREAM }))
    assert.deepEqual(await items(), [])

    assert.equal(await sendCold(-7), 'stock-reserved')
    const [made] = await until('a snapshot', items, (all) => all.length > 0)
    assert.ok(made)
    assert.deepEqual([made.stream, made.head.version, made.state], [STREAM, UNITS, '{"onHand":6,"reserved":0}'])

    // The next command decides on the state of the snapshot while its head matches the log.
    const container = system.openContainer('inventory', 'snapshots')
    await container.items.upsert({ ...made, state: '{"onHand":7,"reserved":0}' })
    assert.equal(await sendCold(-7), `done at ${UNITS + 1}`)
    // With another head, the log decides: on 6 - 7 + 2 units.
    await container.items.upsert({
      ...made,
      head: { ...made.head, hash: 'f'.repeat(64) },
      state: '{"onHand":7,"reserved":0}',
    })
    assert.equal(await sendCold(2, -2), 'stock-reserved')
    await until('another snapshot', items, ([{ head } = made]) => head.hash !== 'f'.repeat(64))
    await container.item(made.id, STREAM).delete()
    assert.equal(await sendCold(-2), 'stock-reserved')
    await until('a snapshot in its place', items, (all) => all.length > 0)
  })
})
