import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { readLog } from '../../packages/cli/demo/raw-fold.ts'
import { services } from '../../packages/cli/project/config.ts'
import { listen } from '../../packages/kit/listen.ts'
import { until } from '../../packages/test-support/wait.ts'
import { PrivateOrderPlaced } from '../../src/ordering/events.ts'
import { address, keptAddress, placeBody } from '../support/orders.ts'
import { System } from '../support/system.ts'

let system: System
before(async () => {
  system = await System.start({ services: ['ordering'] })
})
after(() => system.remove())

// biome-ignore lint/suspicious/noExplicitAny: a response body, read field by field.
type Body = any

async function get(path: string): Promise<{ status: number; headers: Headers; body: Body }> {
  const response = await fetch(system.base + path)
  return { status: response.status, headers: response.headers, body: await response.json() }
}

async function post(path: string, body: unknown, headers: Record<string, string> = {}): Promise<Body> {
  const answer = await system.client.post(path, body, { 'idempotency-key': randomUUID(), ...headers })
  assert.ok(answer.status === 200 || answer.status === 201, JSON.stringify(answer.body))
  return answer.body
}

const moveTo = (city: string) => ({ shippingAddress: { ...address, city } })

/** An order that was placed, relocated to each city in turn, and cancelled. @returns its stream. */
async function orderThatMoved(...cities: readonly string[]): Promise<string> {
  const { id } = await post('/orders', placeBody)
  for (const city of cities) await post(`/orders/${id}/change-shipping-address`, moveTo(city))
  await post(`/orders/${id}/cancel`, { reason: 'late' })
  return `order-${id}`
}

/** Runs a command of the CLI in a process of its own, against the system under test. */
function cli(file: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
  const { http, cosmos } = system.ports
  return spawn(process.execPath, [file, ...args], {
    cwd: fileURLToPath(new URL('../../', import.meta.url)),
    env: { ...process.env, TIDEMARK_HTTP_PORT: String(http), TIDEMARK_COSMOS_PORT: String(cosmos), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
}

async function ended(child: ChildProcess): Promise<{ code: number | null; out: string; err: string }> {
  let [out, err] = ['', '']
  child.stdout?.on('data', (chunk: Buffer) => {
    out += chunk
  })
  child.stderr?.on('data', (chunk: Buffer) => {
    err += chunk
  })
  const [code] = await once(child, 'close')
  return { code, out, err }
}

// First, while the log is empty.
describe('npm run verify on a log without events', () => {
  it('fails, since nothing was checked', async () => {
    const { code, out, err } = await ended(cli('packages/cli/verify.ts', ['ordering', '--no-archive']))
    assert.equal(code, 1)
    assert.match(out, /^checked {10}0 streams, 0 commits, 0 events, 0 receipts$/m)
    assert.match(err, /^failed: there is no event$/m)
  })
})

describe('the past, over HTTP,', () => {
  let stream: string
  before(async () => {
    stream = await orderThatMoved('Bruges', 'Ostend')
  })

  it('has every event of a stream as recorded, with its actor and cause', async () => {
    const key = randomUUID()
    const traceparent = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01`
    const { id } = await post('/orders', placeBody, {
      'idempotency-key': key,
      'x-actor': 'ada',
      'x-correlation-id': 'visit-1',
      traceparent,
    })
    const { status, body } = await get(`/streams/order-${id}/events`)
    assert.deepEqual([status, body.stream, body.direction, body.items.length], [200, `order-${id}`, 'forward', 1])
    const [event] = body.items
    const { resources } = await system.log.items.readAll({ partitionKey: `order-${id}` }).fetchAll()
    const [stored] = readLog(resources).events
    assert.ok(stored)
    // The log has name and street encrypted.
    const { name, streetName, houseNumber } = keptAddress
    const shippingAddress = { ...stored.data.shippingAddress, name, streetName, houseNumber }
    assert.deepEqual(event, { ...stored, data: { ...stored.data, shippingAddress } })
    const { actor, correlation, causation, version, type, schemaVersion } = event
    assert.deepEqual(
      { actor, correlation, causation, version, type, schemaVersion, traceparent: event.traceparent },
      {
        actor: 'ada',
        correlation: 'visit-1',
        causation: `command:${key}`,
        version: 1,
        type: 'OrderPlaced',
        schemaVersion: PrivateOrderPlaced.version,
        traceparent,
      },
    )
    assert.match(`${event.previousHash} ${event.hash}`, /^0{64} [0-9a-f]{64}$/)
  })

  it('has every event once, by page, and backward the reverse of forward', async () => {
    const walk = async (direction: string): Promise<{ versions: number[]; pages: number }> => {
      const versions: number[] = []
      let pages = 0
      for (let after = ''; ; ) {
        const { body } = await get(`/streams/${stream}/events?direction=${direction}&limit=3${after}`)
        versions.push(...body.items.map(({ version }: Body) => version))
        pages += 1
        if (body.continuation === undefined) return { versions, pages }
        after = `&after=${body.continuation}`
      }
    }
    assert.deepEqual(await walk('forward'), { versions: [1, 2, 3, 4], pages: 2 })
    assert.deepEqual(await walk('backward'), { versions: [4, 3, 2, 1], pages: 2 })
  })

  it('has the state at each version, and at the time of each event', async () => {
    const { body } = await get(`/streams/${stream}/events`)
    const cities = [address.city, 'Bruges', 'Ostend', 'Ostend']
    for (const { version, time, hash } of body.items) {
      const { status, headers, body: then } = await get(`/streams/${stream}/state?version=${version}`)
      assert.deepEqual([status, headers.get('etag')], [200, `"${version}"`])
      assert.deepEqual([then.stream, then.version, then.time, then.hash], [stream, version, time, hash])
      assert.equal(then.state.shippingAddress.city, cities[version - 1])
      assert.equal(then.state.status, version === 4 ? 'cancelled' : 'placed')
      const moment = await get(`/streams/${stream}/state?at=${encodeURIComponent(time.replace('Z', '+00:00'))}`)
      const last = body.items.findLast((event: Body) => event.time === time)
      assert.equal(moment.body.version, last.version)
    }
    const newest = await get(`/streams/${stream}/state`)
    assert.equal(newest.body.version, 4)
    assert.deepEqual((await get(`/streams/${stream}/state?at=2999-01-01T00:00:00Z`)).body, newest.body)
  })
})

describe('tidemark show', () => {
  let stream: string
  before(async () => {
    stream = await orderThatMoved('Bruges')
  })
  const state = (...args: readonly string[]) => ended(cli('packages/cli/tidemark.js', ['show', ...args]))

  it('reports in one line that another program answers', async () => {
    const other = createServer((_, response) => response.end('<html>'))
    const port = await listen(other, 0, 'a test')
    const { code, err } = await ended(
      cli('packages/cli/tidemark.js', ['show', stream], { TIDEMARK_HTTP_PORT: String(port) }),
    )
    other.close()
    assert.equal(code, 3)
    assert.match(err, new RegExp(`^port ${port} answered 200: ordering .*\\n$`))
  })

  it('reports missing or invalid arguments, and fails', async () => {
    const cases: [args: string[], code: number, line: RegExp][] = [
      [['order-nobody'], 1, /^stream-not-found: .*order-nobody$/],
      [['basket-1'], 2, /^no service has a stream basket-1; there are order-<id>, (.+, )?shipment-<id>$/],
      [[stream, '--version', '9'], 1, /^version-not-found: .* is at version 3$/],
      [[stream, '--at', 'yesterday'], 2, /^invalid-time: /],
      [[], 2, /^error: missing required argument 'stream'/],
      [[stream, '--verison', '1'], 2, /^error: unknown option '--verison'\n\(Did you mean --version\?\)/],
    ]
    for (const [args, expected, line] of cases) {
      const { code, out, err } = await state(...args)
      assert.deepEqual([code, out], [expected, ''])
      assert.match(err.trimEnd(), line)
    }
  })

  it('prints the state as JSON, and its position on stderr', async () => {
    const { body } = await get(`/streams/${stream}/state?version=2`)
    const { code, out, err } = await state(stream, '--version', '2')
    assert.equal(code, 0)
    assert.deepEqual(JSON.parse(out), body.state)
    assert.equal(err, `${stream}@2 at ${body.time}, hash ${body.hash}\n`)
    assert.deepEqual(JSON.parse((await state(stream)).out).status, 'cancelled')
    assert.deepEqual(JSON.parse((await state(stream, '--at', body.time)).out), body.state)
  })
})

describe('npm run verify', () => {
  /** The log alone: the archive would show each change a second time. */
  const verify = () => ended(cli('packages/cli/verify.ts', ['ordering', '--no-archive']))

  it('reports an unknown service in one line', async () => {
    const { code, err } = await ended(cli('packages/cli/verify.ts', ['baskets']))
    assert.deepEqual(
      [code, err],
      [1, `there is no service baskets; there are ${services.map(({ name }) => name).join(', ')}\n`],
    )
  })

  /** A repeated cancellation changes nothing and leaves a receipt. @returns the stream. */
  async function orderCancelledTwice(): Promise<string> {
    const stream = await orderThatMoved('Bruges')
    await post(`/orders/${stream.slice('order-'.length)}/cancel`, { reason: 'late' })
    return stream
  }

  it('counts what it checked, and finds nothing while commands continue', async () => {
    await orderCancelledTwice()
    let stop = false
    const writers = Array.from({ length: 4 }, async () => {
      while (!stop) await orderCancelledTwice()
    })
    const { code, out, err } = await verify()
    stop = true
    await Promise.all(writers)
    assert.deepEqual([code, err], [0, ''])
    const [, ...counts] =
      /^checked +(\d+) streams, (\d+) commits, (\d+) events, (\d+) receipts\nevery event matches its hash, /m.exec(
        out,
      ) ?? []
    const [streams = 0, commits = 0, events = 0, receipts = 0] = counts.map(Number)
    assert.ok(streams > 0 && commits >= streams && events >= commits && receipts > 0, out)
    assert.match(out, /^not verifiable +whether the newest commits .* were removed, /m)
    const [, orders, sales, fulfilments] =
      /^compared +order (\d+) documents, sales-by-product (\d+) documents, fulfilment (\d+) documents, canary 0 documents$/m.exec(
        out,
      ) ?? []
    assert.ok(Number(orders) > 0 && Number(sales) > 0 && Number(fulfilments) > 0, out)
    assert.match(out, /^every document follows from the events of its streams$/m)
  })

  it('names a document without a stream and one that differs from its events, and fails', async () => {
    const stream = await orderThatMoved('Bruges')
    const id = stream.slice('order-'.length)
    const seen = await system.client.get(`/orders/${id}?position=${encodeURIComponent(`${stream}@3`)}`)
    assert.equal(seen.status, 200)
    const orders = system.openContainer('ordering', 'order')
    const { resource } = await orders.item('document', `1|document|${stream}`).read()
    const stray = { ...resource, pk: '1|document|order-nobody', key: 'order-nobody' }
    await orders.items.create(stray)
    await orders.item(resource.id, resource.pk).replace({
      ...resource,
      document: { ...resource.document, status: 'placed' },
    })
    const { code, out, err } = await verify()
    assert.match(out, /^every event matches its hash/m)
    assert.deepEqual(
      [code, err.trimEnd().split('\n').toSorted()],
      [
        1,
        [
          'failed: 2 faults',
          'order order-nobody: inserted: the log has no such stream',
          `order ${stream}: changed: it differs from the result of its events up to version 3: ` +
            '/status is "placed", not "cancelled"',
        ].toSorted(),
      ],
    )
    const alone = await ended(cli('packages/cli/verify.ts', ['ordering', '--log', '--no-archive']))
    assert.deepEqual([alone.code, alone.err], [0, ''])
    assert.doesNotMatch(alone.out, /compared/)
    await orders.item(stray.id, stray.pk).delete()
    const { resource: changed } = await orders.item(resource.id, resource.pk).read()
    await orders.item(resource.id, resource.pk).replace({ ...changed, document: resource.document })
    assert.deepEqual((await verify()).err, '')
  })

  it('finds with the archive what the log alone does not show, and proves an event', async () => {
    const env = { TIDEMARK_DATA: system.dataDir, TIDEMARK_BLOB_PORT: String(system.ports.blob) }
    const run = (file: string, ...args: readonly string[]) => ended(cli(`packages/cli/${file}`, args, env))
    const withArchive = () => run('verify.ts', 'ordering', '--log')
    const stream = await orderThatMoved('Bruges')
    const { out } = await until('the archive to have all events', withArchive, ({ out }) => {
      return /^archived +\d+ items in \d+ segments/m.test(out) && !/^not archived/m.test(out)
    })
    const [, root = ''] = /^root +(\w{64}): keep it/m.exec(out) ?? []
    const newest = system.log.item(String(3).padStart(16, '0'), stream)
    const { resource } = await newest.read()
    await newest.delete()
    const found = await withArchive()
    assert.equal(found.code, 1)
    assert.match(found.err, new RegExp(`^${stream}@3: missing: the log does not have it, but segment \\d+ does$`, 'm'))

    const proof = await run('tidemark.js', 'proof', 'ordering', `${stream}@3`)
    assert.equal(proof.code, 0, proof.err)
    const file = join(system.dataDir, 'proof.json')
    writeFileSync(file, proof.out)
    const checked = await run('tidemark.js', 'check-proof', file)
    assert.deepEqual([checked.code, JSON.parse(checked.out).type], [0, 'OrderCancelled'])
    const other = await run('tidemark.js', 'check-proof', file, '--root', root.replace(/^./, 'x'))
    assert.deepEqual([other.code, other.err.split(':')[0]], [1, `${file} proves nothing`])
    // As it was, for what follows. The archive shows that it was gone.
    await system.log.items.create(resource)
  })

  it('names each changed, removed, dropped or added item at its place, and fails', async () => {
    const [changed, moved, removed, added, cut] = [
      await orderThatMoved('Bruges'),
      await orderThatMoved('Bruges'),
      await orderThatMoved('Bruges'),
      await orderThatMoved('Bruges'),
      await orderCancelledTwice(),
    ]
    // The relay would publish the changed event and block consumers, which is not tested here.
    await system.host.stop()
    const formatId = (version: number) => String(version).padStart(16, '0')
    const item = (stream: string, version: number) => system.log.item(formatId(version), stream)
    const { resource } = await item(changed, 2).read()
    await item(changed, 2).replace({ ...resource, text: resource.text.replace('"Bruges"', '"Ghent"') })
    const { resource: ofMoved } = await item(moved, 2).read()
    await item(moved, 2).replace({ ...ofMoved, to: 4 })
    await item(removed, 2).delete()
    const { resource: copied } = await item(added, 3).read()
    await system.log.items.create({ ...copied, id: formatId(4), key: 'f'.repeat(64), from: 4, to: 4 })
    await item(cut, 3).delete()
    await system.log.items.create({ id: 'note' })

    const { code, err } = await verify()
    assert.equal(code, 1)
    const lines = err.trimEnd().split('\n')
    assert.equal(lines.pop(), 'failed: 6 faults')
    assert.deepEqual(
      lines.map((line) => line.replace(/~\w{64}/, '~<key>')).toSorted(),
      [
        `${changed}@2: changed: it does not match its hash`,
        `${moved} ${formatId(2)}: changed: its events are 2 to 2, but its to is 4`,
        `${removed}@2: missing: later events exist`,
        `${added}@4: changed: it does not match its hash`,
        `${cut}@3: missing: the receipt ~<key> points beyond the stream`,
        'note: inserted: it belongs to no stream',
      ].toSorted(),
    )
  })

  it('stops at once on Ctrl-C, even if the log does not answer', async () => {
    const cosmos = system.part('cosmos db')
    cosmos.kill('SIGSTOP')
    try {
      const child = cli('packages/cli/verify.ts', ['ordering'])
      const result = ended(child)
      await once(child.stdout ?? child, 'data')
      child.kill('SIGINT')
      const { code, err } = await result
      assert.deepEqual([code, err.split(':')[0]], [130, 'stopped'])
    } finally {
      cosmos.kill('SIGCONT')
    }
  })
})

// Last, because it ends the system.
describe('tidemark show and npm run verify without a system', () => {
  it('report in one line that nothing answers, and fail', async () => {
    await system.stop()
    const state = await ended(cli('packages/cli/tidemark.js', ['show', 'order-1']))
    assert.equal(state.code, 3)
    assert.match(state.err, /^nothing answers at port \d+: run npm start .*\n$/)
    const verify = await ended(cli('packages/cli/verify.ts', ['ordering']))
    assert.equal(verify.code, 1)
    assert.match(verify.err, /^nothing answers at http:\S+: run npm start .*\n$/)
  })
})
