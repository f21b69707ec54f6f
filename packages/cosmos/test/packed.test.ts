import assert from 'node:assert/strict'
import { CosmosClient, type ItemDefinition } from '@azure/cosmos'
import { packedEmulatorSuite } from '../../test-support/packed-emulator.ts'

async function withClient(printed: string, work: (client: CosmosClient) => Promise<void>): Promise<void> {
  const client = new CosmosClient(/^AccountEndpoint=.*$/m.exec(printed)?.[0] ?? '')
  try {
    await work(client)
  } finally {
    client.dispose()
  }
}

const QUERY = "SELECT VALUE o.total FROM orders o WHERE o.customer = 'ada' ORDER BY o.total DESC"

async function check(client: CosmosClient): Promise<void> {
  const orders = client.database('shop').container('orders')
  const { resources } = await orders.items.query(QUERY).fetchAll()
  assert.deepEqual(resources, [30, 12])
}

packedEmulatorSuite({
  folder: 'cosmos',
  args: [],
  beside: ['@azure/cosmos'],
  use: (printed) =>
    withClient(printed, async (client) => {
      const { database } = await client.databases.create({ id: 'shop' })
      const { container } = await database.containers.create({ id: 'orders', partitionKey: '/customer' })
      const items: readonly ItemDefinition[] = [
        { id: '1', customer: 'ada', total: 12 },
        { id: '2', customer: 'bob', total: 99 },
        { id: '3', customer: 'ada', total: 30 },
      ]
      for (const item of items) await container.items.create(item)
      await check(client)
    }),
  check: (printed) => withClient(printed, check),
  readmeSays: /^12$/m,
})
