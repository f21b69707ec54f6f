import assert from 'node:assert/strict'
import { access, readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { StartError } from '../../kit/errors.ts'
import { until } from '../../test-support/wait.ts'
import { answer } from '../control/control-routes.ts'
import { Faults } from '../faults/faults.ts'
import { Items } from '../items/items.ts'
import { Catalog } from '../resources/catalog.ts'
import { Store } from '../store/store.ts'
import { controlFile, newFolder, startControlled } from './controlled-emulator.ts'
import { readPort, startEmulator } from './emulator.ts'
import { newContainer } from './support.ts'

const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  )

test('the control endpoint runs only if its port is set, and control.json has its address meanwhile', async (t) => {
  const folder = await newFolder(t)
  const without = await startEmulator(folder)
  t.after(() => without.stop())
  assert.equal(await isThere(controlFile(folder)), false)
  await without.stop()
  const running = await startControlled(t, folder)
  assert.deepEqual(await running.call('GET', '/health'), { status: 200, body: { status: 'healthy' } })
  running.child.kill('SIGKILL')
  await running.child.exited
  assert.equal(JSON.parse(await readFile(controlFile(folder), 'utf8')).pid, running.child.pid)
  const again = await startEmulator(folder)
  t.after(() => again.stop())
  assert.equal(await isThere(controlFile(folder)), false)
  await again.stop()
  const last = await startControlled(t, folder)
  await last.child.stop()
  assert.equal(await isThere(controlFile(folder)), false)
})

test('a control port in use is refused in one line that names the setting, and nothing runs', async (t) => {
  const first = await startEmulator(await newFolder(t))
  t.after(() => first.stop())
  const folder = await newFolder(t)
  await assert.rejects(
    startEmulator(folder, 0, { COSMOS_EMULATOR_CONTROL_PORT: String(readPort(first)) }),
    (error: Error) => error instanceof StartError && /^port \d+ is in use: .*--control-port[^\n]*$/.test(error.message),
  )
  const second = await startEmulator(folder)
  await second.stop()
})

test('the control endpoint refuses a wrong request in one line, with a fitting status', async (t) => {
  const { call, target } = await startControlled(t)
  const container = await newContainer(t, target)
  const ranges = `/databases/${container.database.id}/containers/c/ranges`
  const refusals: readonly (readonly [number, string, string, unknown, RegExp])[] = [
    [404, 'GET', '/', undefined, /nothing at this path/],
    [404, 'GET', '/databases/d', undefined, /nothing at this path/],
    [404, 'GET', '/namespaces', undefined, /nothing at this path/],
    [405, 'POST', '/health', undefined, /there is no POST here, only GET/],
    [405, 'GET', `${ranges}/0/split`, undefined, /there is no GET here, only POST/],
    [404, 'POST', '/databases/none/containers/c/ranges/0/split', undefined, /database none does not exist/],
    [404, 'POST', `/databases/${container.database.id}/containers/none/ranges/0/split`, undefined, /container none/],
    [404, 'POST', `${ranges}/none/split`, undefined, /range none/],
    [400, 'POST', `${ranges}/0/split`, { at: 1 }, /"at" is unknown/],
    [400, 'PUT', '/faults', undefined, /an object is expected/],
    [400, 'PUT', '/faults', { seed: 1, faults: [{ kind: 'throttle', rate: 2 }] }, /faults\[0\]: "rate" must be 0 to 1/],
    [
      400,
      'PUT',
      '/faults',
      { seed: 1, faults: [{ kind: 'lagging-replica', rate: 1, container: 7 }] },
      /faults\[0\]: "container" must be a text/,
    ],
  ]
  for (const [status, method, path, body, message] of refusals) {
    const answered = await call(method, path, body)
    assert.equal(answered.status, status, `${method} ${path}: ${JSON.stringify(answered.body)}`)
    assert.match(answered.body.detail, message)
    assert.ok(!answered.body.detail.includes('\n'))
  }
  assert.deepEqual((await call('GET', '/faults')).body, { settings: null, counts: [] })
})

test('the control endpoint lists databases, containers, ranges and item counts without expired items', async (t) => {
  const { call, target } = await startControlled(t)
  assert.deepEqual((await call('GET', '/databases')).body, { databases: [] })
  const container = await newContainer(t, target, { defaultTtl: -1 })
  for (const id of ['1', '2', '3']) await container.items.create({ id, pk: 'a', ...(id === '3' && { ttl: 1 }) })
  const readDatabases = async () => (await call('GET', '/databases')).body.databases
  await until('the item to expire', async () => (await readDatabases())[0].containers[0].items === 2)
  const ranges = [{ id: '0', minInclusive: '', maxExclusive: 'FF' }]
  assert.deepEqual(await readDatabases(), [
    { id: container.database.id, containers: [{ id: 'c', partitionKey: ['/pk'], ranges, items: 2 }] },
  ])
})

test('the control endpoint is unhealthy, with reasons, without connections or a readable data file', async (t) => {
  const store = new Store(await newFolder(t))
  const account = { store, catalog: new Catalog(store), items: new Items(store) }
  const health = (listening: boolean) =>
    answer(
      {
        account,
        faults: Faults.none,
        listening,
      },
      { method: 'GET', segments: ['health'], body: undefined },
    )
  assert.deepEqual(await health(true), { status: 200, body: { status: 'healthy' } })
  assert.deepEqual(await health(false), {
    status: 503,
    body: { status: 'unhealthy', reasons: ['no connections are accepted'] },
  })
  store.close()
  const { status, body } = await health(true)
  assert.equal(status, 503)
  assert.match(JSON.stringify(body), /the data file cannot be read: /)
})
