import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, it } from 'node:test'
import { CosmosClient } from '@azure/cosmos'
import { checkViews } from '../../cli/demo/check.ts'
import { checkServices } from '../../cli/demo/check-services.ts'
import { Client } from '../../cli/demo/client.ts'
import { listen } from '../../local/kit/listen.ts'
import { Command } from '../support/command.ts'
import { EMULATOR_KEY } from '../support/cosmos.ts'
import { nobodyListens, ownSettings } from '../support/ports.ts'
import { until, WAIT_MS } from '../support/wait.ts'

describe('npm start and npm run demo', () => {
  let env: Record<string, string>
  let folder: string
  const start = (...args: string[]): Command => new Command('cli/start.ts', args, env)
  const log = (service = 'ordering') =>
    new CosmosClient({ endpoint: `http://127.0.0.1:${env.TIDEMARK_COSMOS_PORT}`, key: EMULATOR_KEY }).database(service)
  const client = () => new Client(`http://127.0.0.1:${env.TIDEMARK_HTTP_PORT}/api/ordering`, WAIT_MS)

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tidemark-start-'))
    env = await ownSettings(join(folder, 'data'))
  })
  after(() => rm(folder, { recursive: true, force: true }))

  it('the demo says what to do where nothing is started', async () => {
    const { code, output } = await new Command('cli/demo.ts', [], env).ended
    assert.equal(code, 1)
    assert.match(output, /npm start/)
    assert.equal(output.trim().split('\n').length, 1)
  })

  it('starts, names every endpoint, is driven by the demo, ends on Ctrl-C with nothing left behind', async () => {
    const running = start()
    await running.prints('ready')
    for (const port of Object.keys(env).filter((name) => name.endsWith('_PORT')))
      assert.match(running.output, new RegExp(`:${env[port]}\\b`))
    const demo = await new Command('cli/demo.ts', ['--orders', '40', '--seed', '3'], env).ended
    assert.equal(demo.code, 0, demo.output)
    assert.match(demo.output, /checked +40 orders/)
    assert.match(demo.output, /every view equals its log/)
    running.kill('SIGINT')
    assert.equal((await running.ended).code, 0, running.output)
    await nobodyListens(env)
  })

  it('keeps its data between runs, and the check finds a view that was tampered with', async () => {
    const running = start()
    await running.prints('ready')
    const kept = await checkViews(client(), log().container('events'), [])
    assert.deepEqual([kept.orders, kept.differences], [40, []])

    const { resources } = await log()
      .container('order')
      .items.query("SELECT * FROM c WHERE c.kind = 'document'")
      .fetchAll()
    const [victim] = resources
    await log()
      .container('order')
      .item(victim.id, victim.pk)
      .replace({ ...victim, document: { ...victim.document, status: 'lost' } })
    const sales = await log()
      .container('sales-by-product')
      .items.query("SELECT * FROM c WHERE c.kind = 'document'")
      .fetchAll()
    const [product] = sales.resources
    await log()
      .container('sales-by-product')
      .item(product.id, product.pk)
      .replace({ ...product, document: { ...product.document, quantity: product.document.quantity + 1 } })
    const { differences } = await checkViews(client(), log().container('events'), ['order-nobody@1'])
    assert.ok(differences.some((line) => line.startsWith(`order ${victim.document.orderId}: the log says`)))
    assert.ok(differences.some((line) => line.startsWith(`sales of ${product.document.sku}: the log says`)))
    assert.ok(differences.some((line) => line.startsWith('order-nobody@1 was answered')))
    await findsTampered()
    running.kill('SIGTERM')
    assert.equal((await running.ended).code, 0, running.output)
  })

  /** The views of every other service: as they were, and with one document of each changed. */
  async function findsTampered(): Promise<void> {
    const at = (service: string) => new Client(`http://127.0.0.1:${env.TIDEMARK_HTTP_PORT}/api/${service}`, WAIT_MS)
    const names = ['ordering', 'inventory', 'payments', 'shipping'] as const
    const of = <Thing>(thing: (name: string) => Thing) =>
      Object.fromEntries(names.map((name) => [name, thing(name)])) as Record<(typeof names)[number], Thing>
    const check = () =>
      checkServices(
        of(at),
        of((name) => log(name).container('events')),
        ['payment-nobody@1', 'shipment-nobody@1'],
        0,
      )
    const promised = ['payment-nobody@1', 'shipment-nobody@1'].map(
      (each) => `${each} was answered, but is not in the log`,
    )
    const kept = await check()
    assert.deepEqual(kept.differences, promised)
    assert.ok(kept.products > 0 && kept.reserved > 0 && kept.payments > 0 && kept.shipments > 0)
    for (const outcome of ['confirmed', 'completed', 'cancelled', 'rejected'])
      assert.ok((kept.decided.get(outcome) ?? 0) > 0, outcome)

    const expected: string[] = []
    for (const [service, view, what, id] of [
      ['ordering', 'fulfilment', 'fulfilment', 'orderId'],
      ['inventory', 'stock-level', 'stock of', 'sku'],
      ['payments', 'payment', 'payment of', 'orderId'],
      ['payments', 'takings', 'takings in', 'currency'],
      ['shipping', 'shipment', 'shipment of', 'orderId'],
    ] as const) {
      const { items } = log(service).container(view)
      const [found] = (await items.query("SELECT * FROM c WHERE c.kind = 'document'").fetchAll()).resources
      const { document } = found
      await items.upsert({ ...found, document: { ...document, planted: 1 } })
      expected.push(`${what} ${document[id]}`)
    }
    const { differences } = await check()
    assert.deepEqual(
      differences.slice(promised.length).map((line) => line.split(':')[0]),
      [expected[1], expected[0], ...expected.slice(2)],
    )
  }

  it('--fresh starts empty, and --fast says in one line what it costs', async () => {
    const running = start('--fresh', '--fast')
    await running.prints('ready')
    assert.match(running.output, /^--fast: acknowledged is not on disk$/m)
    const { resources } = await log().container('events').items.readAll().fetchAll()
    assert.deepEqual(resources, [])
    running.kill('SIGINT')
    assert.equal((await running.ended).code, 0, running.output)
  })

  it('a port in use is one line that names the port and its setting, and nothing stays behind', async () => {
    const server = createServer()
    await listen(server, Number(env.TIDEMARK_COSMOS_PORT), 'a test')
    const { code, output } = await start().ended
    server.close()
    assert.equal(code, 1)
    assert.match(output, new RegExp(`port ${env.TIDEMARK_COSMOS_PORT} is in use.*TIDEMARK_COSMOS_PORT`))
    assert.equal(output.trim().split('\n').length, 1, output)
    await nobodyListens(env)
  })

  it('a second start on the same data is one line that names the process that has it, and the first goes on', async () => {
    const first = start()
    await first.prints('ready')
    const ports = Object.fromEntries(Object.keys(env).flatMap((name) => (name.endsWith('_PORT') ? [[name, '0']] : [])))
    const { code, output } = await new Command('cli/start.ts', [], { ...env, ...ports }).ended
    assert.equal(code, 1)
    assert.match(output, /data folder .* is in use by process \d+/)
    assert.equal(output.trim().split('\n').length, 1, output)
    assert.equal((await client().get('/orders?limit=1')).status, 200)
    first.kill('SIGINT')
    assert.equal((await first.ended).code, 0, first.output)
  })

  it('a data folder that cannot be written is one line that names it', async () => {
    const file = join(folder, 'a-file')
    await writeFile(file, '')
    const { code, output } = await new Command('cli/start.ts', [], { ...env, TIDEMARK_DATA: join(file, 'data') }).ended
    assert.equal(code, 1)
    assert.ok(output.includes(file), output)
    assert.equal(output.trim().split('\n').length, 1, output)
    await nobodyListens(env)
  })

  it('data of a newer format is one line that says so, and is not touched', async () => {
    const data = join(folder, 'newer')
    await mkdir(join(data, 'cosmos'), { recursive: true })
    const file = join(data, 'cosmos', 'cosmos.sqlite')
    const newer = new DatabaseSync(file)
    newer.exec('PRAGMA user_version = 1000')
    newer.close()
    const before = await readFile(file)
    const { code, output } = await new Command('cli/start.ts', [], { ...env, TIDEMARK_DATA: data }).ended
    assert.equal(code, 1)
    assert.match(output, /newer version/)
    assert.equal(output.trim().split('\n').length, 1, output)
    assert.deepEqual(await readFile(file), before)
    await nobodyListens(env)
  })

  for (const [name, value] of [
    ['TIDEMARK_HTTP_PORT', 'http'],
    ['TIDEMARK_COSMOS_PORT', '70000'],
    ['TIDEMARK_RELAY_POLL_MS', 'soon'],
    ['TIDEMARK_QUERY_WAIT', '9'],
    ['CosmosConnection__clientId', '0b5c8f6e-6f0a-4c39-9f0e-0d4a7c1a2b3c'],
    ['EventHubConnection__fullyQualifiedNamespace', 'ns.servicebus.windows.net'],
  ] as const)
    it(`${name}=${value} is one line that names the setting`, async () => {
      const { code, output } = await new Command('cli/start.ts', [], { ...env, [name]: value }).ended
      assert.equal(code, 1)
      assert.match(output, new RegExp(name))
      assert.equal(output.trim().split('\n').length, 1, output)
      await nobodyListens(env)
    })

  it('a wrong argument is one line that names those there are', async () => {
    const { code, output } = await start('--frech').ended
    assert.equal(code, 1)
    assert.match(output, /--fresh/)
    assert.equal(output.trim().split('\n').length, 1, output)
  })

  it('its kill -9 leaves no process behind', async () => {
    const running = start()
    await running.prints('ready')
    running.kill('SIGKILL')
    await running.ended
    // No error is seen last: every port is free.
    const busy = () =>
      nobodyListens(env).then(
        () => undefined,
        (error: Error) => error,
      )
    await until('every process to end with its parent', busy, (error) => error === undefined)
  })
})
