import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { CosmosClient, type Database } from '@azure/cosmos'
import { startChild } from '../kit/child.ts'

/**
 * The key that the vendor publishes for its emulator: https://learn.microsoft.com/azure/cosmos-db/emulator
 */
export const EMULATOR_KEY = 'C2y6yDjf5/R+ob0N8A7Cgv30VRDJIWEHLM+4QDU5DE2nQ9nDuVTqobD4b8mGGyPMbIZnqyMsEcaGQy67XIw/Jw=='

/**
 * Starts the Cosmos DB emulator in its own process, with an empty database. It does not wait for the disk,
 * because no test simulates a power failure.
 */
export async function cosmosEndpoint(): Promise<{ address: string; database: Database; stop: () => Promise<void> }> {
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-cosmos-'))
  const main = fileURLToPath(new URL('../cosmos/main.ts', import.meta.url))
  const child = await startChild('cosmos', main, {
    COSMOS_EMULATOR_PORT: '0',
    COSMOS_EMULATOR_DATA: folder,
    COSMOS_EMULATOR_FAST: '1',
  })
  const client = new CosmosClient({ endpoint: child.address, key: EMULATOR_KEY })
  const { database } = await client.databases.create({ id: 'test' })
  return {
    address: child.address,
    database,
    async stop() {
      client.dispose()
      await child.stop()
      await rm(folder, { recursive: true, force: true })
    },
  }
}
