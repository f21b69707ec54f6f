import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { access, writeFile } from 'node:fs/promises'
import { request as httpRequest, type OutgoingHttpHeaders } from 'node:http'
import { join } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { after, before, type TestContext, test } from 'node:test'
import { earliestEventPosition, type ReceivedEventData } from '@azure/event-hubs'
import { StartError } from '../../kit/errors.ts'
import { within } from '../../test-support/wait.ts'
import {
  type ControlledEmulator,
  cleanUp,
  controlFile,
  killAndRestart,
  newFolder,
  startConfigured,
  startControlled,
} from './controlled-emulator.ts'
import { buildEnv, MAIN } from './emulator.ts'
import { unrefRenewals } from './sdk-timers.ts'
import { captureRefusal, createConsumer, createProducer, listBodies, PATIENT, receive } from './support.ts'

const ORDERS = { hubs: [{ name: 'orders', partitions: 2, consumerGroups: ['audit'] }] }
const HUBS = '/namespaces/emulatorNs1/hubs'

before(unrefRenewals)
const SHARED_KEY = 'SharedAccessKeyName=RootManageSharedAccessKey;SharedAccessKey=SAS_KEY_VALUE'

after(cleanUp)

/** A partition of a hub, as `group` sees it; by default `$Default`. */
interface Partition {
  readonly hub: string
  readonly partitionId: string
  readonly group?: string
}

/** Sends events to one partition and reads that partition from its start. */
async function sendAndReceive(
  t: TestContext,
  { connectionString }: ControlledEmulator,
  { hub, partitionId, group = '$Default' }: Partition,
  bodies: readonly unknown[],
): Promise<unknown[]> {
  const producer = createProducer(t, connectionString, hub)
  await producer.sendBatch(
    bodies.map((body) => ({ body })),
    { partitionId },
  )
  const consumer = createConsumer(t, connectionString, hub, { ...PATIENT, group })
  return listBodies(await receive(consumer, partitionId, earliestEventPosition, bodies.length))
}

interface RawRequest {
  readonly method: string
  readonly path: string
  readonly headers?: OutgoingHttpHeaders
  readonly body?: string
}

/** Sends a request that `fetch` cannot send. */
async function raw(
  address: string,
  { method, path, headers = {}, body = '' }: RawRequest,
): Promise<{ status: number; headers: NodeJS.Dict<string | string[]>; text: string }> {
  return within(
    new Promise((resolve, reject) => {
      const asked = httpRequest(new URL(path, address), { method, headers, agent: false }, (response) => {
        let text = ''
        response.setEncoding('utf8').on('data', (chunk) => {
          text += chunk
        })
        response.on('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }))
      })
      asked.on('error', reject).end(body)
    }),
    `the answer to ${method} ${path}`,
  )
}

const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  )

test('refuses all requests that a web page could make a browser send', async () => {
  const { address } = await startControlled(await newFolder(), ORDERS)
  const { port } = new URL(address)
  const refused: OutgoingHttpHeaders[] = [
    { host: `attacker.example:${port}` },
    { host: `127.0.0.1.attacker.example:${port}` },
    { host: 'localhost@attacker.example' },
    { origin: 'http://attacker.example' },
    { origin: 'null' },
    { origin: address },
  ]
  for (const headers of refused)
    for (const [method, path] of [
      ['GET', '/health'],
      ['PUT', `${HUBS}/evil`],
      ['DELETE', '/faults'],
    ] as const) {
      const { status, text, headers: answered } = await raw(address, { method, path, headers })
      assert.deepEqual([status, answered['content-type']], [403, 'application/problem+json'], JSON.stringify(headers))
      assert.ok(!text.includes('\n'))
    }
  for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, 'LOCALHOST', `[::1]:${port}`])
    assert.equal((await raw(address, { method: 'GET', path: '/health', headers: { host } })).status, 200, host)
  assert.equal((await raw(address, { method: 'GET', path: `${HUBS}/evil` })).status, 404)
})

test('refuses wrong requests with a fitting status and one line of detail', async () => {
  const { address, call } = await startControlled(await newFolder(), ORDERS)
  const hub = { partitions: 2 }
  const refusals: readonly (readonly [number, string, string, unknown, RegExp])[] = [
    [404, 'GET', '/', undefined, /nothing at this path/],
    [404, 'GET', '/health/', undefined, /nothing at this path/],
    [404, 'GET', '/namespaces/emulatorNs1', undefined, /nothing at this path/],
    [404, 'PUT', '/namespaces/emulatorNs1/queues/a', hub, /nothing at this path/],
    [404, 'GET', '/namespaces/other/hubs', undefined, /there is no namespace "other"/],
    [404, 'GET', `${HUBS}/other`, undefined, /there is no hub "other" in namespace emulatorNs1/],
    [404, 'PUT', `${HUBS}/other/consumergroups/a`, undefined, /there is no hub "other"/],
    [400, 'GET', `${HUBS}/%E0%A4%A`, undefined, /the path is not well encoded/],
    [400, 'PUT', `${HUBS}/..%2Fup`, hub, /"\.\.\/up" is not a hub name/],
    [400, 'PUT', `${HUBS}/${'a'.repeat(257)}`, hub, /is not a hub name/],
    [400, 'PUT', `${HUBS}/a`, undefined, /an object is expected/],
    [400, 'PUT', `${HUBS}/a`, {}, /hub a: "partitions" must be 1 to 32/],
    [400, 'PUT', `${HUBS}/a`, { partitions: 33 }, /hub a: "partitions" must be 1 to 32/],
    [400, 'PUT', `${HUBS}/a`, { partitions: '2' }, /hub a: "partitions" must be 1 to 32/],
    [400, 'PUT', `${HUBS}/a`, { ...hub, partitionCount: 2 }, /"partitionCount" is unknown, known are partitions/],
    [400, 'PUT', `${HUBS}/a`, { ...hub, retentionHours: 2161 }, /hub a: "retentionHours" must be 1 to 2160/],
    [400, 'PUT', `${HUBS}/a`, { ...hub, retentionMegabytes: 0 }, /hub a: "retentionMegabytes" must be 1 to/],
    [400, 'PUT', `${HUBS}/a`, { ...hub, consumerGroups: ['x', 'X'] }, /hub a: consumer group X is listed twice/],
    [400, 'PUT', `${HUBS}/a`, { ...hub, consumerGroups: ['a b'] }, /hub a: "a b" is not a consumer group name/],
    [400, 'PUT', `${HUBS}/orders/consumergroups/${'g'.repeat(51)}`, undefined, /is not a consumer group name/],
    [400, 'PUT', `${HUBS}/orders/consumergroups/a`, { userMetadata: 'x' }, /"userMetadata" is unknown/],
    [400, 'PUT', '/faults', { seed: 1, serverBusy: 1.5 }, /"serverBusy" must be 0 to 1/],
    [400, 'PUT', '/namespaces/emulatorNs1/faults', { seed: 1, sever: 1 }, /"sever" is unknown/],
    [404, 'PUT', '/namespaces/other/faults', { seed: 1 }, /there is no namespace "other"/],
    [409, 'PUT', `${HUBS}/orders`, { partitions: 1 }, /hub orders has 2 partitions: more can be added/],
    [
      409,
      'PUT',
      `${HUBS}/orders`,
      { partitions: 2, consumerGroups: Array.from({ length: 20 }, (_, i) => `g${i}`) },
      /more than 20 consumer groups/,
    ],
  ]
  for (const [status, method, path, body, detail] of refusals) {
    const answered = await call(method, path, body)
    const what = `${method} ${path} ${JSON.stringify(body)}`
    assert.deepEqual([answered.status, answered.body.status], [status, status], what)
    assert.match(answered.body.detail, detail, what)
    assert.ok(!answered.body.detail.includes('\n'), what)
    assert.equal(answered.headers.get('content-type'), 'application/problem+json')
  }
  for (const [method, path, allow] of [
    ['POST', '/health', 'GET'],
    ['PUT', '/namespaces', 'GET'],
    ['DELETE', `${HUBS}/orders`, 'GET, PUT'],
    ['GET', `${HUBS}/orders/consumergroups/audit`, 'PUT'],
    ['PATCH', '/faults', 'GET, PUT, DELETE'],
  ] as const) {
    const { status, headers } = await call(method, path)
    assert.deepEqual([status, headers.get('allow')], [405, allow], `${method} ${path}`)
  }
  const json = { 'content-type': 'application/json' }
  for (const [status, headers, body] of [
    [415, { 'content-type': 'text/plain' }, '{"partitions":2}'],
    [415, {}, '{"partitions":2}'],
    [415, { ...json, 'content-encoding': 'gzip' }, '{"partitions":2}'],
    [400, json, '{"partitions"\n:2'],
    [400, json, '\xff'],
    [413, json, `{"partitions":2${' '.repeat(64 * 1024)}}`],
  ] as const) {
    const answer = await raw(address, { method: 'PUT', path: `${HUBS}/a`, headers, body })
    assert.equal(answer.status, status, body.slice(0, 20))
  }
  const after = await call('GET', HUBS)
  assert.deepEqual(
    after.body.hubs.map(({ name, partitions }: { name: string; partitions: unknown[] }) => [name, partitions.length]),
    [['orders', 2]],
  )
  assert.deepEqual(after.body.hubs[0].consumerGroups, ['$Default', 'audit'])
})

test('has no control endpoint without its setting', async () => {
  const folder = await newFolder()
  const killed = await startControlled(folder, ORDERS)
  assert.ok(await isThere(controlFile(folder)))
  killed.child.kill('SIGKILL')
  await killed.child.exited
  assert.ok(await isThere(controlFile(folder)))
  await startConfigured(folder, JSON.stringify(ORDERS))
  assert.ok(!(await isThere(controlFile(folder))))
})

test('refuses a control port in use in one line that names the setting, and leaves nothing running', async (t) => {
  const first = await startControlled(await newFolder(), ORDERS)
  const folder = await newFolder()
  const { port } = new URL(first.address)
  await assert.rejects(
    startConfigured(folder, JSON.stringify(ORDERS), { EVENT_HUBS_EMULATOR_CONTROL_PORT: port }),
    (error: Error) => error instanceof StartError && /^port \d+ is in use: .*--control-port/.test(error.message),
  )
  assert.ok(!(await isThere(controlFile(folder))))
  const free = await startControlled(folder, ORDERS)
  assert.deepEqual(await sendAndReceive(t, free, { hub: 'orders', partitionId: '0' }, ['a']), ['a'])
})

test('prints a line for each address when started by hand', async (t) => {
  const folder = await newFolder()
  const hubs = ORDERS.hubs
  await writeFile(
    join(folder, 'hubs.json'),
    JSON.stringify({
      namespaces: [
        { name: 'first-ns', hubs },
        { name: 'second-ns', port: 0, hubs },
      ],
    }),
  )
  const child = spawn(process.execPath, [MAIN], {
    env: { ...process.env, ...buildEnv(folder), EVENT_HUBS_EMULATOR_CONTROL_PORT: '0' },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  t.after(() => child.kill('SIGKILL'))
  const exited = once(child, 'exit')
  const lines: string[] = []
  const reading = (async () => {
    for await (const line of createInterface(child.stdout))
      if (lines.push(line) && line.startsWith('ready')) child.kill('SIGTERM')
  })()
  await within(Promise.all([reading, exited]), 'its lines and its end')
  assert.deepEqual(
    lines.map((line) => line.replace(/\d{4,5}/, 'PORT')),
    [
      'amqp://127.0.0.1:PORT',
      'amqp://127.0.0.1:PORT is namespace second-ns',
      'http://127.0.0.1:PORT is the control endpoint',
      ...['first-ns', 'second-ns'].map(() => `Endpoint=sb://localhost:PORT;${SHARED_KEY};UseDevelopmentEmulator=true;`),
      'hubs: orders, orders',
      `the data is in ${join(folder, 'data')}`,
      'ready: Ctrl-C ends it',
    ],
  )
  assert.deepEqual(await exited, [0, null])
})

test('reports that it is healthy, and removes its control file when it stops', async () => {
  const folder = await newFolder()
  const { child, address, call } = await startControlled(folder, ORDERS)
  const { status, body } = await call('GET', '/health')
  assert.deepEqual([status, body], [200, { status: 'healthy' }])
  const head = await raw(address, { method: 'HEAD', path: '/health' })
  assert.deepEqual([head.status, head.text], [200, ''])
  await child.stop()
  assert.equal(await child.exited, 'ended with code 0')
  await assert.rejects(fetch(`${address}/health`))
  assert.ok(!(await isThere(controlFile(folder))))
})

test('a hub created while running works at once, and still exists with its events after a kill', async (t) => {
  const folder = await newFolder()
  const running = await startControlled(folder, ORDERS)
  const producer = createProducer(t, running.connectionString, 'Late')
  assert.equal(
    (await captureRefusal(createProducer(t, running.connectionString, 'Late', {}).getPartitionIds())).code,
    'MessagingEntityNotFoundError',
  )
  const created = await running.call('PUT', `${HUBS}/Late`, {
    partitions: 3,
    consumerGroups: ['view'],
    retentionHours: 24,
  })
  assert.equal(created.status, 201)
  assert.deepEqual(await producer.getPartitionIds(), ['0', '1', '2'])
  const late = { hub: 'Late', partitionId: '2', group: 'view' }
  assert.deepEqual(await sendAndReceive(t, running, late, ['a', 'b']), ['a', 'b'])
  const same = await running.call('PUT', `${HUBS}/LATE`, { partitions: 3 })
  assert.equal(same.status, 200)

  const again = await killAndRestart(running, folder, ORDERS)
  const { body } = await again.call('GET', `${HUBS}/late`)
  assert.deepEqual(
    {
      name: body.name,
      consumerGroups: body.consumerGroups,
      retentionHours: body.retentionHours,
      createdAt: body.createdAt,
    },
    { name: 'Late', consumerGroups: ['$Default', 'view'], retentionHours: 24, createdAt: created.body.createdAt },
  )
  assert.deepEqual(await sendAndReceive(t, again, late, ['c', 'd', 'e']), ['a', 'b', 'c', 'd', 'e'])
})

test('a running consumer continues when partitions are added, and reads the new ones', async (t) => {
  const folder = await newFolder()
  const running = await startControlled(folder, ORDERS)
  const consumer = createConsumer(t, running.connectionString, 'orders', {
    ...PATIENT,
    loadBalancingOptions: { updateIntervalInMs: 100 },
  })
  const received: ReceivedEventData[] = []
  const errors: unknown[] = []
  let changed = (): void => {}
  const subscription = consumer.subscribe(
    {
      async processEvents(events) {
        received.push(...events)
        changed()
      },
      async processError(error) {
        errors.push(error)
        changed()
      },
    },
    { startPosition: earliestEventPosition, maxWaitTimeInSeconds: 1 },
  )
  t.after(() => subscription.close())
  const bodies = (): unknown[] => listBodies(received).sort()
  const until = (count: number): Promise<void> =>
    within(
      new Promise<void>((resolve) => {
        changed = () => {
          if (received.length >= count || errors.length > 0) resolve()
        }
        changed()
      }),
      `${count} events`,
    )
  const producer = createProducer(t, running.connectionString, 'orders')
  await producer.sendBatch([{ body: 'before' }], { partitionId: '1' })
  await until(1)

  const grown = await running.call('PUT', `${HUBS}/orders`, { partitions: 4 })
  assert.deepEqual([grown.status, grown.body.partitions.length], [200, 4])
  await producer.sendBatch([{ body: 'old partition' }], { partitionId: '1' })
  await producer.sendBatch([{ body: 'new partition' }], { partitionId: '3' })
  await until(3)
  assert.deepEqual([errors, bodies()], [[], ['before', 'new partition', 'old partition']])
  await subscription.close()

  // A file with the old number 2 or the new number 4 is accepted. Any other number is refused.
  const again = await killAndRestart(running, folder, ORDERS)
  const later = createConsumer(t, again.connectionString, 'orders')
  await createProducer(t, again.connectionString, 'orders').sendBatch([{ body: 'after' }], { partitionId: '3' })
  assert.deepEqual(listBodies(await receive(later, '3', earliestEventPosition, 2)), ['new partition', 'after'])
  await again.child.stop()
  const withPartitions = (partitions: number) => ({ hubs: [{ ...ORDERS.hubs[0], partitions }] })
  await assert.rejects(
    startControlled(folder, withPartitions(3)),
    (error: Error) =>
      error instanceof StartError && /hub orders has 4 partitions .* but 3 are configured/.test(error.message),
  )
  const edited = await startControlled(folder, withPartitions(4))
  await edited.child.stop()
  await assert.rejects(startControlled(folder, ORDERS), /hub orders has 4 partitions .* but 2 are configured/)
})

test('a group created while running works at once and survives a kill; others follow the file', async (t) => {
  const folder = await newFolder()
  const running = await startControlled(folder, ORDERS)
  const group = (name: string) => running.call('PUT', `${HUBS}/orders/consumergroups/${name}`)
  assert.deepEqual([(await group('late')).status, (await group('LATE')).status], [201, 200])
  assert.deepEqual([(await group('audit')).status, (await group('%24default')).status], [200, 200])
  assert.deepEqual(await sendAndReceive(t, running, { hub: 'orders', partitionId: '0', group: 'late' }, ['a']), ['a'])
  const without = { hubs: [{ name: 'orders', partitions: 2, consumerGroups: ['other'] }] }
  const again = await killAndRestart(running, folder, without)
  const { body } = await again.call('GET', `${HUBS}/orders`)
  assert.deepEqual(body.consumerGroups, ['$Default', 'other', 'late'])
})

test('concurrent changes are all made', async () => {
  const folder = await newFolder()
  const running = await startControlled(folder, ORDERS)
  const names = Array.from({ length: 12 }, (_, i) => `group${i}`)
  const statuses = await Promise.all([
    ...names.map((name) => running.call('PUT', `${HUBS}/orders/consumergroups/${name}`)),
    ...[5, 3, 8].map((partitions) => running.call('PUT', `${HUBS}/other`, { partitions })),
  ])
  assert.equal(statuses.filter(({ status }) => status === 201).length, names.length + 1)
  const again = await killAndRestart(running, folder, ORDERS)
  const { body } = await again.call('GET', HUBS)
  assert.deepEqual([...body.hubs[0].consumerGroups].sort(), ['$Default', 'audit', ...names].sort())
  assert.deepEqual([body.hubs[1].name, body.hubs[1].partitions.length], ['other', 8])
})

test('changes made while running stay until the file is edited', async () => {
  const folder = await newFolder()
  const withRetention = (retentionHours?: number) => ({ hubs: [{ ...ORDERS.hubs[0], retentionHours }] })
  const readRetentionHours = async ({ call }: ControlledEmulator): Promise<unknown> =>
    (await call('GET', `${HUBS}/orders`)).body.retentionHours
  const first = await startControlled(folder, withRetention(24))
  assert.equal(await readRetentionHours(first), 24)
  await first.call('PUT', `${HUBS}/orders`, { partitions: 2, retentionHours: 72 })
  const second = await killAndRestart(first, folder, withRetention(24))
  assert.equal(await readRetentionHours(second), 72)
  const third = await killAndRestart(second, folder, withRetention(48))
  assert.equal(await readRetentionHours(third), 48)
  const fourth = await killAndRestart(third, folder, withRetention())
  assert.equal(await readRetentionHours(fourth), undefined)
})

test('a hub removed from the file is not served, and returns with its events when it is created again', async (t) => {
  const folder = await newFolder()
  const both = { hubs: [...ORDERS.hubs, { name: 'gone', partitions: 2, consumerGroups: [] }] }
  const first = await startControlled(folder, both)
  await sendAndReceive(t, first, { hub: 'gone', partitionId: '1' }, ['a'])
  const second = await killAndRestart(first, folder, ORDERS)
  assert.equal((await second.call('GET', `${HUBS}/gone`)).status, 404)
  const fewer = await second.call('PUT', `${HUBS}/gone`, { partitions: 1 })
  assert.deepEqual([fewer.status, (await second.call('GET', `${HUBS}/gone`)).status], [409, 404])
  assert.equal((await second.call('PUT', `${HUBS}/gone`, { partitions: 2 })).status, 201)
  const third = await killAndRestart(second, folder, ORDERS)
  assert.deepEqual(await sendAndReceive(t, third, { hub: 'gone', partitionId: '1' }, ['b', 'c']), ['a', 'b', 'c'])
})

test('describes the namespaces, their hubs and their partitions', async (t) => {
  const running = await startControlled(await newFolder(), { ...ORDERS, throughputUnits: 3 })
  const listNamespaces = async () => (await running.call('GET', '/namespaces')).body.namespaces
  const [before] = await listNamespaces()
  assert.deepEqual(before, {
    name: 'emulatorNs1',
    address: running.child.address,
    connections: 0,
    throughputUnits: 3,
    hubs: ['orders'],
  })
  const producer = createProducer(t, running.connectionString, 'orders')
  await producer.sendBatch([{ body: 'a' }, { body: 'b' }], { partitionId: '1' })
  assert.equal((await listNamespaces())[0].connections, 1)
  const properties = await producer.getPartitionProperties('1')
  const { body } = await running.call('GET', '/namespaces/EMULATORNS1/hubs/orders')
  const [empty, filled] = body.partitions
  assert.deepEqual([empty.id, empty.lastSequence, empty.lastOffset, empty.lastTime], ['0', -1, '-1', null])
  assert.deepEqual([filled.id, filled.beginSequence, filled.lastSequence], ['1', 0, 1])
  assert.equal(filled.lastOffset, String(properties.lastEnqueuedOffset))
  assert.equal(filled.lastTime, properties.lastEnqueuedOnUtc.toISOString())
  assert.equal(body.createdAt, (await producer.getEventHubProperties()).createdOn.toISOString())
  assert.deepEqual((await running.call('GET', HUBS)).body, { hubs: [body] })
})

test('sets, reports and removes faults, for all namespaces or for one', async () => {
  const hubs = ORDERS.hubs
  const running = await startControlled(await newFolder(), {
    namespaces: [
      { name: 'first-ns', hubs },
      { name: 'second-ns', port: 0, hubs },
    ],
  })
  const faults = async () => (await running.call('GET', '/faults')).body.namespaces
  const none = { settings: null, counts: {} }
  assert.deepEqual(await faults(), [
    { name: 'first-ns', ...none },
    { name: 'second-ns', ...none },
  ])
  const settings = { seed: 7, serverBusy: 0.25, duplicates: { rate: 1, events: 3 } }
  const set = { settings, counts: { serverBusy: 0, duplicates: 0 } }
  const all = await running.call('PUT', '/faults', settings)
  assert.deepEqual(all.body.namespaces, [
    { name: 'first-ns', ...set },
    { name: 'second-ns', ...set },
  ])
  assert.equal((await running.call('DELETE', '/namespaces/first-ns/faults')).status, 200)
  assert.deepEqual(await faults(), [
    { name: 'first-ns', ...none },
    { name: 'second-ns', ...set },
  ])
  await running.call('PUT', '/namespaces/first-ns/faults', { seed: 1, drop: 1 })
  assert.deepEqual((await faults())[0], { name: 'first-ns', settings: { seed: 1, drop: 1 }, counts: { drop: 0 } })
  await running.call('DELETE', '/faults')
  assert.deepEqual((await faults())[1], { name: 'second-ns', ...none })
})
