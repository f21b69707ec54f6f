import assert from 'node:assert/strict'
import { CosmosClient, type OperationInput, type Plugin } from '@azure/cosmos'
import { EMULATOR_KEY } from '../../packages/test-support/cosmos.ts'
import { rebuildAlone } from '../../packages/tidemark/test/support/rebuilding.ts'
import { order } from '../../src/ordering/order.ts'
import { orderView } from '../../src/ordering/order-view.ts'
import { makeItems } from './items.ts'
import { measure } from './orders.ts'

// One step of bench/rebuild.ts in a process of its own: `fill` or `rebuild`, the emulator, and how many orders.

const ORDERS_OF_REQUEST = 50
const AT_ONCE = 4
const [step, endpoint = '', orders = '0'] = process.argv.slice(2)
const sent = { requests: 0, requestUnits: 0 }
const count: Plugin<unknown> = async (context, _, next) => {
  const answer = await next(context)
  sent.requests += 1
  sent.requestUnits += Number(answer.headers['x-ms-request-charge'] ?? 0)
  return answer
}
const options = { endpoint, key: EMULATOR_KEY, plugins: [{ on: 'request', plugin: count }] }
const client = new CosmosClient(options)
const { database } = await client.databases.createIfNotExists({ id: 'ordering' })

function createOrder(number: number): OperationInput[] {
  const { stream, items } = makeItems(number)
  return items.map((item) => ({ operationType: 'Create', partitionKey: stream, resourceBody: item }))
}

/** Appends would take minutes for each 100,000 events. */
async function fill(): Promise<void> {
  const { container } = await database.containers.create({ id: 'events', partitionKey: '/stream' })
  await database.containers.create({ id: orderView.name, partitionKey: '/pk' })
  const write = async (from: number): Promise<void> => {
    const size = Math.min(ORDERS_OF_REQUEST, Number(orders) - from)
    const items = Array.from({ length: Math.max(0, size) }, (_, at) => createOrder(from + at)).flat()
    if (items.length === 0) return
    const answers = await container.items.bulk(items, {}, { contentResponseOnWriteEnabled: false })
    assert.ok(answers.every(({ statusCode }) => statusCode === 201))
  }
  for (let from = 0; from < Number(orders); from += AT_ONCE * ORDERS_OF_REQUEST)
    await Promise.all(Array.from({ length: AT_ONCE }, (_, at) => write(from + at * ORDERS_OF_REQUEST)))
}

if (step === 'fill') await fill()
else console.log(JSON.stringify({ ...(await measure(() => rebuildAlone(database, orderView, order.events))), ...sent }))
client.dispose()
