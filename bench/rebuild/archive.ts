import { CosmosClient } from '@azure/cosmos'
import { EMULATOR_KEY } from '../../packages/test-support/cosmos.ts'
import { MemoryHub } from '../../packages/tidemark/test/support/memory-hub.ts'
import { rebuildAlone } from '../../packages/tidemark/test/support/rebuilding.ts'
import { readFolder, writeSegments } from '../../packages/tidemark/test/support/segments.ts'
import { orderTrail } from '../../src/customers/order-trail.ts'
import { makeItems } from './items.ts'
import { EVENTS_OF_ORDER, measure } from './orders.ts'

// One step of bench/rebuild.ts in a process of its own: `fill` or `rebuild`, the emulator, how many orders, and the
// folder of the archive. The view is one over several services, because those are built from archives.

const [step, endpoint = '', orders = '0', folder = ''] = process.argv.slice(2)

const fill = () =>
  writeSegments(folder, EVENTS_OF_ORDER * Number(orders), (number) =>
    makeItems(number).items.map((item) => JSON.stringify(item)),
  )

async function rebuild(): Promise<void> {
  const client = new CosmosClient({ endpoint, key: EMULATOR_KEY })
  const { database } = await client.databases.createIfNotExists({ id: 'customers' })
  await database.containers.createIfNotExists({ id: orderTrail.name, partitionKey: '/pk', defaultTtl: -1 })
  const archive = readFolder(folder)
  const empty = { ...archive, async *list() {} }
  const list = () =>
    ['ordering', 'payments', 'shipping'].map((service) => {
      const its = service === 'ordering' ? archive : empty
      return { service, archive: its, openHub: () => new MemoryHub([]) }
    })
  console.log(JSON.stringify(await measure(() => rebuildAlone(database, orderTrail, [], list))))
  client.dispose()
}

await (step === 'fill' ? fill() : rebuild())
