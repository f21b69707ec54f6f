import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, request, type Server, type ServerResponse } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { listen } from '../../kit/listen.ts'
import { bearer, newToken } from '../../kit/local-token.ts'
import { until, within } from '../../test-support/wait.ts'
import { readSite } from '../front/site.ts'
import { type Front, startFront } from '../front.ts'

type Handler = (incoming: IncomingMessage, outgoing: ServerResponse) => void

describe('the front', () => {
  let front: Front
  let servers: Server[]

  beforeEach(async () => {
    front = await startFront({ port: 0, apps: ['ordering', 'inventory'] })
    servers = []
  })
  afterEach(async () => {
    await front.stop()
    for (const server of servers) server.close().closeAllConnections()
  })

  /** Starts a host of an app. */
  async function host(app: string, handler: Handler): Promise<Server> {
    const server = createServer(handler)
    servers.push(server)
    front.serve(app, `http://127.0.0.1:${await listen(server, 0, 'a test')}`)
    return server
  }
  const tags =
    (...names: string[]): Handler =>
    (_, outgoing) =>
      outgoing.writeHead(200, { 'content-type': 'application/json' }).end(
        JSON.stringify({
          openapi: '3.1.1',
          info: { title: 'one', version: '1.0.0' },
          tags: names.map((name) => ({ name })),
          paths: Object.fromEntries(names.map((name) => [`/${name}`, {}])),
        }),
      )

  it('answers 503 with Retry-After for an absent app, and 404 for an unknown one, with unread bodies', async () => {
    for (const [path, status] of [
      ['/api/ordering/orders', 503],
      ['/api/openapi.json', 503],
      ['/api/other/orders', 404],
      ['/api', 404],
      ['/', 404],
      ['/api/../ordering', 404],
    ] as const) {
      const method = path.endsWith('json') ? 'GET' : 'POST'
      const answer = await fetch(front.address + path, {
        method,
        ...(method === 'POST' ? { body: 'x'.repeat(1e6) } : {}),
      })
      assert.deepEqual([path, answer.status, await answer.text()], [path, status, ''])
      if (status === 503 && method === 'POST') assert.equal(answer.headers.get('retry-after'), '1')
    }
  })

  it('answers 504 if the host ends before it answers, and cuts an answer where the host does', async () => {
    const server = await host('ordering', ({ socket }) => socket.destroy())
    assert.equal((await fetch(`${front.address}/api/ordering/orders`)).status, 504)
    server.close()
    // Without a length, only a broken connection shows that an answer is incomplete.
    for (const headers of [{ 'content-length': 10 }, {}]) {
      await host('ordering', ({ socket }, outgoing) => {
        outgoing.writeHead(200, headers).write('half', () => socket.destroy())
      })
      const answer = await fetch(`${front.address}/api/ordering/orders`)
      assert.equal(answer.status, 200)
      await assert.rejects(answer.text())
    }
  })

  it('repeats a safe request if a kept-alive connection was closed meanwhile', async () => {
    const seen = new WeakSet<object>()
    await host('ordering', ({ socket }, outgoing) => {
      // Like a host whose idle time-out ends while a request is in flight.
      if (seen.has(socket)) socket.destroy()
      else outgoing.end('answer')
      seen.add(socket)
    })
    const readStatus = async (method: string): Promise<number> => {
      const answer = await fetch(`${front.address}/api/ordering/orders`, { method })
      await answer.text()
      return answer.status
    }
    assert.deepEqual([await readStatus('GET'), await readStatus('GET'), await readStatus('POST')], [200, 200, 504])
  })

  it("closes the host's connection when the client disconnects", async () => {
    let gone = false
    await host('ordering', (incoming) => {
      incoming.socket.once('close', () => {
        gone = true
      })
    })
    const socket = connect(Number(new URL(front.address).port), '127.0.0.1')
    socket.write('GET /api/ordering/orders HTTP/1.1\r\nhost: localhost\r\n\r\n')
    await until(
      'the host to be asked',
      () => new Promise((resolve) => servers[0]?.getConnections((_, n) => resolve(n > 0))),
    )
    socket.destroy()
    await until('the end of the host connection', () => gone)
  })

  it('forwards method, path, headers, body and answer unchanged', async () => {
    let seen: { url?: string; method?: string; headers: NodeJS.Dict<string[]>; body: string } | undefined
    await host('ordering', async (incoming, outgoing) => {
      const { url, method, headersDistinct: headers } = incoming
      seen = { url: url ?? '', method: method ?? '', headers, body: await text(incoming) }
      outgoing.setHeader('set-cookie', ['a=1', 'b=2']).setHeader('etag', '"7"').writeHead(418).end('short')
    })
    const sent = request(`${front.address}/API/Ordering/orders/a%2Fb?x=1&x=%20`, {
      method: 'POST',
      headers: { host: 'localhost:7071', 'x-twice': ['1', '2'], 'content-length': '4' },
    })
    sent.end('body')
    const [answer] = (await once(sent, 'response')) as [IncomingMessage]
    assert.deepEqual([answer.statusCode, await text(answer)], [418, 'short'])
    assert.deepEqual([answer.headers.etag, answer.headers['set-cookie']], ['"7"', ['a=1', 'b=2']])
    assert.partialDeepStrictEqual(seen, {
      url: '/API/Ordering/orders/a%2Fb?x=1&x=%20',
      method: 'POST',
      headers: { host: ['localhost:7071'], 'x-twice': ['1', '2'], 'content-length': ['4'] },
      body: 'body',
    })
  })

  it('forwards a body without a length in chunks', async () => {
    const seen: [string | undefined, string | undefined, string][] = []
    await host('ordering', async (incoming, outgoing) => {
      const { 'content-length': length, 'transfer-encoding': encoding } = incoming.headers
      seen.push([length, encoding, await text(incoming)])
      outgoing.end()
    })
    for (const method of ['POST', 'DELETE']) {
      const sent = request(`${front.address}/api/ordering/orders`, {
        method,
        headers: { 'transfer-encoding': 'chunked' },
      })
      sent.write('in ')
      sent.end('chunks')
      const [answer] = (await once(sent, 'response')) as [IncomingMessage]
      answer.resume()
    }
    const none = await fetch(`${front.address}/api/ordering/orders`)
    await none.text()
    assert.deepEqual(seen, [
      [undefined, 'chunked', 'in chunks'],
      [undefined, 'chunked', 'in chunks'],
      [undefined, undefined, ''],
    ])
  })

  it('merges the documents of all apps, or passes on the answer of an app without one', async () => {
    await host('ordering', tags('ordering'))
    await host('inventory', tags('inventory'))
    const merged = await (await fetch(`${front.address}/api/openapi.json`)).json()
    assert.deepEqual(merged, {
      openapi: '3.1.1',
      info: { title: 'Tidemark: inventory, ordering', version: '1.0.0' },
      tags: [{ name: 'inventory' }, { name: 'ordering' }],
      paths: { '/ordering': {}, '/inventory': {} },
    })
    await host('inventory', ({ url }, outgoing) => outgoing.writeHead(400).end(url))
    const refused = await fetch(`${front.address}/api/openapi.json?x=1`)
    assert.deepEqual([refused.status, await refused.text()], [400, '/api/openapi.json?x=1'])
  })

  it('answers open requests before it stops, and no new ones', async () => {
    const asked = Promise.withResolvers<() => void>()
    await host('ordering', (_, outgoing) => asked.resolve(() => outgoing.end('done')))
    const answer = fetch(`${front.address}/api/ordering/orders`)
    const finish = await within(asked.promise, 'the host to be asked')
    const stopped = front.stop()
    await assert.rejects(fetch(`${front.address}/api/ordering/orders`))
    finish()
    const { headers } = await answer
    assert.deepEqual([headers.get('connection'), await (await answer).text()], ['close', 'done'])
    await within(stopped, 'the front to stop')
  })

  it('refuses every request with a foreign host or origin', async () => {
    let asked = 0
    await host('ordering', (_, outgoing) => {
      asked += 1
      outgoing.end('answer')
    })
    const { host: own } = new URL(front.address)
    const ask = async (path: string, headers: Record<string, string>): Promise<[number, string]> => {
      const sent = request(front.address + path, { headers })
      sent.end()
      const [answer] = (await once(sent, 'response')) as [IncomingMessage]
      const body = await text(answer)
      return [answer.statusCode ?? 0, answer.headers['content-type'] === undefined ? body : JSON.parse(body).code]
    }
    for (const path of ['/', '/console.json', '/api/openapi.json', '/api/ordering/orders']) {
      for (const named of [
        'evil.example',
        `evil.example:${own.split(':')[1]}`,
        'localhost.evil.example',
        '127.0.0.1.nip.io',
      ])
        assert.deepEqual(await ask(path, { host: named }), [403, 'foreign-host'])
      for (const origin of ['https://evil.example', 'null', 'http://localhost:1', `https://${own}`])
        assert.deepEqual(await ask(path, { origin }), [403, 'foreign-origin'])
    }
    assert.equal(asked, 0)
    assert.deepEqual(await ask('/api/ordering/orders', { origin: front.address }), [200, 'answer'])
    assert.deepEqual(await ask('/api/ordering/orders', { host: 'localhost:7071' }), [200, 'answer'])
    assert.deepEqual(await ask('/api/ordering/orders', { host: '[::1]:7071', origin: 'http://[::1]:7071' }), [
      200,
      'answer',
    ])
  })

  it('requires the token for everything except the files of the page', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tidemark-site-'))
    await writeFile(join(folder, 'index.html'), '<!doctype html>')
    const token = newToken()
    const closed = await startFront({ port: 0, apps: ['ordering'], site: readSite(folder), token })
    const seen: (string | undefined)[] = []
    const server = await host('ordering', ({ headers: { authorization } }, outgoing) => {
      seen.push(authorization)
      outgoing.writeHead(200, { 'content-type': 'application/json' }).end('{"tags": [], "paths": {}}')
    })
    try {
      closed.serve('ordering', `http://127.0.0.1:${(server.address() as AddressInfo).port}`)
      const readStatus = async (path: string, headers: Record<string, string>): Promise<number> =>
        (await fetch(closed.address + path, { headers })).status
      for (const path of ['/api/ordering/orders', '/api/openapi.json', '/api/other', '/elsewhere']) {
        for (const headers of [{}, { authorization: bearer(newToken()) }, { cookie: `token=${token}` }]) {
          const answer = await fetch(closed.address + path, { headers: headers as Record<string, string> })
          const { code } = (await answer.json()) as { code: string }
          assert.deepEqual([answer.status, code], [401, 'token-required'], path)
          assert.equal(answer.headers.get('www-authenticate'), 'Bearer')
        }
        assert.equal(await readStatus(`${path}?token=${token}`, {}), 401, path)
      }
      assert.deepEqual(seen, [])
      // The host gets the token, too.
      const authorization = bearer(token)
      for (const path of ['/api/ordering/orders', '/api/openapi.json'])
        assert.equal(await readStatus(path, { authorization }), 200, path)
      assert.deepEqual(seen, [authorization, authorization])
      assert.equal(await readStatus('/api/other', { authorization }), 404)
      assert.equal(await readStatus('/', {}), 200)
      // A foreign page is refused even with the token.
      assert.equal(await readStatus('/api/ordering/orders', { authorization, origin: 'https://evil.example' }), 403)
    } finally {
      await closed.stop()
      await rm(folder, { recursive: true })
    }
  })

  it('serves a page with security headers and the list of services', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tidemark-site-'))
    await mkdir(join(folder, 'assets'))
    await writeFile(join(folder, 'index.html'), '<!doctype html>')
    await writeFile(join(folder, 'assets/a-1.js'), 'a()')
    const served = await startFront({ port: 0, apps: ['ordering'], site: readSite(folder) })
    try {
      const page = await fetch(served.address)
      assert.deepEqual([page.status, await page.text()], [200, '<!doctype html>'])
      const { headers } = page
      assert.match(headers.get('content-security-policy') ?? '', /^default-src 'self';.*frame-ancestors 'none'/)
      assert.deepEqual(
        ['x-content-type-options', 'referrer-policy', 'cache-control'].map((name) => headers.get(name)),
        ['nosniff', 'no-referrer', 'no-cache'],
      )
      const again = await fetch(served.address, { headers: { 'if-none-match': headers.get('etag') ?? '' } })
      assert.equal(again.status, 304)
      const script = await fetch(`${served.address}/assets/a-1.js?x`)
      assert.match(script.headers.get('cache-control') ?? '', /immutable/)
      assert.deepEqual(await (await fetch(`${served.address}/console.json`)).json(), {
        services: [{ name: 'ordering', api: '/api/ordering', openapi: '/api/openapi.json' }],
      })
      for (const path of ['/assets/b.js', '/../package.json', '/%2e%2e/package.json'])
        assert.equal((await fetch(served.address + path)).status, 404)
      assert.equal((await fetch(served.address, { method: 'POST' })).status, 404)
    } finally {
      await served.stop()
      await rm(folder, { recursive: true })
    }
  })

  it('says what to do if the page was not built', () =>
    assert.throws(() => readSite(join(tmpdir(), 'tidemark-nowhere')), /run npm run build/))
})
