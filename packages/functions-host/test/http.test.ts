import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:http'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { bearer, newToken } from '../../kit/local-token.ts'
import { cleanups, startHost, TestApp } from './support.ts'

const LIMIT = 200_000

const cleanup = cleanups(after)
let base = ''
let port = 0
let log = ''

before(async () => {
  const app = new TestApp(
    cleanup,
    `
app.http('echo', { route: 'echo/{kind}/{id:int}', methods: ['GET', 'POST'], handler: async (request) => ({
  jsonBody: {
    method: request.method, url: request.url, params: request.params, query: Object.fromEntries(request.query),
    header: request.headers.get('x-test'), body: await request.text(),
  } }) })
app.http('b-any', { route: 'order/{*path}', handler: () => ({ body: 'any' }) })
app.http('c-one', { route: 'order/one', methods: ['GET', 'PUT'], handler: () => ({ body: 'one' }) })
app.http('B_any', { route: 'name/{x}/y', methods: ['GET'], handler: () => ({ body: 'underscore' }) })
app.http('Ba-any', { route: 'name/{x}/{z}', handler: () => ({ body: 'letter' }) })
app.http('literal', { route: 'echo/{kind}/latest', handler: () => ({ body: 'literal' }) })
app.http('optional', { route: 'optional/{id?}', handler: (request) => ({ jsonBody: request.params }) })
app.http('rest', { route: 'files/{*path}', handler: (request) => ({ jsonBody: request.params }) })
app.http('guid', { route: 'guid/{id:guid}', handler: () => ({ body: 'guid' }) })
app.http('byName', { authLevel: 'admin', handler: () => ({ body: 'by name' }) })
app.http('throws', { handler: () => { throw new Error('a secret of the function') } })
app.http('nothing', { handler: () => {} })
app.http('bytes', { methods: ['POST'], handler: async (request) =>
  ({ body: new Uint8Array(await request.arrayBuffer()) }) })
app.http('stream', { handler: () => ({ body: new ReadableStream({ start(c) {
  c.enqueue(new TextEncoder().encode('a')); c.enqueue(new TextEncoder().encode('b')); c.close() } }) }) })
app.http('answer', { handler: () => ({ status: 201, headers: { 'x-answer': 'yes' }, jsonBody: { a: 1 },
  cookies: [{ name: 'c', value: 'v', path: '/', httpOnly: true, sameSite: 'Strict', maxAge: 60 }] }) })
app.http('head', { methods: ['GET', 'HEAD'], handler: () => ({ body: 'four', headers: { etag: '"1"' } }) })
app.http('slow', { handler: async () => { out('slow began'); await gate('slow'); return { body: 'slow' } } })
app.hook.preInvocation((context) => {
  if (context.invocationContext.functionName === 'hooked') context.inputs = [...context.inputs, 1] })
app.hook.postInvocation((context) => {
  if (context.invocationContext.functionName === 'hooked') context.result = { body: 'by the hook' } })
app.http('hooked', { handler: () => { throw new Error('never seen') } })
app.hook.postInvocation((context) => {
  if (context.invocationContext.functionName === 'hooked') context.error = undefined })
`,
  )
  const settings = { FUNCTIONS_REQUEST_BODY_SIZE_LIMIT: String(LIMIT), FUNCTIONS_HOST_LOG_LEVEL: 'warning' }
  const host = await startHost(cleanup, app, settings, (text) => {
    log += text
  })
  base = `${host.address}/api`
  port = Number(new URL(host.address).port)
})

describe('a request of a foreign page', () => {
  /** Returns the status, and the problem's code. */
  const asked = (headers: Record<string, string>): Promise<[number | undefined, string]> =>
    new Promise((resolve, reject) => {
      const sent = request({ port, path: '/api/byName', headers }, (response) => {
        let body = ''
        response.setEncoding('utf8')
        response.on('data', (chunk: string) => {
          body += chunk
        })
        response.on('end', () => resolve([response.statusCode, body.startsWith('{') ? JSON.parse(body).code : body]))
      })
      sent.on('error', reject)
      sent.end()
    })

  test('is refused by its host, or by the origin that its browser sends', async () => {
    for (const host of ['evil.example', `evil.example:${port}`, '127.0.0.1.evil.example', '192.168.0.1'])
      assert.deepEqual(await asked({ host }), [403, 'foreign-host'], host)
    for (const origin of ['https://evil.example', `http://127.0.0.1:${port + 1}`, `https://127.0.0.1:${port}`, 'null'])
      assert.deepEqual(await asked({ host: `127.0.0.1:${port}`, origin }), [403, 'foreign-origin'], origin)
  })

  test('is served if host and origin are this address, or if it has neither', async () => {
    for (const host of [`127.0.0.1:${port}`, `localhost:${port}`, `[::1]:${port}`])
      assert.deepEqual(await asked({ host, origin: `http://${host}` }), [200, 'by name'], host)
    const socket = connect(port, '127.0.0.1')
    socket.setEncoding('utf8').end('GET /api/byName HTTP/1.0\r\n\r\n')
    let answer = ''
    for await (const chunk of socket) answer += chunk
    assert.match(answer, /^HTTP\/1.1 200 /)
  })
})

test('a host with a token refuses requests without it', async () => {
  const app = new TestApp(cleanup, `app.http('hello', { handler: () => ({ body: 'hello' }) })`)
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-token-'))
  cleanup(() => rm(folder, { recursive: true }))
  const file = join(folder, 'token')
  const token = newToken()
  await writeFile(file, token)
  const { address } = await startHost(cleanup, app, { FUNCTIONS_HOST_TOKEN_FILE: file })
  const fetchStatus = async (path: string, headers: Record<string, string>): Promise<number> =>
    (await fetch(address + path, { headers })).status
  for (const path of ['/api/hello', '/api/unknown', '/']) {
    assert.equal(await fetchStatus(path, {}), 401)
    assert.equal(await fetchStatus(path, { authorization: bearer(newToken()) }), 401)
  }
  assert.equal(await fetchStatus('/api/hello', { authorization: bearer(token) }), 200)
  await assert.rejects(startHost(cleanup, app, { FUNCTIONS_HOST_TOKEN_FILE: join(folder, 'none') }), /cannot be read/)
})

describe('a request that no function accepts', () => {
  test('is answered 404 for an unknown path, and without the route prefix', async () => {
    assert.equal((await fetch(`${base}/unknown`)).status, 404)
    assert.equal((await fetch(`http://127.0.0.1:${port}/byName`)).status, 404)
  })

  test('is answered 404 if the route lacks the method, including HEAD', async () => {
    assert.equal((await fetch(`${base}/bytes`)).status, 404)
    assert.equal((await fetch(`${base}/byName`, { method: 'HEAD' })).status, 404)
  })

  test('is answered 404 if a constraint does not match', async () => {
    assert.equal((await fetch(`${base}/echo/order/seven`)).status, 404)
    assert.equal((await fetch(`${base}/guid/not-a-guid`)).status, 404)
    assert.equal((await fetch(`${base}/guid/6f9619ff-8b86-d011-b42d-00cf4fc964ff`)).status, 200)
  })

  test('is answered 413 if its body exceeds the limit, announced or not', async () => {
    const body = new Uint8Array(LIMIT + 1)
    assert.equal((await fetch(`${base}/bytes`, { method: 'POST', body })).status, 413)
    const stream = new ReadableStream({
      start(controller) {
        controller.enqueue(body)
        controller.close()
      },
    })
    const chunked = await fetch(`${base}/bytes`, { method: 'POST', body: stream, duplex: 'half' } as RequestInit)
    assert.equal(chunked.status, 413)
    const most = await fetch(`${base}/bytes`, { method: 'POST', body: new Uint8Array(LIMIT) })
    assert.equal((await most.arrayBuffer()).byteLength, LIMIT)
  })

  test('is answered 400 if its path has a NUL', async () => {
    assert.equal((await fetch(`${base}/echo/a%00/7`)).status, 400)
    // A path that only looks like it.
    assert.equal((await fetch(`${base}/echo/a%2500/7`)).status, 200)
  })

  test('does no harm if it is malformed or incomplete', async () => {
    for (const text of [
      'GET / HTTP/1.1\r\nHost: a b\r\n\r\n',
      'GET http://[ HTTP/1.1\r\nHost: localhost\r\n\r\n',
      'OPTIONS * HTTP/1.1\r\nHost: localhost\r\n\r\n',
      'GET /api/files/%zz%2f HTTP/1.1\r\nHost: localhost\r\n\r\n',
      'nonsense\r\n\r\n',
      'POST /api/bytes HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nabc',
    ])
      await new Promise<void>((resolve, reject) => {
        const socket = connect(port, '127.0.0.1', () => socket.end(text))
        socket
          .on('error', reject)
          .on('close', () => resolve())
          .resume()
      })
    assert.equal((await fetch(`${base}/byName`)).status, 200)
  })
})

describe('a function', () => {
  test('that throws is answered 500, without its error', async () => {
    const answer = await fetch(`${base}/throws`)
    assert.deepEqual([answer.status, await answer.text()], [500, ''])
  })

  test('that returns nothing is answered 204', async () => {
    assert.equal((await fetch(`${base}/nothing`)).status, 204)
  })

  test('gets method, url, route parameters, query, headers and body', async () => {
    const url = `${base}/echo/a%20b%2Fc/7?x=1&y=a%26b&x=2`
    const answer = await fetch(url, { method: 'POST', body: 'text', headers: { 'x-test': 'h' } })
    assert.deepEqual(await answer.json(), {
      method: 'POST',
      url,
      params: { kind: 'a b%2Fc', id: '7' },
      query: { x: '1,2', y: 'a&b' },
      header: 'h',
      body: 'text',
    })
  })

  test('gets the request if its name is first, even if another route is more specific', async () => {
    assert.equal(await (await fetch(`${base}/order/one`)).text(), 'any')
    assert.equal(await (await fetch(`${base}/order/one`, { method: 'PUT' })).text(), 'one')
    assert.equal(await (await fetch(`${base}/name/x/y`)).text(), 'letter', 'a letter comes before _')
    assert.match(
      log,
      /^warning b-any: its route order\/\{\*path\} gets requests before c-one \(order\/one\): sorted by name$/m,
    )
    assert.match(
      log,
      /^warning Ba-any: its route name\/\{x\}\/\{z\} gets requests before B_any \(name\/\{x\}\/y\): sorted by name$/m,
    )
    assert.equal(log.match(/sorted by name/g)?.length, 2, 'no other routes overlap')
  })

  test('is found by a path in any case', async () => {
    assert.equal(await (await fetch(`${base}/ECHO/order/LATEST`)).text(), 'literal')
  })

  test('gets no chunked body without a length', async () => {
    const body = new Blob(['{"a":1}']).stream()
    const answer = await fetch(`${base}/bytes`, { method: 'POST', body, duplex: 'half' } as RequestInit)
    assert.deepEqual([answer.status, await answer.text()], [200, ''])
  })

  test('accepts optional and catch-all parameters', async () => {
    assert.deepEqual(await (await fetch(`${base}/optional`)).json(), {})
    assert.deepEqual(await (await fetch(`${base}/optional/1`)).json(), { id: '1' })
    assert.deepEqual(await (await fetch(`${base}/files/a/b%20c/d`)).json(), { path: 'a/b c/d' })
  })

  test('has its name as the default route, and needs no key', async () => {
    assert.equal(await (await fetch(`${base}/byName`)).text(), 'by name')
  })

  test('answers with status, headers, cookies, and json, bytes or a stream', async () => {
    const answer = await fetch(`${base}/answer`)
    assert.equal(answer.status, 201)
    assert.equal(answer.headers.get('x-answer'), 'yes')
    assert.equal(answer.headers.get('content-type'), 'application/json')
    assert.equal(answer.headers.get('set-cookie'), 'c=v; Max-Age=60; Path=/; HttpOnly; SameSite=Strict')
    assert.deepEqual(await answer.json(), { a: 1 })
    const bytes = Uint8Array.from({ length: 256 }, (_, index) => index)
    const echoed = await fetch(`${base}/bytes`, { method: 'POST', body: bytes })
    assert.deepEqual(new Uint8Array(await echoed.arrayBuffer()), bytes)
    assert.equal(await (await fetch(`${base}/stream`)).text(), 'ab')
  })

  test('answers HEAD with the headers of its answer and no body', async () => {
    const answer = await fetch(`${base}/head`, { method: 'HEAD' })
    assert.deepEqual(
      [answer.status, answer.headers.get('content-length'), answer.headers.get('etag'), await answer.text()],
      [200, '4', '"1"', ''],
    )
  })

  test('is wrapped by pre- and post-invocation hooks', async () => {
    assert.equal(await (await fetch(`${base}/hooked`)).text(), 'by the hook')
  })
})

describe('the host', () => {
  test('keeps a connection for the next request', async () => {
    const sockets = new Set<unknown>()
    const { Agent } = await import('node:http')
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    for (let index = 0; index < 3; index += 1)
      await new Promise<void>((resolve, reject) => {
        request(`${base}/byName`, { agent }, (response) => {
          sockets.add(response.socket)
          response.resume().on('end', resolve)
        })
          .on('error', reject)
          .end()
      })
    agent.destroy()
    assert.equal(sockets.size, 1)
  })
})
