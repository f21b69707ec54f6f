import assert from 'node:assert/strict'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { earliestEventPosition } from '@azure/event-hubs'
import { StartError } from '../../kit/errors.ts'
import { readNamespaces } from '../settings/namespace-settings.ts'
import { cleanUp, connectionStringTo, killAndRestart, newFolder, startControlled } from './controlled-emulator.ts'
import { unrefRenewals } from './sdk-timers.ts'
import { createConsumer, createProducer, listBodies, PATIENT, receive } from './support.ts'

before(unrefRenewals)
after(cleanUp)

/**
 * The example of Microsoft's documentation:
 * https://learn.microsoft.com/azure/event-hubs/test-locally-with-event-hub-emulator
 */
const EMULATOR = {
  UserConfig: {
    NamespaceConfig: [
      {
        Type: 'EventHub',
        Name: 'emulatorNs1',
        Entities: [{ Name: 'eh1', PartitionCount: '2', ConsumerGroups: [{ Name: 'cg1' }] }],
      },
    ],
    LoggingConfig: { Type: 'File' },
  },
}

const hub = (name: string, partitions = 1) => ({ name, partitions, consumerGroups: [] })
const emulator = (entities: unknown, namespace: object = {}) => ({
  UserConfig: { NamespaceConfig: [{ ...EMULATOR.UserConfig.NamespaceConfig[0], Entities: entities, ...namespace }] },
})

test('refuses an invalid file in one line that names the file and the place', async () => {
  const folder = await newFolder()
  const file = join(folder, 'hubs.json')
  const all = { hubs: [hub('orders')] }
  const first = { name: 'first-ns', ...all }
  const eh = { Name: 'eh1', PartitionCount: '2' }
  const refusals: readonly (readonly [unknown, string | RegExp])[] = [
    [[], 'an object is expected'],
    [null, 'an object is expected'],
    [{}, '"hubs" must be an array'],
    [{ ...all, hub: 1 }, '"hub" is unknown, known are hubs, throughputUnits'],
    [{ ...all, throughputUnits: 41 }, '"throughputUnits" must be 1 to 40'],
    [{ ...all, throughputUnits: 0.5 }, '"throughputUnits" must be 1 to 40'],
    [{ hubs: ['orders'] }, 'hubs[0]: an object is expected'],
    [
      { hubs: [hub('a'), { ...hub('b'), retention: 1 }] },
      /^hubs\[1\]: "retention" is unknown, known are name, partitions/,
    ],
    [{ hubs: [hub('-a')] }, 'hubs[0]: "-a" is not a hub name'],
    [{ hubs: [hub('a'.repeat(257))] }, /^hubs\[0\]: "a+" is not a hub name$/],
    [{ hubs: [hub('a', 33)] }, 'hubs[0]: hub a: "partitions" must be 1 to 32'],
    [{ hubs: [{ name: 'a', partitions: 1 }] }, 'hubs[0]: hub a: "consumerGroups" must be an array'],
    [
      { hubs: [{ ...hub('a'), consumerGroups: Array.from({ length: 21 }, (_, i) => `g${i}`) }] },
      'hubs[0]: hub a: "consumerGroups" must be at most 20 names',
    ],
    [{ hubs: [{ ...hub('a'), consumerGroups: ['g', 'G'] }] }, 'hubs[0]: hub a: consumer group G is listed twice'],
    [{ hubs: [{ ...hub('a'), retentionHours: 0 }] }, 'hubs[0]: hub a: "retentionHours" must be 1 to 2160'],
    [{ hubs: [{ ...hub('a'), retentionHours: null }] }, 'hubs[0]: hub a: "retentionHours" must be 1 to 2160'],
    [{ hubs: [{ ...hub('a'), retentionMegabytes: 1.5 }] }, 'hubs[0]: hub a: "retentionMegabytes" must be 1 to 1048576'],
    [{ hubs: [hub('a'), hub('A')] }, 'hub A is listed twice'],
    [{ namespaces: [first], hubs: [] }, '"hubs" is unknown, known are namespaces'],
    [{ namespaces: [] }, '"namespaces" must have at least one'],
    [{ namespaces: [{ ...first, name: 'ns' }] }, 'namespaces[0]: "ns" is not a namespace name'],
    [{ namespaces: [{ ...first, name: '../../up' }] }, 'namespaces[0]: "../../up" is not a namespace name'],
    [
      { namespaces: [{ ...first, ports: 1 }] },
      'namespaces[0]: "ports" is unknown, known are name, port, throughputUnits, hubs',
    ],
    [
      { namespaces: [{ ...first, port: 5672 }] },
      'namespaces[0]: the first namespace must have no "port": --port sets its port',
    ],
    [{ namespaces: [first, { ...first, name: 'second-ns' }] }, 'namespaces[1]: "port" must be 0 to 65535'],
    [{ namespaces: [first, { ...first, name: 'FIRST-ns', port: 0 }] }, 'namespace FIRST-ns is listed twice'],
    [
      { namespaces: [first, { name: 'second-ns', port: 1, hubs: [hub('a', 0)] }] },
      'namespaces[1].hubs[0]: hub a: "partitions" must be 1 to 32',
    ],
    [{ UserConfig: 1 }, 'UserConfig: an object is expected'],
    [{ UserConfig: {} }, 'UserConfig: "NamespaceConfig" must be an array'],
    [{ UserConfig: { NamespaceConfig: [] } }, 'UserConfig: "NamespaceConfig" must have one namespace'],
    [emulator([eh], { Type: 'ServiceBus' }), 'UserConfig.NamespaceConfig[0]: "Type" must be "EventHub"'],
    [emulator([eh], { Name: '' }), 'UserConfig.NamespaceConfig[0]: "" is not a namespace name'],
    [emulator({}), 'UserConfig.NamespaceConfig[0]: "Entities" must be an array'],
    [emulator([eh, { ...eh, Name: 'EH1' }]), 'UserConfig.NamespaceConfig[0]: hub EH1 is listed twice'],
    [emulator([{ ...eh, Name: 7 }]), 'UserConfig.NamespaceConfig[0].Entities[0]: 7 is not a hub name'],
    ...['33', '', 'two', 0, null].map(
      (PartitionCount) =>
        [
          emulator([{ ...eh, PartitionCount }]),
          'UserConfig.NamespaceConfig[0].Entities[0]: "PartitionCount" must be 1 to 32',
        ] as const,
    ),
    [
      emulator([{ ...eh, ConsumerGroups: [7] }]),
      'UserConfig.NamespaceConfig[0].Entities[0].ConsumerGroups[0]: an object is expected',
    ],
    [
      emulator([{ ...eh, ConsumerGroups: [{ Name: 'a b' }] }]),
      'UserConfig.NamespaceConfig[0].Entities[0]: hub eh1: "a b" is not a consumer group name',
    ],
  ]
  for (const [value, why] of refusals) {
    await writeFile(file, JSON.stringify(value))
    await refused(why)
  }
  await writeFile(file, '{\n  "hubs": [\n  oops')
  await refused(/^.*is not valid JSON$/)
  await assert.rejects(readNamespaces(join(folder, 'none.json')), /none\.json cannot be read: ENOENT/)

  async function refused(why: string | RegExp): Promise<void> {
    await assert.rejects(readNamespaces(file), (error: Error) => {
      assert.ok(error instanceof StartError)
      assert.ok(!error.message.includes('\n'))
      const [, said] = error.message.split(`${file}: `)
      if (typeof why === 'string') assert.equal(said, why)
      else assert.match(said ?? error.message, why)
      return true
    })
  }
})

test("reads the file of Microsoft's emulator: counts as text or number, unknown members, groups or none", async () => {
  const file = join(await newFolder(), 'Config.json')
  const entities = [
    { Name: 'eh1', PartitionCount: '2', ConsumerGroups: [{ Name: 'cg1', UserMetadata: 'x' }, { Name: '$default' }] },
    { Name: 'eh2', PartitionCount: 4, MessageRetentionInDays: 1 },
  ]
  const value = { ...emulator(entities, { Sku: 'x' }), $schema: 'x' }
  await writeFile(file, `\uFEFF${JSON.stringify(value)}`)
  const none = { retentionHours: undefined, retentionMegabytes: undefined }
  assert.deepEqual(await readNamespaces(file), [
    {
      name: 'emulatorNs1',
      port: undefined,
      throughputUnits: undefined,
      hubs: [
        { name: 'eh1', partitions: 2, consumerGroups: ['cg1'], ...none },
        { name: 'eh2', partitions: 4, consumerGroups: [], ...none },
      ],
    },
  ])
})

test("serves the hubs in a file of Microsoft's emulator, as Microsoft documents it", async (t) => {
  const { connectionString } = await startControlled(await newFolder(), EMULATOR)
  const producer = createProducer(t, connectionString, 'eh1')
  assert.deepEqual(await producer.getPartitionIds(), ['0', '1'])
  await producer.sendBatch([{ body: 'a' }], { partitionId: '1' })
  const consumer = createConsumer(t, connectionString, 'eh1', { ...PATIENT, group: 'cg1' })
  assert.deepEqual(listBodies(await receive(consumer, '1', earliestEventPosition, 1)), ['a'])
})

test('has no limit of ten hubs', async (t) => {
  const names = Array.from({ length: 15 }, (_, i) => `hub${i}`)
  const { connectionString } = await startControlled(await newFolder(), { hubs: names.map((name) => hub(name)) })
  for (const name of names) {
    await createProducer(t, connectionString, name).sendBatch([{ body: name }])
    const consumer = createConsumer(t, connectionString, name)
    assert.deepEqual(listBodies(await receive(consumer, '0', earliestEventPosition, 1)), [name])
  }
})

test('hubs of the same name in two namespaces have different events, also after a restart', async (t) => {
  const folder = await newFolder()
  const orders = { hubs: [hub('orders')] }
  const both = {
    namespaces: [
      { name: 'first-ns', ...orders },
      { name: 'second-ns', port: 0, ...orders },
    ],
  }
  // A single namespace keeps its events when a second one is added.
  const alone = await startControlled(folder, orders)
  await createProducer(t, alone.connectionString, 'orders').sendBatch([{ body: 'first' }])
  const running = await killAndRestart(alone, folder, both)
  await createProducer(t, await connectionStringTo(running, 'second-ns'), 'orders').sendBatch([{ body: 'second' }])
  await running.call('PUT', '/namespaces/second-ns/hubs/late', { partitions: 1 })

  const again = await killAndRestart(running, folder, both)
  const second = await connectionStringTo(again, 'second-ns')
  const bodies = async (connectionString: string, name: string) => {
    await createProducer(t, connectionString, name).sendBatch([{ body: 'last' }])
    const consumer = createConsumer(t, connectionString, name)
    const { lastEnqueuedSequenceNumber } = await consumer.getPartitionProperties('0')
    return listBodies(await receive(consumer, '0', earliestEventPosition, lastEnqueuedSequenceNumber + 1))
  }
  assert.deepEqual(await bodies(again.connectionString, 'orders'), ['first', 'last'])
  assert.deepEqual(await bodies(second, 'orders'), ['second', 'last'])
  assert.deepEqual(await bodies(second, 'late'), ['last'])
  assert.equal((await again.call('GET', '/namespaces/first-ns/hubs/late')).status, 404)
  assert.deepEqual((await readdir(join(folder, 'data', 'namespaces', 'second-ns', 'hubs'))).sort(), ['late', 'orders'])
})

test('refuses swapped namespaces, because one would serve the events of the other', async () => {
  const folder = await newFolder()
  const hubs = [hub('orders')]
  const one = await startControlled(folder, {
    namespaces: [
      { name: 'first-ns', hubs },
      { name: 'second-ns', port: 0, hubs },
    ],
  })
  await one.child.stop()
  const swapped = {
    namespaces: [
      { name: 'second-ns', hubs },
      { name: 'first-ns', port: 0, hubs },
    ],
  }
  await assert.rejects(startControlled(folder, swapped), /namespace second-ns is listed first, but its events are in /)
})
