import { randomUUID } from 'node:crypto'
import { CosmosClient } from '@azure/cosmos'
import { EMULATOR_KEY } from '../../packages/test-support/cosmos.ts'
import { EMPTY_STREAM } from '../../packages/tidemark/core/hash-chain.ts'
import { CosmosEventFeed } from '../../packages/tidemark/cosmos/event-feed.ts'
import { CosmosEventStore } from '../../packages/tidemark/cosmos/event-store.ts'
import { CosmosViewGenerations } from '../../packages/tidemark/cosmos/view-generations.ts'
import { forEachLimited } from '../../packages/tidemark/runtime/limited.ts'
import { LiveViews } from '../../packages/tidemark/runtime/live-views.ts'
import { rebuildView } from '../../packages/tidemark/runtime/rebuild.ts'
import { commit, recordedAfter } from '../../packages/tidemark/test/support/commits.ts'
import { order } from '../../src/ordering/order.ts'
import { orderView } from '../../src/ordering/order-view.ts'
import { ordering } from '../../src/ordering/service.ts'
import { makeOrder, measure } from './orders.ts'

// One step of bench/rebuild.ts in a process of its own: `fill` or `rebuild`, the emulator, and how many orders.

const CONCURRENCY = 16
const [step, endpoint = '', orders = '0'] = process.argv.slice(2)
const client = new CosmosClient({ endpoint, key: EMULATOR_KEY })
const { database } = await client.databases.createIfNotExists({ id: 'ordering' })

async function fill(): Promise<void> {
  const { container } = await database.containers.create({ id: 'events', partitionKey: '/stream' })
  await database.containers.create({ id: orderView.name, partitionKey: '/pk' })
  const log = new CosmosEventStore(container)
  const numbers = Array.from({ length: Number(orders) }, (_, index) => index)
  await forEachLimited(numbers, CONCURRENCY, async (number) => {
    const { id, events } = makeOrder(number)
    const recorded = recordedAfter({ service: ordering, decider: order, stream: `order-${id}` }, [], ...events)
    await log.append(
      EMPTY_STREAM,
      recorded.map((event) => commit(`${id}@${event.version}`, [event])),
    )
  })
}

/** The reading of the log alone. The promotion waits for other instances, however long the log. */
async function rebuild(): Promise<{ readonly seconds: number; readonly documents: number }> {
  const clock = {
    now: () => new Date().toISOString(),
    elapsed: () => performance.now(),
    wait: (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds)),
  }
  const container = database.container('events')
  const generations = new CosmosViewGenerations({ exact: database, relaxed: database }, 3600)
  const deps = {
    ...{ log: new CosmosEventStore(container), feed: new CosmosEventFeed(container), generations, clock },
    views: new LiveViews(generations, clock),
    declared: [orderView],
    progress: { read: async () => [] },
    eventTypes: order.events,
    ids: randomUUID,
  }
  let [began, ended] = [0, 0]
  const { live } = await rebuildView(deps, orderView, {
    begin() {
      began = performance.now()
    },
    read() {},
    stage(stage) {
      if (stage === 'handover') ended = performance.now()
    },
  })
  const query = `SELECT VALUE COUNT(1) FROM c WHERE STARTSWITH(c.pk, "${live}|document|")`
  const { resources } = await database.container(orderView.name).items.query<number>(query).fetchAll()
  return { seconds: (ended - began) / 1000, documents: resources[0] ?? 0 }
}

if (step === 'fill') await fill()
else console.log(JSON.stringify(await measure(rebuild)))
client.dispose()
