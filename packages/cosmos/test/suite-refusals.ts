import assert from 'node:assert/strict'
import { request } from 'node:http'
import { connect } from 'node:net'
import { test } from 'node:test'
import type { CosmosTarget } from './support.ts'
import {
  assertRefused,
  buildItemsPath,
  captureRefusal,
  createClient,
  newContainer,
  sendRaw,
  signRequest,
} from './support.ts'

const QUERY = { 'x-ms-documentdb-isquery': 'true', 'content-type': 'application/query+json' }
const BATCH = { 'x-ms-cosmos-is-batch-request': 'true', 'x-ms-cosmos-batch-atomic': 'true' }
const KEY = { 'x-ms-documentdb-partitionkey': '["a"]' }

/** Requests that must be refused and must not stop the server. */
export function refusals(target: () => CosmosTarget): void {
  test('a wrong key is refused with 401', async (t) => {
    const client = createClient(t, { ...target(), key: Buffer.from('another').toString('base64') })
    assert.equal((await captureRefusal(client.databases.readAll().fetchAll())).code, 401)
  })

  test('a missing or malformed signature, or one of another kind, is refused with 401', async () => {
    for (const authorization of [
      '',
      '%E0%A4%A',
      'type%3Daad%26ver%3D1.0%26sig%3Dx',
      'type%3Dmaster%26ver%3D1.0%26sig%3D',
    ])
      assertRefused(
        await sendRaw(target(), 'GET', 'dbs', {
          headers: { ...signRequest(target().key, 'GET', 'dbs'), authorization },
        }),
        401,
      )
  })

  test('a refusal before the body was read reaches a client that is still writing', async () => {
    const headers = { ...signRequest(target().key, 'POST', 'dbs'), authorization: 'none' }
    assertRefused(await sendRaw(target(), 'POST', 'dbs', { headers, body: `"${'x'.repeat(9_000_000)}"` }), 401)
  })

  test('a signature for one resource is not valid for another', async () => {
    assertRefused(
      await sendRaw(target(), 'GET', 'dbs/other', { headers: signRequest(target().key, 'GET', 'dbs') }),
      401,
    )
  })

  test('unknown routes are a 404, wrong methods a 405, and paths that do not decode a 400', async (t) => {
    const container = await newContainer(t, target())
    const { id } = container.database
    for (const path of [
      'nowhere',
      `dbs/${id}/nowhere`,
      `dbs/${id}/constructor`,
      `${buildItemsPath(container)}/a/__proto__`,
      `dbs/${id}/docs/c`,
      `${buildItemsPath(container)}/a/b`,
    ])
      assertRefused(await sendRaw(target(), 'GET', path), 404)
    for (const [method, path] of [
      ['PUT', 'dbs'],
      ['POST', `dbs/${id}`],
      ['PATCH', `dbs/${id}/colls/c`],
      ['DELETE', `dbs/${id}/colls/c/pkranges`],
      ['PUT', buildItemsPath(container)],
    ] as const)
      assertRefused(await sendRaw(target(), method, path), 405)
    assertRefused(await sendRaw(target(), 'GET', '%E0%A4%A', { headers: signRequest(target().key, 'GET', '') }), 400)
    assert.equal((await sendRaw(target(), 'HEAD', 'dbs')).text, '')
  })

  test('a body over 4 MB is refused with a 413 that reaches the client', async (t) => {
    const path = buildItemsPath(await newContainer(t, target()))
    assertRefused(await sendRaw(target(), 'POST', path, { headers: KEY, body: `"${'x'.repeat(9_000_000)}"` }), 413)
  })

  test('malformed bodies, headers and conditions are refused with 400', async (t) => {
    const path = buildItemsPath(await newContainer(t, target()))
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`
    const question = (query: string, parameters: unknown = []): string => JSON.stringify({ query, parameters })
    const cases: readonly (readonly [headers: Record<string, string>, body: string])[] = [
      [KEY, '{"id":'],
      [KEY, '[]'],
      [KEY, 'null'],
      [KEY, deep],
      [KEY, `{"id":"a","pk":"a","x":${deep}}`],
      [KEY, `{"id":"a","pk":"a","x":${'['.repeat(128)}${']'.repeat(128)}}`],
      [KEY, '{"id":"a","pk":"a","x":1e999}'],
      [KEY, '{"id":"\\ud800","pk":"a"}'],
      [KEY, '{"id":"a/b","pk":"a"}'],
      [KEY, '{"id":7,"pk":"a"}'],
      [KEY, `{"id":"${'é'.repeat(512)}","pk":"a"}`],
      [KEY, '{"id":"a","pk":"a","ttl":0}'],
      [KEY, '{"id":"a","pk":"a","ttl":2147483648}'],
      [{}, '{"id":"a","pk":"a"}'],
      [{ 'x-ms-documentdb-partitionkey': '[{"a":1}]' }, '{"id":"a","pk":{"a":1}}'],
      [{ 'x-ms-documentdb-partitionkey': '[[]]' }, '{"id":"a","pk":[]}'],
      [{ 'x-ms-documentdb-partitionkey': '[{}]' }, '{"id":"a","pk":{}}'],
      [{ 'x-ms-documentdb-partitionkey': '[1e999]' }, '{"id":"a","pk":null}'],
      [{ 'x-ms-documentdb-partitionkey': '["a","b"]' }, '{"id":"a","pk":"a"}'],
      [{ 'x-ms-documentdb-partitionkey': `["${'k'.repeat(2049)}"]` }, `{"id":"a","pk":"${'k'.repeat(2049)}"}`],
      [{ 'x-ms-documentdb-partitionkey': `["${'\\u00e9'.repeat(1025)}"]` }, `{"id":"a","pk":"${'é'.repeat(1025)}"}`],
      [{ 'x-ms-documentdb-partitionkey': '{' }, '{"id":"a","pk":"a"}'],
      [{ ...KEY, 'x-ms-documentdb-is-upsert': 'true', 'if-none-match': '*' }, '{"id":"a","pk":"a"}'],
      [{ ...KEY, ...BATCH }, '[null]'],
      [{ ...KEY, ...BATCH }, '[]'],
      [{ ...KEY, ...BATCH }, '{}'],
      [{ ...KEY, ...BATCH }, '[{"operationType":"Read","id":"a","partitionKey":"{"}]'],
      [{ ...KEY, ...BATCH }, '[{"operationType":"Read","id":"a","partitionKey":"null"}]'],
      [{ ...KEY, ...BATCH }, '[{"operationType":"Read","id":"a","partitionKey":"[\\"b\\"]"}]'],
      [{ ...KEY, ...BATCH }, JSON.stringify(Array(101).fill({ operationType: 'Read', id: 'a' }))],
      [BATCH, '[{"operationType":"Read","id":"a"}]'],
      [QUERY, '7'],
      [QUERY, question('SELECT * FROM c', [null])],
      [QUERY, question('SELECT * FROM c', {})],
      [QUERY, question('SELECT * FROM c WHERE c.a = @a', [{ name: '@a' }])],
      [QUERY, question('SELECT * FROM c WHERE c.id = "none" AND c.a = @missing')],
      [QUERY, question(`SELECT * FROM c WHERE ${'NOT '.repeat(20_000)}c.a`)],
      [QUERY, question(`SELECT * FROM c WHERE ${'('.repeat(20_000)}c.a${')'.repeat(20_000)}`)],
      [QUERY, question(`SELECT * FROM c WHERE c.a = "${'x'.repeat(262_144)}"`)],
      [QUERY, `{"query":"SELECT * FROM c WHERE @a = @b","parameters":[{"name":"@a","value":${deep}}]}`],
      [{ ...QUERY, 'x-ms-continuation': 'x' }, question('SELECT * FROM c')],
      [{ ...QUERY, 'x-ms-max-item-count': 'many' }, question('SELECT * FROM c')],
      [{ ...QUERY, 'x-ms-start-epk': '', 'x-ms-end-epk': 'there' }, question('SELECT * FROM c')],
    ]
    for (const [headers, body] of cases) {
      const answered = await sendRaw(target(), 'POST', path, { headers, body })
      assert.equal(answered.status, 400, `${JSON.stringify(headers)} ${body.slice(0, 100)}: ${answered.text}`)
      assertRefused(answered, 400)
    }
  })

  test('a body that is not UTF-8, or HybridRow outside of a batch, is refused with 400', async (t) => {
    const path = buildItemsPath(await newContainer(t, target()))
    const broken = Buffer.concat([Buffer.from('{"id":"a'), Buffer.of(0xff), Buffer.from('","pk":"a"}')])
    assertRefused(await sendRaw(target(), 'POST', path, { headers: KEY, body: broken }), 400, /UTF-8/)
    assertRefused(await sendRaw(target(), 'POST', path, { headers: KEY, body: Buffer.alloc(100, 0x81) }), 400, /UTF-8/)
    assertRefused(
      await sendRaw(target(), 'POST', path, { headers: { ...KEY, ...BATCH }, body: Buffer.alloc(100, 0x81) }),
      400,
      /HybridRow/,
    )
  })

  test('garbage, half requests and clients that leave in the middle of a body do no harm', async (t) => {
    const container = await newContainer(t, target())
    const { hostname, port } = new URL(target().endpoint)
    const hostile = [
      'not HTTP at all\r\n\r\n',
      'GET / HTTP/9.9\r\n\r\n',
      'POST /dbs HTTP/1.1\r\nhost: localhost\r\ncontent-length: x\r\n\r\n',
      'POST /dbs HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n',
      `GET / HTTP/1.1\r\nhost: localhost\r\nx: ${'y'.repeat(100_000)}\r\n\r\n`,
      'POST /dbs HTTP/1.1\r\nhost: localhost\r\ncontent-le',
    ]
    for (const text of hostile)
      await new Promise<void>((resolve) => {
        const socket = connect(Number(port), hostname, () => socket.end(text))
        socket.on('error', () => {})
        socket.on('close', () => resolve())
        socket.resume()
      })
    await new Promise<void>((resolve) => {
      const path = buildItemsPath(container)
      const headers = { ...signRequest(target().key, 'POST', path), ...KEY, 'content-length': '1000' }
      const sent = request(new URL(`/${path}`, target().endpoint), { method: 'POST', headers, agent: false })
      sent.on('error', () => resolve())
      sent.write('{"id":"a"', () => sent.destroy(new Error('gone')))
    })
    assert.equal((await container.items.create({ id: 'a', pk: 'a' })).statusCode, 201)
  })

  test('a half-closed connection still gets its answer', async () => {
    const { hostname, port } = new URL(target().endpoint)
    const { authorization, 'x-ms-date': date } = signRequest(target().key, 'GET', '')
    const text = await new Promise<string>((resolve, reject) => {
      const socket = connect({ port: Number(port), host: hostname, allowHalfOpen: true }, () =>
        socket.end(
          `GET / HTTP/1.1\r\nhost: localhost\r\nauthorization: ${authorization}\r\nx-ms-date: ${date}\r\n\r\n`,
        ),
      )
      let received = ''
      socket.setEncoding('utf8')
      socket.on('data', (chunk: string) => {
        received += chunk
      })
      socket.on('end', () => resolve(received))
      socket.on('error', reject)
    })
    assert.match(text, /^HTTP\/1\.1 200 /)
  })
}
