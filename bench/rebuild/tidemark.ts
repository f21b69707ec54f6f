import assert from 'node:assert/strict'
import { CosmosClient } from '@azure/cosmos'
import { EMULATOR_KEY } from '../../packages/test-support/cosmos.ts'
import { commit, readHead, recordedAfter } from '../../packages/tidemark/test/support/commits.ts'
import { cosmosLog } from '../../packages/tidemark/test/support/handling.ts'
import { rebuildAlone } from '../../packages/tidemark/test/support/rebuilding.ts'
import { order } from '../../src/ordering/order.ts'
import { orderView } from '../../src/ordering/order-view.ts'
import { ordering } from '../../src/ordering/service.ts'
import { makeOrder, measure } from './orders.ts'

// One step of bench/rebuild.ts in a process of its own: `fill` or `rebuild`, the emulator, and how many orders.

const AT_ONCE = 16
const [step, endpoint = '', orders = '0'] = process.argv.slice(2)
const client = new CosmosClient({ endpoint, key: EMULATOR_KEY })
const { database } = await client.databases.createIfNotExists({ id: 'ordering' })

async function fill(): Promise<void> {
  const { container } = await database.containers.create({ id: 'events', partitionKey: '/stream' })
  await database.containers.create({ id: orderView.name, partitionKey: '/pk' })
  const log = cosmosLog(container)
  const append = async (number: number): Promise<void> => {
    const { id, events } = makeOrder(number)
    const recorded = recordedAfter({ service: ordering, decider: order, stream: `order-${id}` }, [], ...events)
    const entries = recorded.map((event) => commit(`${id}@${event.version}`, [event]))
    assert.deepEqual(await log.append(readHead([]), entries), { outcome: 'appended' })
  }
  for (let from = 0; from < Number(orders); from += AT_ONCE)
    await Promise.all(Array.from({ length: Math.min(AT_ONCE, Number(orders) - from) }, (_, at) => append(from + at)))
}

if (step === 'fill') await fill()
else console.log(JSON.stringify(await measure(() => rebuildAlone(database, orderView, order.events))))
client.dispose()
