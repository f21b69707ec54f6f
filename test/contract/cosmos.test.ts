import { randomUUID } from 'node:crypto'
import { after } from 'node:test'
import { CosmosEventStore } from '../../src/adapters/cosmos/event-store.ts'
import { CosmosPositions } from '../../src/adapters/cosmos/positions.ts'
import { CosmosViewStore } from '../../src/adapters/cosmos/view-store.ts'
import { cosmosEndpoint } from '../support/cosmos.ts'
import { eventStoreSuite } from './event-store-suite.ts'
import { positionsSuite } from './positions-suite.ts'
import { viewStoreSuite } from './view-store-suite.ts'

const { database, stop } = await cosmosEndpoint()
after(stop)
const { container: log } = await database.containers.create({ id: 'events', partitionKey: '/stream' })

eventStoreSuite('cosmos', async () => new CosmosEventStore(log))
viewStoreSuite('cosmos', async () => {
  const { container } = await database.containers.create({ id: randomUUID(), partitionKey: '/pk', defaultTtl: -1 })
  return new CosmosViewStore(container, 1, 3600)
})

const { container: positions } = await database.containers.create({ id: 'positions', partitionKey: '/pk' })
positionsSuite('cosmos', async () => new CosmosPositions(positions, `consumer-${randomUUID()}`))
