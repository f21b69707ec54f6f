import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Container, CosmosClient, type Database } from '@azure/cosmos'
import { EventHubProducerClient } from '@azure/event-hubs'
import { BlobServiceClient, type ContainerClient } from '@azure/storage-blob'
import type { Child } from '../../kit/child.ts'
import { leaseClaims, partitionClaims, staysWithOwners } from '../../test-support/claims.ts'
import { until } from '../../test-support/wait.ts'
import {
  cleanups,
  dataFolder,
  shiftedBy,
  startBlobs,
  startCosmos,
  startHost,
  startHubs,
  TestApp,
  testCleanup,
} from './support.ts'

const HOUR_S = 3600
/**
 * A host signs its tokens for a hub with its own clock, for one hour. A host that is slow by an hour could
 * not reach the hub.
 */
const NEARLY_AN_HOUR_S = 3300
/** Number of renewals of each claim during which no other host may take it. */
const RENEWALS = 5

const cleanup = cleanups(after)
let settings: Record<string, string> = {}
let database: Database
let blobs: ContainerClient

before(async () => {
  const folder = dataFolder(cleanup)
  const started = [startCosmos(cleanup, folder), startBlobs(cleanup, folder), startHubs(cleanup, folder, ['shared:2'])]
  const [cosmos, storage, hubs] = await Promise.all(started)
  settings = {
    CosmosConnection: cosmos?.connection ?? '',
    AzureWebJobsStorage: storage?.connection ?? '',
    EventHubConnection: hubs?.connection ?? '',
    FUNCTIONS_HOST_LEASE_EXPIRATION_MS: '2000',
  }
  const client = new CosmosClient(cosmos?.connection ?? '')
  cleanup(() => client.dispose())
  database = (await client.databases.createIfNotExists({ id: 'db' })).database
  await database.containers.createIfNotExists({ id: 'leases', partitionKey: '/id' })
  blobs = BlobServiceClient.fromConnectionString(storage?.connection ?? '').getContainerClient('azure-webjobs-eventhub')
  await blobs.createIfNotExists()
})

async function kill(host: Child): Promise<void> {
  host.kill('SIGKILL')
  await host.exited
}

describe('hosts an hour apart', () => {
  test('leave a lease with its owner, and take it over once the owner is dead', async (t) => {
    const { container } = await database.containers.createIfNotExists({ id: 'fed', partitionKey: '/pk' })
    const app = new TestApp(
      testCleanup(t),
      `app.cosmosDB('f', { connection: 'CosmosConnection', databaseName: 'db', containerName: 'fed', feedPollDelay: 50,
        startFromBeginning: true, leaseAcquireInterval: 100, leaseExpirationInterval: 2000, leaseRenewInterval: 300,
        handler: (documents) => { for (const { id } of documents) out([process.env.HOST, id]) } })`,
    )
    const start = (name: string, shift: number) =>
      startHost(testCleanup(t), app, { ...settings, HOST: name, ...(shift === 0 ? {} : shiftedBy(shift)) })
    const leases = () => leaseClaims(database.container('leases'))
    const isSeenBy = async (name: string, into: Container, id: string): Promise<void> => {
      await into.items.create({ id, pk: 'p' })
      await until(`${id} to be seen`, () => app.lines().some(([, seen]) => seen === id))
      assert.deepEqual(app.lines().at(-1), [name, id])
    }

    const right = await start('right', 0)
    await isSeenBy('right', container, 'a')
    const fast = await start('fast', HOUR_S)
    await staysWithOwners(leases, RENEWALS)
    await isSeenBy('right', container, 'b')
    await kill(right)
    await isSeenBy('fast', container, 'c')
    const slow = await start('slow', -HOUR_S)
    await staysWithOwners(leases, RENEWALS)
    await isSeenBy('fast', container, 'd')
    await kill(fast)
    await isSeenBy('slow', container, 'e')
    await start('fast', HOUR_S)
    await staysWithOwners(leases, RENEWALS)
    await isSeenBy('slow', container, 'f')
    await kill(slow)
    await isSeenBy('fast', container, 'g')
  })

  test('share the partitions of a hub without fighting, and take over those of a dead host', async (t) => {
    const app = new TestApp(
      testCleanup(t),
      `app.eventHub('f', { connection: 'EventHubConnection', eventHubName: 'shared', consumerGroup: 'view',
        cardinality: 'many', dataType: 'string',
        handler: (bodies) => { for (const body of bodies) out([process.env.HOST, body]) } })`,
    )
    const start = (name: string, shift: number) =>
      startHost(testCleanup(t), app, { ...settings, HOST: name, ...shiftedBy(shift) })
    const claims = () => partitionClaims(blobs)
    const owners = async (): Promise<ReadonlySet<string>> => new Set((await claims()).map(({ owner }) => owner))
    const areShared = () =>
      until('each to have one', async () => {
        const found = await owners()
        return found.size === 2 && !found.has('')
      })
    const isAlone = async (dead: ReadonlySet<string>): Promise<void> => {
      await until('the other to have both', async () => {
        const found = await owners()
        return found.size === 1 && !found.has('') && (await claims()).length === 2 && dead.isDisjointFrom(found)
      })
    }

    const fast = await start('fast', HOUR_S)
    await until('the first to have both', async () => (await claims()).length === 2)
    const fasts = await owners()
    const slow = await start('slow', -NEARLY_AN_HOUR_S)
    await areShared()
    await staysWithOwners(claims, RENEWALS)
    await kill(fast)
    await isAlone(fasts)
    const slows = await owners()
    await start('fast', HOUR_S)
    await areShared()
    await staysWithOwners(claims, RENEWALS)
    await kill(slow)
    await isAlone(slows)

    const producer = new EventHubProducerClient(settings.EventHubConnection ?? '', 'shared')
    t.after(() => producer.close())
    for (const partitionId of ['0', '1']) await producer.sendBatch([{ body: partitionId }], { partitionId })
    await until('both messages', () => app.lines().length >= 2)
    assert.deepEqual(app.lines().toSorted(), [
      ['fast', '0'],
      ['fast', '1'],
    ])
  })
})
