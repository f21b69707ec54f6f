import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server } from 'node:http'
import { type AddressInfo, connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { PassThrough } from 'node:stream'
import { type TestContext, test } from 'node:test'
import type { Child } from '../../kit/child.ts'
import { EMULATOR_KEY } from '../../test-support/cosmos.ts'
import { until } from '../../test-support/wait.ts'
import { Failure } from '../api/failure.ts'
import { Faults } from '../faults/faults.ts'
import { Bodies } from '../http/bodies.ts'
import { Connections } from '../http/connections.ts'
import { Signatures } from '../http/signature.ts'
import { Items } from '../items/items.ts'
import { serveRequest } from '../request-handler.ts'
import { Catalog } from '../resources/catalog.ts'
import { Store } from '../store/store.ts'
import { newFolder } from './controlled-emulator.ts'
import { readPort, startEmulator } from './emulator.ts'
import { assertRefused, buildItemsPath, type CosmosTarget, newContainer, sendRaw, signRequest } from './support.ts'

const MB = 1024 * 1024
const KEY = { 'x-ms-documentdb-partitionkey': '["a"]' }

async function start(t: TestContext): Promise<{ child: Child; target: CosmosTarget; folder: string }> {
  const folder = await newFolder(t)
  const child = await startEmulator(folder)
  t.after(() => child.stop())
  return { child, folder, target: { endpoint: child.address, key: EMULATOR_KEY, stop: () => child.stop() } }
}

/** The resident memory of a process: proc(5), status. */
async function residentBytes(pid: number): Promise<number> {
  const [, kilobytes] = /VmRSS:\s+(\d+) kB/.exec(await readFile(`/proc/${pid}/status`, 'utf8')) ?? []
  return Number(kilobytes) * 1024
}

/** A connection that sends these texts, and everything that it receives. */
function exchange(port: number, ...texts: readonly (string | Buffer)[]): { socket: Socket; received: Promise<string> } {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  for (const text of texts) socket.write(text)
  const reply = new Promise<string>((resolve) => {
    let received = ''
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      received += chunk
    })
    socket.on('close', () => resolve(received))
  })
  return { socket, received: reply }
}

const connected = (socket: Socket): Promise<void> =>
  new Promise((resolve, reject) => socket.once('connect', resolve).once('error', reject))

function requestText(
  target: CosmosTarget,
  method: string,
  path: string,
  headers: Readonly<Record<string, string>>,
): string {
  const all = { host: 'localhost', ...signRequest(target.key, method, path), ...headers }
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`)
  return `${method} /${path} HTTP/1.1\r\n${lines.join('')}\r\n`
}

test('ten thousand connections with half a request lock nobody out, use bounded memory and lose no data', async (t) => {
  if (process.platform !== 'linux') return t.skip('there is no /proc here')
  const { child, target, folder } = await start(t)
  const container = await newContainer(t, target)
  const halves = [
    'POST /dbs HTTP/1.1\r\nhost: localhost\r\ncontent-le',
    requestText(target, 'POST', buildItemsPath(container), { ...KEY, 'content-length': '1000000' }) +
      `{"id":"half","pk":"a","text":"${'~'.repeat(8000)}`,
    '',
    `${requestText(target, 'POST', buildItemsPath(container), { ...KEY, 'transfer-encoding': 'chunked' })}5\r\n{"id"`,
  ]
  const before = await residentBytes(child.pid)
  let [created, ended] = [0, false]
  const working = (async () => {
    while (!ended) {
      await container.items.create({ id: String(created), pk: 'a' })
      assert.equal((await container.item(String(created), 'a').read()).statusCode, 200)
      created += 1
    }
  })()
  const sockets = new Set<Socket>()
  let [most, opened] = [0, 0]
  for (let round = 0; round < 20; round++) {
    const fresh = Array.from(
      { length: 500 },
      (_, i) => exchange(readPort(child), halves[i % halves.length] ?? '').socket,
    )
    for (const socket of fresh) {
      sockets.add(socket)
      socket.once('close', () => sockets.delete(socket))
    }
    await Promise.all(fresh.map((socket) => connected(socket)))
    opened += fresh.length
    const soFar = created
    await Promise.race([working, until('an item while the connections are open', () => created > soFar)])
    most = Math.max(most, await residentBytes(child.pid))
  }
  // The emulator closes the connections beyond its limit.
  await until('the oldest to be ended', () => sockets.size <= 2000)
  assert.ok(sockets.size > 1500, `${sockets.size} are open`)
  ended = true
  await working
  t.diagnostic(`${opened} connections, ${created} items meanwhile, ${Math.round((most - before) / MB)} MB more at most`)
  assert.ok(most - before < 300 * MB, `${Math.round((most - before) / MB)} MB more`)
  for (const socket of sockets) socket.destroy()
  const { resources } = await container.items.query('SELECT VALUE COUNT(1) FROM c').fetchAll()
  assert.deepEqual(resources, [created])
  await child.stop()
  const sql = new DatabaseSync(join(folder, 'cosmos.sqlite'), { readOnly: true })
  assert.deepEqual(sql.prepare('PRAGMA integrity_check').all().map(Object.values), [['ok']])
  sql.close()
})

/** A server that limits its clients, and answers when the test says so. */
async function bounded(t: TestContext, max: number, maxBytes: number) {
  const server: Server = createServer()
  const connections = new Connections(server, max, maxBytes)
  server.listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  t.after(() => {
    server.closeAllConnections()
    server.close()
  })
  return { server, connections, port: (server.address() as AddressInfo).port }
}

test('at the connection limit, the longest waiting connection closes and one being answered stays', async (t) => {
  const { server, connections, port } = await bounded(t, 3, MB)
  const answers: (() => void)[] = []
  server.on('request', (message, response) => {
    connections.startRequest(message.socket)
    connections.requestReceived(message.socket)
    answers.push(() => {
      response.end('answered')
      connections.answerSent(response, 8)
    })
  })
  const gone: string[] = []
  const open = async (name: string, text: string): Promise<Socket> => {
    const { socket, received: reply } = exchange(port, text)
    reply.then(() => gone.push(name))
    await connected(socket)
    return socket
  }
  const asked = await open('asked', 'GET / HTTP/1.1\r\nhost: localhost\r\n\r\n')
  await until('the request', () => answers.length === 1)
  await open('first', 'GET / HT')
  await open('second', 'GET / HT')
  await open('third', 'GET / HT')
  await until('one to go', () => gone.length === 1)
  assert.deepEqual(gone, ['first'])
  // An answered connection begins to wait again, as the last one.
  const answered = new Promise((resolve) => asked.once('data', resolve))
  answers[0]?.()
  await answered
  await open('fourth', 'GET / HT')
  await until('another to go', () => gone.length === 2)
  await open('fifth', 'GET / HT')
  await until('another to go', () => gone.length === 3)
  assert.deepEqual(gone, ['first', 'second', 'third'])
})

test('unread answers are bounded: the longest waiting one goes, and a read one frees its room', async (t) => {
  const { server, connections, port } = await bounded(t, 100, 20 * MB)
  const size = 8 * MB
  let given = 0
  server.on('request', (message, response) => {
    connections.startRequest(message.socket)
    connections.requestReceived(message.socket)
    response.end(Buffer.alloc(size))
    connections.answerSent(response, size)
    given += 1
  })
  const ask = 'GET / HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n'
  for (let i = 0; i < 5; i++) assert.ok((await exchange(port, ask).received).length > size)
  const lazy = Array.from({ length: 3 }, () => connect(port, '127.0.0.1'))
  const gone: number[] = []
  for (const [index, socket] of lazy.entries()) {
    socket.on('error', () => {}).on('close', () => gone.push(index))
    socket.pause().write(ask)
    await until('the answer to be given', () => given === 6 + index)
  }
  // The client notices the end when it reads on.
  let received = 0
  lazy[0]?.resume().on('data', (chunk) => {
    received += chunk.length
  })
  await until('the first to be ended', () => gone.length === 1)
  assert.ok(received < size, `${received} bytes`)
  for (const socket of lazy.slice(1)) socket.resume()
  await until('the others to be served', () => gone.length === 3)
})

test('bodies being read are bounded: the oldest is refused with a 503, and its room is free again', async () => {
  const bodies = new Bodies(1000)
  const message = (): PassThrough & IncomingMessage =>
    Object.assign(new PassThrough(), { headers: { 'content-length': '2000' }, complete: false }) as never
  const outcomes: string[] = []
  const read = (name: string, from: IncomingMessage): Promise<void> =>
    bodies.read(from).then(
      ({ length }) => void outcomes.push(`${name} ${length}`),
      (error) => void outcomes.push(`${name} ${error instanceof Failure ? error.status : error}`),
    )
  const [first, second, third] = [message(), message(), message()]
  const reading = [read('first', first), read('second', second), read('third', third)]
  first.write(Buffer.alloc(600))
  second.write(Buffer.alloc(300))
  third.write(Buffer.alloc(200))
  await until('one to be refused', () => outcomes.length === 1)
  assert.deepEqual(outcomes, ['first 503'])
  second.end(Buffer.alloc(400))
  await until('the second to be read', () => outcomes.length === 2)
  third.end(Buffer.alloc(700))
  await Promise.all(reading)
  assert.deepEqual(outcomes, ['first 503', 'second 700', 'third 900'])
})

test('a body without room is refused with a 503 that says when to retry', async (t) => {
  const store = new Store(await newFolder(t), { fast: true })
  const account = { store, catalog: new Catalog(store), items: new Items(store) }
  const { server, connections, port } = await bounded(t, 100, MB)
  t.after(() => store.close())
  const handling = {
    account,
    signatures: new Signatures(EMULATOR_KEY),
    bodies: new Bodies(1000),
    connections,
    faults: Faults.none,
  }
  server.on('request', (message, response) => void serveRequest(handling, message, response))
  const target = { endpoint: `http://127.0.0.1:${port}`, key: EMULATOR_KEY, stop: async () => {} }
  const refused = await sendRaw(target, 'POST', 'dbs', { body: JSON.stringify({ id: 'd', text: 'x'.repeat(2000) }) })
  assert.deepEqual([refused.status, refused.headers['retry-after']], [503, '1'])
  assert.equal((await sendRaw(target, 'POST', 'dbs', { body: '{"id":"d"}' })).status, 201)
})

test('an invalid or half request is refused with JSON or closed, and the next client is served', async (t) => {
  const { child, target } = await start(t)
  const container = await newContainer(t, target)
  const get = requestText(target, 'GET', '', {})
  const chunked = requestText(target, 'POST', buildItemsPath(container), { ...KEY, 'transfer-encoding': 'chunked' })
  const cases: readonly (readonly [string, string, RegExp])[] = [
    ['garbage', 'not HTTP at all\r\n\r\n', /^HTTP\/1\.1 400 /],
    ['garbage behind a request', `${get}\x00\x01\x02 garbage\r\n\r\n`, /HTTP\/1\.1 400 /],
    ['huge headers', `GET / HTTP/1.1\r\nhost: localhost\r\nx: ${'y'.repeat(100_000)}\r\n\r\n`, /^HTTP\/1\.1 431 /],
    ['many headers', `GET / HTTP/1.1\r\nhost: localhost\r\n${'x: y\r\n'.repeat(20_000)}\r\n`, /^HTTP\/1\.1 431 /],
    ['no host', 'GET / HTTP/1.1\r\n\r\n', /^HTTP\/1\.1 400 /],
    ['an unknown verb', 'DANCE / HTTP/1.1\r\nhost: localhost\r\n\r\n', /^HTTP\/1\.1 400 /],
    [
      'two lengths',
      'POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab',
      /^HTTP\/1\.1 400 /,
    ],
    ['an invalid length', 'POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: -1\r\n\r\n', /^HTTP\/1\.1 400 /],
    [
      'a length and chunks',
      'POST / HTTP/1.1\r\nhost: localhost\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n',
      /^HTTP\/1\.1 400 /,
    ],
    ['a chunk without its length', `${chunked}zz\r\n`, /^HTTP\/1\.1 400 /],
    ['another version', 'GET / HTTP/9.9\r\nhost: localhost\r\n\r\n', /^HTTP\/1\.1 400 /],
    [
      'an unknown expectation',
      get.replace('\r\n\r\n', '\r\nexpect: wonders\r\nconnection: close\r\n\r\n'),
      /^HTTP\/1\.1 417 /,
    ],
    ['all of the server', 'OPTIONS * HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n', /^HTTP\/1\.1 4\d\d /],
  ]
  for (const [name, text, expected] of cases) {
    const { socket, received: reply } = exchange(readPort(child), text)
    const answered = await reply
    assert.match(answered, expected, name)
    const last = answered.split('HTTP/1.1 ').at(-1) ?? ''
    const [, bodyText = ''] = last.split('\r\n\r\n')
    // Node itself answers these, with the status only.
    if (!['no host', 'an unknown expectation'].includes(name))
      assert.deepEqual(Object.keys(JSON.parse(bodyText)), ['code', 'message'], name)
    socket.destroy()
  }
  // A tunnel is not supported.
  assert.equal(await exchange(readPort(child), 'CONNECT a:80 HTTP/1.1\r\nhost: localhost\r\n\r\n').received, '')
  const cut = exchange(readPort(child), `${chunked}5\r\n{"id"`)
  await connected(cut.socket)
  cut.socket.end()
  await cut.received
  assert.equal((await container.items.create({ id: 'a', pk: 'a' })).statusCode, 201)
  assert.deepEqual((await container.items.query('SELECT VALUE c.id FROM c').fetchAll()).resources, ['a'])
})

test('HTTP that no SDK sends is served: version 1.0, absolute targets, Expect, an ignored upgrade', async (t) => {
  const { child, target } = await start(t)
  const container = await newContainer(t, target)
  const close = { connection: 'close' }
  const get = requestText(target, 'GET', '', close)
  const body = '{"id":"1","pk":"a"}'
  const post = requestText(target, 'POST', buildItemsPath(container), {
    ...KEY,
    ...close,
    expect: '100-continue',
    'content-length': String(body.length),
  })
  assert.match(await exchange(readPort(child), get.replace('HTTP/1.1', 'HTTP/1.0')).received, /^HTTP\/1\.1 200 /)
  assert.match(
    await exchange(readPort(child), get.replace('GET /', 'GET http://localhost/')).received,
    /^HTTP\/1\.1 200 /,
  )
  const upgrade = { connection: 'close, upgrade', upgrade: 'websocket' }
  assert.match(await exchange(readPort(child), requestText(target, 'GET', '', upgrade)).received, /^HTTP\/1\.1 200 /)
  const { socket, received: reply } = exchange(readPort(child), post)
  await new Promise((resolve) => socket.once('data', resolve))
  socket.write(body)
  assert.match(await reply, /^HTTP\/1\.1 100 Continue\r\n\r\nHTTP\/1\.1 201 /)
})

test('any content coding is refused with a 415', async (t) => {
  const { target } = await start(t)
  const path = buildItemsPath(await newContainer(t, target))
  for (const coding of ['gzip', 'br', 'x']) {
    const { status, text } = await sendRaw(target, 'POST', path, {
      headers: { ...KEY, 'content-encoding': coding },
      body: '{"id":"1","pk":"a"}',
    })
    assert.deepEqual([status, JSON.parse(text).code], [415, 'UnsupportedMediaType'])
  }
  assert.equal(
    (
      await sendRaw(target, 'POST', path, {
        headers: { ...KEY, 'content-encoding': 'identity' },
        body: '{"id":"1","pk":"a"}',
      })
    ).status,
    201,
  )
})

test('thousands of pipelined requests without a read answer end their connection, and no other', async (t) => {
  if (process.platform !== 'linux') return t.skip('there is no /proc here')
  const { child, target } = await start(t)
  const container = await newContainer(t, target)
  for (let n = 0; n < 10; n++) await container.items.create({ id: String(n), pk: 'a', text: '~'.repeat(100_000) })
  const before = await residentBytes(child.pid)
  const ask = requestText(target, 'GET', buildItemsPath(container), {})
  const { received: reply } = exchange(readPort(child), ask.repeat(5000))
  await reply
  for (let n = 10; n < 60; n++) await container.items.create({ id: String(n), pk: 'a' })
  const more = (await residentBytes(child.pid)) - before
  assert.ok(more < 300 * MB, `${Math.round(more / MB)} MB more`)
})

test('a few pipelined requests are all answered, in order', async (t) => {
  const { child, target } = await start(t)
  const container = await newContainer(t, target)
  for (const id of ['1', '2', '3']) await container.items.create({ id, pk: 'a' })
  const read = (id: string, more = {}): string =>
    requestText(target, 'GET', `${buildItemsPath(container)}/${id}`, { ...KEY, ...more })
  const all = `${read('1')}${read('2')}${read('none')}${read('3', { connection: 'close' })}`
  const answered = await exchange(readPort(child), all).received
  assert.deepEqual(
    [...answered.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status),
    ['200', '200', '404', '200'],
  )
  assert.deepEqual(
    [...answered.matchAll(/"id":"(\d)"/g)].map(([, id]) => id),
    ['1', '2', '3'],
  )
})

test('a foreign page’s signed requests are refused, under a name that leads here and from its origin', async (t) => {
  const { child, target } = await start(t)
  const container = await newContainer(t, target)
  const { host } = new URL(child.address)
  for (const headers of [
    { host: 'evil.example' },
    { host: '127.0.0.1.evil.example' },
    { host, origin: 'https://evil.example' },
    { host, origin: 'null' },
  ]) {
    const stranger = { ...signRequest(target.key, 'GET', buildItemsPath(container)), ...headers }
    assertRefused(
      await sendRaw(target, 'GET', buildItemsPath(container), { headers: stranger }),
      403,
      /this address|may not call/,
    )
    const writes = { ...signRequest(target.key, 'POST', buildItemsPath(container)), ...KEY, ...headers }
    assertRefused(
      await sendRaw(target, 'POST', buildItemsPath(container), { headers: writes, body: '{"id":"x","pk":"a"}' }),
      403,
    )
  }
  assert.deepEqual((await container.items.query('SELECT VALUE c.id FROM c').fetchAll()).resources, [])
  const own = { ...signRequest(target.key, 'GET', buildItemsPath(container)), host: `localhost:${readPort(child)}` }
  assert.equal((await sendRaw(target, 'GET', buildItemsPath(container), { headers: own })).status, 200)
})
