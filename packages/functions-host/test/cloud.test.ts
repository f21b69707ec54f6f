import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, writeFileSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { CosmosClient } from '@azure/cosmos'
import { EventHubConsumerClient, EventHubProducerClient } from '@azure/event-hubs'
import { BlobServiceClient } from '@azure/storage-blob'
import { syncedLogs } from '../../event-hubs/test/emulator.ts'
import { lockFolder } from '../../kit/data-lock.ts'
import { listen } from '../../kit/listen.ts'
import { type Cloud, startCloud } from '../../local-cloud/cloud.ts'
import { until } from '../../test-support/wait.ts'
import { type Cleanup, dataFolder, testCleanup } from './support.ts'

const FREE = { blob: 0, eventHubs: 0, cosmos: 0 }

const TOPOLOGY = {
  databases: [
    {
      name: 'ordering',
      containers: [
        { name: 'events', partitionKey: '/stream', excludedPaths: ['/data/*'] },
        { name: 'order', partitionKey: '/pk', defaultTtl: -1 },
        { name: 'leases', partitionKey: '/id' },
      ],
    },
  ],
  eventHubs: [{ name: 'ordering', partitions: 3, retentionHours: 168, consumerGroups: ['order'] }],
  blobContainers: ['azure-webjobs-eventhub'],
}

/** Creates a data folder with a topology file. */
function place(cleanup: Cleanup, topology: object = TOPOLOGY): { dataDir: string; topologyFile: string } {
  const folder = dataFolder(cleanup)
  const topologyFile = join(folder, 'topology.json')
  writeFileSync(topologyFile, JSON.stringify(topology))
  return { dataDir: join(folder, 'data'), topologyFile }
}

async function start(cleanup: Cleanup, at: ReturnType<typeof place>, fresh = false): Promise<Cloud> {
  const cloud = await startCloud({ ...at, ports: FREE, fresh })
  cleanup(() => cloud.stop())
  return cloud
}

/** Creates SDK clients of the three emulators. */
async function createClients(cleanup: Cleanup, { settings }: Cloud) {
  const cosmos = new CosmosClient(settings.CosmosConnection ?? '')
  cleanup(() => cosmos.dispose())
  const producer = new EventHubProducerClient(settings.EventHubConnection ?? '', 'ordering')
  cleanup(() => producer.close())
  const blobs = BlobServiceClient.fromConnectionString(settings.AzureWebJobsStorage ?? '')
  return { cosmos, producer, blobs: blobs.getContainerClient('azure-webjobs-eventhub') }
}

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

test('a cloud creates the resources of the topology, and a second start changes nothing', async (t) => {
  const at = place(testCleanup(t))
  for (const round of ['first', 'second']) {
    const cloud = await start(testCleanup(t), at)
    const { cosmos, producer, blobs } = await createClients(testCleanup(t), cloud)
    const database = cosmos.database('ordering')
    const { resources } = await database.containers.readAll().fetchAll()
    assert.deepEqual(resources.map(({ id }) => id).sort(), ['events', 'leases', 'order'], round)
    const { resource: events } = await database.container('events').read()
    assert.deepEqual(events?.partitionKey?.paths, ['/stream'])
    assert.deepEqual(
      events?.indexingPolicy?.includedPaths?.map(({ path }) => path),
      ['/*'],
    )
    assert.deepEqual(
      events?.indexingPolicy?.excludedPaths?.map(({ path }) => path),
      ['/data/*', '/"_etag"/?'],
    )
    assert.equal(events?.defaultTtl, undefined)
    const { resource: order } = await database.container('order').read()
    assert.equal(order?.defaultTtl, -1)
    assert.deepEqual(await producer.getPartitionIds(), ['0', '1', '2'])
    assert.ok(await blobs.exists())
    await producer.close()
    await cloud.stop()
  }
})

test('acknowledged data is on disk, unless the cloud is started fast', async (t) => {
  if (process.platform !== 'linux') return t.skip('there is no /proc here')
  const at = place(testCleanup(t))
  for (const fast of [false, true]) {
    const cloud = await startCloud({ ...at, ports: FREE, fresh: false, fast })
    try {
      const commands = await Promise.all(cloud.parts.map(({ pid }) => readFile(`/proc/${pid}/cmdline`, 'utf8')))
      // Azurite has no such flag.
      const said = commands.map((text) => text.split('\0').find((word) => /^--(no-)?fast$/.test(word)))
      const flag = fast ? '--fast' : '--no-fast'
      assert.deepEqual(said, [undefined, flag, flag])
      const [, eventHubs] = cloud.parts
      const logs = await syncedLogs(eventHubs?.pid ?? 0)
      assert.ok(logs.length > 0 && logs.every((synced) => synced !== fast))
    } finally {
      await cloud.stop()
    }
  }
})

test('data survives a restart, and fresh clears log, hub and checkpoints', async (t) => {
  const at = place(testCleanup(t))
  const first = await start(testCleanup(t), at)
  const before = await createClients(testCleanup(t), first)
  await before.cosmos.database('ordering').container('order').items.create({ id: 'a', pk: 'p' })
  await before.producer.sendBatch([{ body: 1 }], { partitionId: '0' })
  await before.blobs.getBlockBlobClient('x').upload('1', 1)
  await before.producer.close()
  await first.stop()

  const seen = async (cloud: Cloud): Promise<unknown[]> => {
    const { cosmos, producer, blobs } = await createClients(testCleanup(t), cloud)
    const { resource } = await cosmos.database('ordering').container('order').item('a', 'p').read()
    const { lastEnqueuedSequenceNumber } = await producer.getPartitionProperties('0')
    const result = [resource?.id, lastEnqueuedSequenceNumber, await blobs.getBlobClient('x').exists()]
    await producer.close()
    return result
  }
  const second = await start(testCleanup(t), at)
  assert.deepEqual(await seen(second), ['a', 0, true])
  await second.stop()
  const third = await start(testCleanup(t), at, true)
  assert.deepEqual(await seen(third), [undefined, -1, false])
})

test('refuses a data folder in use, fresh or not, and changes nothing in it', async (t) => {
  const at = place(testCleanup(t))
  const cloud = await start(testCleanup(t), at)
  for (const fresh of [false, true])
    await assert.rejects(startCloud({ ...at, ports: FREE, fresh }), {
      name: 'StartError',
      message: /is in use by process/,
    })
  const { cosmos } = await createClients(testCleanup(t), cloud)
  assert.ok((await cosmos.database('ordering').read()).resource)
})

for (const [part, setting] of [
  ['blob', 'TIDEMARK_BLOB_PORT'],
  ['eventHubs', 'TIDEMARK_EVENTHUBS_PORT'],
  ['cosmos', 'TIDEMARK_COSMOS_PORT'],
] as const)
  test(`a ${part} port in use ends the start with one line that says how to change it`, async (t) => {
    const taken = createServer()
    t.after(() => taken.close())
    const port = await listen(taken, 0, 'none')
    const at = place(testCleanup(t))
    const message = `port ${port} is in use: stop what listens there, or set ${setting} to another port`
    await assert.rejects(startCloud({ ...at, ports: { ...FREE, [part]: port }, fresh: false }), {
      name: 'StartError',
      message,
    })
    // The folders are unlocked, because the started parts have ended.
    for (const folder of ['.', 'blob', 'eventhubs', 'cosmos']) await (await lockFolder(join(at.dataDir, folder)))()
  })

test('refuses a topology with an unknown, missing or wrong property, naming the place', async (t) => {
  const [database] = TOPOLOGY.databases
  const cases: readonly (readonly [object, RegExp])[] = [
    [
      { ...TOPOLOGY, queues: [] },
      /topology\.json: unknown property queues; there are databases, eventHubs, blobContainers, services$/,
    ],
    [{ databases: [], eventHubs: [] }, /topology\.json: blobContainers is missing$/],
    [{ ...TOPOLOGY, databases: [database, database] }, /topology\.json: databases: ordering occurs twice$/],
    [
      { ...TOPOLOGY, databases: [{ name: 'a', containers: [{ name: 'b' }] }] },
      /databases\[0\]: containers\[0\]: partitionKey is missing$/,
    ],
    [
      { ...TOPOLOGY, databases: [{ name: 'a', containers: [{ name: 'b', partitionKey: '/x', defaultTtl: 0 }] }] },
      /containers\[0\]: defaultTtl is 0, it must be a whole number in its range$/,
    ],
    [
      { ...TOPOLOGY, eventHubs: [{ name: 'h', partitions: 33, retentionHours: 1, consumerGroups: [] }] },
      /eventHubs\[0\]: partitions is 33, /,
    ],
    [{ ...TOPOLOGY, blobContainers: ['Upper'] }, /blobContainers\[0\] is "Upper", /],
  ]
  for (const [topology, message] of cases)
    await assert.rejects(startCloud({ ...place(testCleanup(t), topology), ports: FREE, fresh: false }), {
      name: 'StartError',
      message,
    })
})

test('refuses a partition key that differs from the stored data', async (t) => {
  const at = place(testCleanup(t))
  await (await start(testCleanup(t), at)).stop()
  writeFileSync(at.topologyFile, JSON.stringify(TOPOLOGY).replace('"/stream"', '"/other"'))
  await assert.rejects(startCloud({ ...at, ports: FREE, fresh: false }), {
    name: 'StartError',
    message: /^container ordering\/events has the partition key \/stream, the topology says \/other/,
  })
})

test('kill -9 of the parent ends all parts, and a start right after it finds all data', async (t) => {
  const at = place(testCleanup(t))
  const module = fileURLToPath(new URL('../../local-cloud/cloud.ts', import.meta.url))
  const script = `
    const { startCloud } = await import(${JSON.stringify(module)})
    const cloud = await startCloud(${JSON.stringify({ ...at, ports: FREE, fresh: false })})
    console.log(JSON.stringify({ settings: cloud.settings, pids: cloud.parts.map(({ pid }) => pid) }))`
  const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => parent.kill('SIGKILL'))
  const [line] = (await once(parent.stdout, 'data')) as [Buffer]
  const { settings, pids } = JSON.parse(line.toString()) as { settings: Record<string, string>; pids: number[] }
  const client = new CosmosClient(settings.CosmosConnection ?? '')
  await client.database('ordering').container('order').items.create({ id: 'a', pk: 'p' })
  client.dispose()
  parent.kill('SIGKILL')
  await once(parent, 'exit')
  const cloud = await start(testCleanup(t), at)
  const { cosmos } = await createClients(testCleanup(t), cloud)
  assert.equal((await cosmos.database('ordering').container('order').item('a', 'p').read()).resource?.id, 'a')
  await until('the end of every part', () => !pids.some(isAlive))
})

test('a stop leaves no process, and no file outside the data folder', async (t) => {
  const at = place(testCleanup(t))
  const files = readdirSync('.')
  const cloud = await start(testCleanup(t), at)
  const consumer = new EventHubConsumerClient('order', cloud.settings.EventHubConnection ?? '', 'ordering')
  assert.equal((await consumer.getPartitionIds()).length, 3)
  await consumer.close()
  await cloud.stop()
  assert.ok(!cloud.parts.some(({ pid }) => isAlive(pid)))
  assert.deepEqual(readdirSync('.'), files)
  assert.deepEqual(readdirSync(at.dataDir).sort(), ['blob', 'cosmos', 'eventhubs', 'hubs.json', 'personal-keys'])
})
