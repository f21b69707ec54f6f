import assert from 'node:assert/strict'
import { access, mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, type TestContext, test } from 'node:test'
import { startControl } from '../../kit/control/control-server.ts'
import { StartError } from '../../kit/errors.ts'
import { freePort } from '../../test-support/ports.ts'
import { within } from '../../test-support/wait.ts'
import { answer } from '../control/control-routes.ts'
import { openNamespaces } from '../namespace/namespace.ts'
import { type EventHubsOptions, type RunningEventHubs, startEventHubs } from '../server.ts'
import { serveNamespace } from '../service/namespace-server.ts'
import type { NamespaceSettings } from '../settings/namespace-settings.ts'
import { cleanUp, newFolder } from './controlled-emulator.ts'
import { encodeJson, frame, RawPeer, transfer } from './raw-peer.ts'

const KEY = { name: 'RootManageSharedAccessKey', value: 'SAS_KEY_VALUE' }

after(cleanUp)

const namespace = (name: string, port?: number): NamespaceSettings => ({
  name,
  port,
  throughputUnits: undefined,
  hubs: [{ name: 'orders', partitions: 1, consumerGroups: [] }],
})

async function start(t: TestContext, options: Omit<EventHubsOptions, 'key'>): Promise<RunningEventHubs> {
  const running = await startEventHubs({ ...options, key: KEY })
  t.after(() => running.stop())
  return running
}

test('if a part cannot start, all others are stopped, and a new start works at once', async (t) => {
  const taken = await start(t, { port: 0, dataDir: await newFolder(), namespaces: [namespace('other-ns')] })
  const takenPort = Number(new URL(taken.address).port)
  const dataDir = await newFolder()
  const port = await freePort()
  const controlPort = await freePort()
  const broken = join(dataDir, 'namespaces', 'broken-ns', 'hubs', 'orders')
  await mkdir(broken, { recursive: true })
  await writeFile(join(broken, 'hub.json'), '{')
  const failures: readonly (readonly [Partial<EventHubsOptions>, RegExp])[] = [
    [{ namespaces: [namespace('first-ns'), namespace('broken-ns', 0)] }, /broken-ns.hubs.orders.hub\.json is damaged/],
    [
      { namespaces: [namespace('first-ns'), namespace('second-ns', takenPort)] },
      /port \d+ is in use: .* set "port" of namespace second-ns to another port/,
    ],
    [{ controlPort: takenPort }, /port \d+ is in use: .* set --control-port/],
  ]
  const namespaces = [namespace('first-ns')]
  for (const [options, message] of failures) {
    const failing = { port, dataDir, namespaces, controlPort, ...options }
    await assert.rejects(
      start(t, failing),
      (error: Error) => error instanceof StartError && message.test(error.message),
    )
    const again = await startEventHubs({ port, dataDir, namespaces, controlPort, key: KEY })
    assert.equal((await fetch(`http://127.0.0.1:${controlPort}/health`)).status, 200)
    await again.stop()
  }
})

test('reports that it is unhealthy, and why, if a partition or a namespace accepts nothing more', async (t) => {
  const namespaces = await openNamespaces([namespace('first-ns'), namespace('second-ns', 0)], await newFolder(), KEY)
  const servers = await Promise.all(namespaces.map((one) => serveNamespace(one, 0, 'a test')))
  const control = await startControl({ port: 0, setting: 'a test', answer: (request) => answer(servers, request) })
  t.after(async () => {
    await control.stop()
    await servers[0]?.stop()
    await Promise.all(namespaces.map((one) => one.close()))
  })
  const health = async (): Promise<[number, unknown]> => {
    const response = await fetch(`${control.address}/health`)
    return [response.status, await response.json()]
  }
  assert.deepEqual(await health(), [200, { status: 'healthy' }])
  const [log] = namespaces[0]?.hubs.get('orders')?.partitions ?? []
  await log?.close()
  const failed = 'namespace first-ns: partition 0 of hub orders accepts no more events: the log is closed'
  assert.deepEqual(await health(), [503, { status: 'unhealthy', reasons: [failed] }])
  await servers[1]?.stop()
  const reasons = [failed, 'namespace second-ns accepts no connections']
  assert.deepEqual(await health(), [503, { status: 'unhealthy', reasons }])
})

test('ignores an incomplete hub folder, and reads a hub of an earlier version', async (t) => {
  const dataDir = await newFolder()
  const options = { port: 0, dataDir, namespaces: [namespace('first-ns')], controlPort: 0 }
  const first = await startEventHubs({ ...options, key: KEY })
  await first.stop()
  const hubs = join(dataDir, 'hubs')
  await mkdir(join(hubs, 'halfway'))
  await writeFile(join(hubs, 'stray'), 'a file')
  const file = join(hubs, 'orders', 'hub.json')
  const { name, partitions, createdAt } = JSON.parse(await readFile(file, 'utf8'))
  await writeFile(file, JSON.stringify({ name, partitions, createdAt }))
  const { control } = await start(t, options)
  const response = await fetch(`${control}/namespaces/first-ns/hubs`)
  const { hubs: served } = (await response.json()) as { hubs: { name: string; createdAt: string }[] }
  assert.deepEqual(
    served.map((hub) => [hub.name, hub.createdAt]),
    [['orders', createdAt]],
  )
})

test('a created hub is completely on disk before the answer', async (t) => {
  const dataDir = await newFolder()
  const running = await start(t, { port: 0, dataDir, namespaces: [namespace('first-ns')], controlPort: 0 })
  const put = await fetch(`${running.control}/namespaces/first-ns/hubs/late`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ partitions: 2, consumerGroups: ['view'] }),
  })
  assert.equal(put.status, 201)
  const kept = JSON.parse(await readFile(join(dataDir, 'hubs', 'late', 'hub.json'), 'utf8'))
  assert.deepEqual([kept.partitions, kept.consumerGroups, kept.createdWhileRunning], [2, ['view'], true])
  await assert.rejects(access(join(dataDir, 'hubs', 'late', 'hub.json.new')))
})

test('events stored at a stop are acknowledged before the links are detached', async (t) => {
  const dataDir = await newFolder()
  const running = await start(t, { port: 0, dataDir, namespaces: [namespace('first-ns')] })
  const connectionString = `Endpoint=sb://127.0.0.1:${new URL(running.address).port}`
  const peer = await RawPeer.open(t, { connectionString, stop: () => running.stop() })
  await peer.begin(0)
  await peer.sender(0, 0, 'orders/Partitions/0')
  const message = encodeJson('x'.repeat(20_000))
  for (let id = 0; id < 500; id++) peer.socket.write(frame(0, 'transfer', transfer(0, id), message))
  await peer.next('disposition')
  await running.stop()
  await within(peer.closed, 'the end')
  const acknowledged = peer.dispositions.reduce((sum, [first, last]) => sum + last - first + 1, 0)
  const [stored] = await openNamespaces([namespace('first-ns')], dataDir, KEY)
  t.after(() => stored?.close())
  const log = stored?.hubs.get('orders')?.partition('0')
  assert.ok(acknowledged > 0)
  assert.equal(acknowledged, Number(log?.info.lastSequence) + 1)
  const names = peer.received.map(({ name }) => name)
  assert.ok(names.lastIndexOf('disposition') < names.indexOf('detach'), names.join(' '))
})
