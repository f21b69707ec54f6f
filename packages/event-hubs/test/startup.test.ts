import assert from 'node:assert/strict'
import { open, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { EventHubConsumerClient, EventHubProducerClient, earliestEventPosition } from '@azure/event-hubs'
import { StartError } from '../../kit/errors.ts'
import { WAIT_MS, within } from '../../test-support/wait.ts'
import {
  buildConnectionString,
  buildEnv,
  readPort,
  startEmulator,
  startProcess,
  syncedLogs,
  temporaryFolder,
} from './emulator.ts'
import { listBodies, receive } from './support.ts'

const HUBS = [{ name: 'orders', partitions: 2, consumerGroups: [] }]

async function newFolder(t: TestContext): Promise<string> {
  const folder = await temporaryFolder()
  t.after(() => folder.remove())
  return folder.path
}

/** Starts the emulator, sends each batch to partition 0, and kills the emulator. */
async function fill(folder: string, batches: readonly (readonly string[])[]): Promise<void> {
  const child = await startEmulator(folder, HUBS)
  const producer = new EventHubProducerClient(buildConnectionString(child), 'orders')
  for (const batch of batches) {
    await producer.sendBatch(
      batch.map((body) => ({ body })),
      { partitionId: '0' },
    )
  }
  await producer.close()
  child.kill('SIGKILL')
  await child.exited
}

const refused = (promise: Promise<unknown>, message: RegExp): Promise<void> =>
  assert.rejects(promise, (error: Error) => {
    assert.ok(error instanceof StartError)
    assert.match(error.message, message)
    assert.ok(!error.message.includes('\n'))
    return true
  })

test('writes wait for the disk unless EVENT_HUBS_EMULATOR_FAST is 1; a wrong value is refused by name', async (t) => {
  if (process.platform !== 'linux') return t.skip('there is no /proc here')
  const folder = await newFolder(t)
  const start = (EVENT_HUBS_EMULATOR_FAST: string) =>
    startProcess(folder, JSON.stringify({ hubs: HUBS }), { ...buildEnv(folder), EVENT_HUBS_EMULATOR_FAST })
  // The logs are created first, and then opened again.
  for (const [setting, synced] of [
    ['1', false],
    ['1', false],
    ['', true],
  ] as const) {
    const child = await start(setting)
    const producer = new EventHubProducerClient(buildConnectionString(child), 'orders')
    await producer.sendBatch([{ body: setting }], { partitionId: '0' })
    await producer.close()
    assert.deepEqual(await syncedLogs(child.pid), [synced, synced])
    await child.stop()
  }
  const child = await startProcess(folder, JSON.stringify({ hubs: [{ ...HUBS[0], name: 'new' }] }), buildEnv(folder))
  assert.deepEqual(await syncedLogs(child.pid), [true, true])
  const consumer = new EventHubConsumerClient('$Default', buildConnectionString(child), 'new')
  assert.equal((await consumer.getPartitionIds()).length, 2)
  await consumer.close()
  await child.stop()
  await refused(start('yes'), /EVENT_HUBS_EMULATOR_FAST is "yes": set it to 1 or 0/)
})

test('refuses settings that the service would refuse, in one line that names the file', async (t) => {
  const folder = await newFolder(t)
  for (const [hubs, message] of [
    ['none', /hubs\.json: "hubs" must be an array/],
    [[{ name: '../up', partitions: 1, consumerGroups: [] }], /hubs\.json: hubs\[0\]: "\.\.\/up" is not a hub name/],
    [[{ name: 'a', partitions: 33, consumerGroups: [] }], /hubs\.json: hubs\[0\]: hub a: "partitions" must be 1 to 32/],
    [
      [{ name: 'a', partitions: 1, consumerGroups: [7] }],
      /hubs\.json: hubs\[0\]: hub a: 7 is not a consumer group name/,
    ],
    [[...HUBS, { ...HUBS[0], name: 'ORDERS' }], /hubs\.json: hub ORDERS is listed twice/],
  ] as const)
    await refused(startEmulator(folder, hubs), message)
})

test('refuses a port in use in one line that names the setting', async (t) => {
  const first = await startEmulator(await newFolder(t), HUBS)
  t.after(() => first.stop())
  await refused(startEmulator(await newFolder(t), HUBS, readPort(first)), /port \d+ is in use: .*--port/)
})

test('refuses a second process on a data folder until the first one is killed or stopped', async (t) => {
  const folder = await newFolder(t)
  const first = await startEmulator(folder, HUBS)
  t.after(() => first.stop())
  await refused(startEmulator(folder, HUBS), new RegExp(`in use by process ${first.pid}`))
  first.kill('SIGKILL')
  await first.exited
  const second = await startEmulator(folder, HUBS)
  await second.stop()
  await assert.rejects(stat(join(folder, 'data', 'lock')), { code: 'ENOENT' })
  const third = await startEmulator(folder, HUBS)
  await third.stop()
})

test('refuses a changed number of partitions of a hub, and ignores case in its name', async (t) => {
  const folder = await newFolder(t)
  await fill(folder, [])
  const changed = [{ name: 'Orders', partitions: 3, consumerGroups: [] }]
  await refused(startEmulator(folder, changed), /hub Orders has 2 partitions .* but 3 are configured/)
})

test('refuses a data folder that cannot be created, in one line', async (t) => {
  const folder = await newFolder(t)
  await writeFile(join(folder, 'data'), 'a file')
  await refused(startEmulator(folder, HUBS), /the data folder .* cannot be written/)
})

/** The first segment of partition 0. */
const segmentIn = (folder: string): string => join(folder, 'data', 'hubs', 'orders', '0', `${'0'.repeat(20)}.log`)

test('cuts a torn tail at the start, and serves the acknowledged events', async (t) => {
  const folder = await newFolder(t)
  await fill(folder, [['a'], ['b']])
  const path = segmentIn(folder)
  const { size } = await stat(path)
  const log = await open(path, 'a')
  await log.write((await readFile(path)).subarray(-50, -3))
  await log.close()
  const child = await startEmulator(folder, HUBS)
  t.after(() => child.stop())
  assert.equal((await stat(path)).size, size)
  const consumer = new EventHubConsumerClient('$Default', buildConnectionString(child), 'orders')
  t.after(() => consumer.close())
  assert.deepEqual(listBodies(await receive(consumer, '0', earliestEventPosition, 2)), ['a', 'b'])
})

test('refuses a record damaged in the middle by name at the start', async (t) => {
  const folder = await newFolder(t)
  await fill(folder, [['a'], ['b'], ['c']])
  const path = segmentIn(folder)
  const bytes = await readFile(path)
  const second = bytes.indexOf('TML2', bytes.indexOf('TML2') + 1)
  bytes[second + 40] = 0xee
  await writeFile(path, bytes)
  await refused(startEmulator(folder, HUBS), /0{20}\.log: the record of sequence number 1 at byte \d+ is damaged/)
})

test('refuses a data folder of the first version in one line that says what to do', async (t) => {
  const folder = await newFolder(t)
  await fill(folder, [])
  await writeFile(join(folder, 'data', 'hubs', 'orders', '0.log'), 'TML1')
  await refused(startEmulator(folder, HUBS), /0\.log was written by an earlier version: start with another data folder/)
})

test('an orderly stop acknowledges accepted events, detaches the clients and ends', async (t) => {
  const folder = await newFolder(t)
  const child = await startEmulator(folder, HUBS)
  const options = { retryOptions: { maxRetries: 0, timeoutInMs: 1000 } }
  const producer = new EventHubProducerClient(buildConnectionString(child), 'orders', options)
  t.after(() => producer.close())
  await producer.sendBatch([{ body: 0 }], { partitionId: '0' })
  let acknowledged = 1
  const sending = (async () => {
    for (;;) {
      try {
        await producer.sendBatch([{ body: acknowledged }], { partitionId: '0' })
      } catch {
        return
      }
      acknowledged++
    }
  })()
  await child.stop(WAIT_MS)
  assert.equal(await child.exited, 'ended with code 0')
  await within(sending, 'the sender to notice')
  const again = await startEmulator(folder, HUBS)
  t.after(() => again.stop())
  const consumer = new EventHubConsumerClient('$Default', buildConnectionString(again), 'orders')
  t.after(() => consumer.close())
  const bodies = listBodies(await receive(consumer, '0', earliestEventPosition, acknowledged))
  assert.deepEqual(
    bodies.slice(0, acknowledged),
    Array.from({ length: acknowledged }, (_, i) => i),
  )
})
