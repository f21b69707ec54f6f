import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { after, afterEach, before, describe, it } from 'node:test'
import { CosmosClient } from '@azure/cosmos'
import { checkViews } from '../../packages/cli/demo/check.ts'
import { checkServices } from '../../packages/cli/demo/check-services.ts'
import { Client } from '../../packages/cli/demo/client.ts'
import { listen } from '../../packages/kit/listen.ts'
import { Command } from '../../packages/test-support/command.ts'
import { EMULATOR_KEY } from '../../packages/test-support/cosmos.ts'
import { answers, nobodyListens, ownSettings } from '../../packages/test-support/ports.ts'
import { until, WAIT_MS } from '../../packages/test-support/wait.ts'

interface OpenApi {
  readonly tags: readonly { readonly name: string }[]
}

describe('npm start and npm run demo', () => {
  let env: Record<string, string>
  let folder: string
  const started: Command[] = []
  const start = (...args: string[]): Command => {
    const command = new Command('packages/cli/start.ts', args, env)
    started.push(command)
    return command
  }
  // Processes left by a failed test would block the ports and the test runner.
  afterEach(() => {
    for (const command of started.splice(0)) command.kill('SIGKILL')
  })
  const log = (service = 'ordering') =>
    new CosmosClient({ endpoint: `http://127.0.0.1:${env.TIDEMARK_COSMOS_PORT}`, key: EMULATOR_KEY }).database(service)
  const at = (path: string) => `http://127.0.0.1:${env.TIDEMARK_HTTP_PORT}${path}`
  const client = () => new Client(at('/api/ordering'), WAIT_MS)

  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tidemark-start-'))
    env = await ownSettings(join(folder, 'data'))
  })
  after(() => rm(folder, { recursive: true, force: true }))

  it('tell what to do if nothing is started', async () => {
    const { code, output } = await new Command('packages/cli/demo.ts', [], env).ended
    assert.equal(code, 1)
    assert.match(output, /npm start/)
    assert.equal(output.trim().split('\n').length, 1)
  })

  for (const [what, port] of [
    ['the cloud', 'TIDEMARK_BLOB_PORT'],
    ['the hosts', 'TIDEMARK_HTTP_PORT'],
  ] as const)
    it(`end at once on Ctrl-C while ${what} start, with nothing left behind`, async () => {
      const running = start()
      await until(`${port} to answer`, () => answers(Number(env[port])))
      running.kill('SIGINT')
      const { code, output } = await running.ended
      assert.deepEqual([code, output], [0, ''])
      await nobodyListens(env)
    })

  it('restart a killed host, and end everything if it dies repeatedly, with one line each', async () => {
    const running = start()
    await running.prints('ready: ')
    const paths = ['ordering', 'payments'].map((service) => `/api/${service}/streams/x-1/state`)
    const processes = () => [...running.output.matchAll(/^payments .* process (\d+)$/gm)].map(([, pid]) => Number(pid))
    const statuses = () => Promise.all(paths.map(async (path) => (await fetch(at(path))).status))
    for (let death = 1; death <= 3; death += 1) {
      process.kill(processes().at(-1) ?? 0, 'SIGKILL')
      await running.prints(`payments     ended by SIGKILL: it is started again (${death} of 3 times a minute)`)
      // Answers may fail otherwise than with 503 while the host restarts. In the end it answers itself.
      await until('it to serve again', statuses, (seen) => seen.every((status) => status === 404))
      await until('the new process to be reported', () => processes().length === death + 1)
    }
    assert.equal(new Set(processes()).size, 4)
    process.kill(processes().at(-1) ?? 0, 'SIGKILL')
    const { code, output } = await running.ended
    assert.equal(code, 1)
    assert.match(output, /\npayments ended by SIGKILL, for the 4th time within a minute: ending the others\n$/)
    await nobodyListens(env)
  })

  it('start a host for each service, serve the demo, and end on Ctrl-C with nothing left behind', async () => {
    const running = start()
    await running.prints('ready: ')
    for (const port of Object.keys(env).filter((name) => name.endsWith('_PORT')))
      assert.match(running.output, new RegExp(`:${env[port]}\\b`))
    const lines = running.output.trim().split('\n')
    const names = ['ordering', 'inventory', 'payments', 'shipping', 'customers']
    const parts = ['blobs', 'event hubs', 'cosmos db', ...names, 'all services', 'console', 'data']
    assert.deepEqual(
      lines.map((line) => line.slice(0, 12).trim()),
      [...parts, 'ready: Ctrl-'],
    )
    const links = lines.slice(3, 9).map((line) => /http\S+/.exec(line)?.[0] ?? '')
    const documents = await Promise.all(links.map(async (link) => (await fetch(link)).json() as Promise<OpenApi>))
    const listTags = ({ tags }: OpenApi): string[] => tags.map(({ name }) => name)
    assert.deepEqual(documents.map(listTags), [...names.map((name) => [name]), names.toSorted()])
    assert.equal(links.at(-1), at('/api/openapi.json'))
    const demo = await new Command('packages/cli/demo.ts', ['--orders', '40', '--seed', '3'], env).ended
    assert.equal(demo.code, 0, demo.output)
    assert.match(demo.output, /checked +40 orders.* [1-9]\d* trails/)
    assert.match(demo.output, /every view equals its log/)
    running.kill('SIGINT')
    assert.equal((await running.ended).code, 0, running.output)
    await nobodyListens(env)
    for (const link of links) await assert.rejects(fetch(link), /fetch failed/)
  })

  it('run all services in one host with --one-process, keep the data, and find a tampered view', async () => {
    const running = start('--one-process')
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
    assert.ok(differences.some((line) => line.startsWith('a command returned order-nobody@1')))
    await findsTampered()
    running.kill('SIGTERM')
    assert.equal((await running.ended).code, 0, running.output)
  })

  /** Checks the views of every other service, unchanged and then with one document of each changed. */
  async function findsTampered(): Promise<void> {
    const createClient = (service: string) => new Client(at(`/api/${service}`), WAIT_MS)
    const names = ['ordering', 'inventory', 'payments', 'shipping'] as const
    const of = <Thing>(thing: (name: string) => Thing) =>
      Object.fromEntries(names.map((name) => [name, thing(name)])) as Record<(typeof names)[number], Thing>
    const check = () =>
      checkServices(
        { ...of(createClient), customers: createClient('customers') },
        of((name) => log(name).container('events')),
        ['payment-nobody@1', 'shipment-nobody@1'],
        0,
      )
    const promised = ['payment-nobody@1', 'shipment-nobody@1'].map(
      (each) => `a command returned ${each}, but it is not in the log`,
    )
    const kept = await check()
    assert.deepEqual(kept.differences, promised)
    assert.ok(kept.products > 0 && kept.reserved > 0 && kept.payments > 0 && kept.shipments > 0 && kept.trails > 0)
    for (const outcome of ['confirmed', 'completed', 'cancelled', 'rejected'])
      assert.ok((kept.decided.get(outcome) ?? 0) > 0, outcome)

    const expected: string[] = []
    for (const [service, view, what, id] of [
      ['ordering', 'fulfilment', 'fulfilment', 'orderId'],
      ['inventory', 'stock-level', 'stock of', 'sku'],
      ['payments', 'payment', 'payment of', 'orderId'],
      ['payments', 'takings', 'takings in', 'currency'],
      ['shipping', 'shipment', 'shipment of', 'orderId'],
      ['customers', 'order-trail', 'trail of', 'orderId'],
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

  it('start empty with --fresh, and say in one line what --fast costs', async () => {
    const running = start('--one-process', '--fresh', '--fast')
    await running.prints('ready')
    assert.match(running.output, /^--fast: acknowledged data may not be on disk yet$/m)
    const { resources } = await log().container('events').items.readAll().fetchAll()
    assert.deepEqual(resources, [])
    running.kill('SIGINT')
    assert.equal((await running.ended).code, 0, running.output)
  })

  for (const [port, ...args] of [
    ['TIDEMARK_COSMOS_PORT'],
    ['TIDEMARK_HTTP_PORT'],
    ['TIDEMARK_HTTP_PORT', '--one-process'],
  ] as const)
    it(`report that ${[port, ...args].join(' ')} is in use in one line, with nothing left behind`, async () => {
      const server = createServer()
      await listen(server, Number(env[port]), 'a test')
      const { code, output } = await start(...args).ended
      server.close()
      assert.equal(code, 1)
      assert.match(output, new RegExp(`port ${env[port]} is in use.*${port}`))
      assert.equal(output.trim().split('\n').length, 1, output)
      await nobodyListens(env)
    })

  it('refuse a second start on the same data in one line, and the first one continues', async () => {
    const first = start('--one-process')
    await first.prints('ready')
    const ports = Object.fromEntries(Object.keys(env).flatMap((name) => (name.endsWith('_PORT') ? [[name, '0']] : [])))
    const { code, output } = await new Command('packages/cli/start.ts', [], { ...env, ...ports }).ended
    assert.equal(code, 1)
    assert.match(output, /data folder .* is in use by process \d+/)
    assert.equal(output.trim().split('\n').length, 1, output)
    assert.equal((await client().get('/orders?limit=1')).status, 200)
    first.kill('SIGINT')
    assert.equal((await first.ended).code, 0, first.output)
  })

  it('report a data folder without write access in one line', async () => {
    const file = join(folder, 'a-file')
    await writeFile(file, '')
    const { code, output } = await new Command('packages/cli/start.ts', [], {
      ...env,
      TIDEMARK_DATA: join(file, 'data'),
    }).ended
    assert.equal(code, 1)
    assert.ok(output.includes(file), output)
    assert.equal(output.trim().split('\n').length, 1, output)
    await nobodyListens(env)
  })

  it('refuse data of a newer format in one line, and do not change it', async () => {
    const data = join(folder, 'newer')
    await mkdir(join(data, 'cosmos'), { recursive: true })
    const file = join(data, 'cosmos', 'cosmos.sqlite')
    const newer = new DatabaseSync(file)
    newer.exec('PRAGMA user_version = 1000')
    newer.close()
    const before = await readFile(file)
    const { code, output } = await new Command('packages/cli/start.ts', [], { ...env, TIDEMARK_DATA: data }).ended
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
    it(`refuse ${name}=${value} in one line that names the setting`, async () => {
      const { code, output } = await new Command('packages/cli/start.ts', [], { ...env, [name]: value }).ended
      assert.equal(code, 1)
      assert.match(output, new RegExp(name))
      assert.equal(output.trim().split('\n').length, 1, output)
      await nobodyListens(env)
    })

  for (const [args, status, line] of [
    [['--frech'], 1, /--fresh --fast --one-process --verbose --watch --inspect --service NAME/],
    [['--one-process', '--service', 'ordering'], 1, /^--one-process is for all services/],
    [['--watch', '--one-process'], 1, /^--watch needs a host for each service/],
    [['--inspect'], 1, /^--inspect needs --watch/],
    [['--help'], 0, /--fresh --fast --one-process --verbose --watch --inspect --service NAME/],
  ] as const)
    it(`refuse ${args.join(' ')} in one line that lists the options`, async () => {
      const { code, output } = await start(...args).ended
      assert.equal(code, status)
      assert.match(output, line)
      assert.equal(output.trim().split('\n').length, 1, output)
    })

  it('log every function with its service under --verbose, and leave no process after kill -9', async () => {
    const running = start('--verbose')
    await running.prints('ready: ')
    for (const [service, path] of [
      ['ordering', '/api/ordering/orders/{id}/{command}'],
      ['shipping', '/api/shipping/shipments/{id}'],
    ] as const)
      await until(`the line of ${path}`, () =>
        running.output.split('\n').some((line) => line.startsWith(service) && line.endsWith(path)),
      )
    assert.match(running.output, /^ordering +ordering-views: eventHubTrigger$/m)
    running.kill('SIGKILL')
    await running.ended
    // The last check saw no error: every port is free.
    const busy = () =>
      nobodyListens(env).then(
        () => undefined,
        (error: Error) => error,
      )
    await until('every process to end with its parent', busy, (error) => error === undefined)
  })
})
