import assert from 'node:assert/strict'
import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { text } from 'node:stream/consumers'
import { describe, it, type TestContext } from 'node:test'
import { bearer, newToken } from '../../../kit/local-token.ts'
import { readAddresses } from '../../api/addresses.ts'
import { readCredentials } from '../../api/credentials.ts'
import { startConsole } from '../../console/console-server.ts'
import { type Answering, answering, problem, type ReceivedRequest } from './answering.ts'

const MB = 1024 * 1024
const SERVICES = ['ordering', 'inventory']
const SIGN_IN = { TIDEMARK_TOKEN: 'of-ada', TIDEMARK_FUNCTION_KEY: 'a-key' }

interface Answered {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: string
  /** Of problem details. */
  readonly code: string | undefined
}

/** Starts the console in front of a fake service. */
async function startHarness(
  t: TestContext,
  answer: Answering,
  urls: (address: string) => string[] = (address) => [address],
) {
  const { address, asked, stop } = await answering(t, answer)
  const token = newToken()
  const served = await startConsole({
    ...{ port: 0, site: new Map(), token, services: SERVICES },
    asking: { addresses: readAddresses(urls(address), SERVICES), credentials: readCredentials(SIGN_IN, SERVICES) },
  })
  t.after(() => served.stop())
  const ask = async (
    method: string,
    path: string,
    headers: Record<string, string | string[]> = {},
    body: string | Buffer = '',
  ): Promise<Answered> => {
    const sent = request(served.address, { path, method, headers: { authorization: bearer(token), ...headers } })
    sent.on('error', () => {})
    sent.end(body)
    const [{ statusCode: status = 0, headers: answered }, came] = await once(sent, 'response').then(
      async ([response]: IncomingMessage[]) =>
        [response as IncomingMessage, await text(response as IncomingMessage)] as const,
    )
    const isProblem = answered['content-type'] === 'application/problem+json'
    return { status, headers: answered, body: came, code: isProblem ? JSON.parse(came).code : undefined }
  }
  return { served, asked, ask, stop, token }
}

describe('tidemark console', () => {
  it('sends the sign-in of its user, and forwards no other header of the browser', async (t) => {
    const { ask, asked, token } = await startHarness(t, (_, response) => {
      response.setHeader('set-cookie', 'ARRAffinity=1').setHeader('etag', '"7"').setHeader('x-secret', 'of-ada')
      return { id: 1 }
    })
    const page = { cookie: 'other=program', 'x-functions-key': 'a-guess', 'x-forwarded-host': 'evil.example' }
    const expected = { 'content-type': 'application/json', 'idempotency-key': 'k', 'x-actor': 'ada' }
    const answer = await ask(
      'POST',
      '/api/ordering/orders?x=%2F',
      { ...page, ...expected, connection: 'x-hop', 'x-hop': '1' },
      '{}',
    )
    assert.deepEqual([answer.status, answer.body, answer.headers.etag], [200, '{"id":1}', '"7"'])
    assert.deepEqual([answer.headers['set-cookie'], answer.headers['x-secret']], [undefined, undefined])
    assert.match(String(answer.headers['content-security-policy']), /^default-src 'self'/)
    const { method, path, headers, body } = asked[0] as ReceivedRequest
    assert.deepEqual([method, path, body], ['POST', '/api/ordering/orders?x=%2F', '{}'])
    assert.partialDeepStrictEqual(headers, { ...expected, authorization: 'Bearer of-ada', 'x-functions-key': 'a-key' })
    for (const name of ['cookie', 'x-forwarded-host', 'x-hop', 'origin', 'referer'])
      assert.equal(headers[name], undefined, name)
    assert.equal(JSON.stringify(headers).includes(token), false)
  })

  it('refuses other pages and other users, and forwards nothing for them', async (t) => {
    const { ask, asked, served } = await startHarness(t, () => ({}))
    const own = new URL(served.address).host
    for (const [headers, status, code] of [
      [{ host: 'evil.example' }, 403, 'foreign-host'],
      [{ host: own, origin: 'https://evil.example' }, 403, 'foreign-origin'],
      [{ authorization: '' }, 401, 'token-required'],
      [{ authorization: bearer(newToken()) }, 401, 'token-required'],
      [{ authorization: 'Bearer of-ada' }, 401, 'token-required'],
    ] as const) {
      const answer = await ask('GET', '/api/ordering/about', headers)
      assert.deepEqual([answer.status, answer.code], [status, code])
    }
    assert.equal(asked.length, 0)
    assert.equal((await ask('GET', '/api/ordering/about', { origin: served.address, host: own })).status, 200)
  })

  it('forwards only paths of the services', async (t) => {
    const { ask, asked } = await startHarness(t, () => ({}))
    for (const path of [
      '/admin/host/keys',
      '/api/ordering',
      '/api/other/about',
      '/api/ordering/../../admin/host/keys',
      '/api/ordering/%2e%2e/%2E%2e/admin/host/keys',
      '/api/ordering/..\\..\\admin',
      '//evil.example/api/ordering/about',
      'http://evil.example/api',
    ]) {
      const { status, code } = await ask('GET', path)
      assert.deepEqual([status, code], [404, 'not-found'], path)
    }
    for (const method of ['PUT', 'DELETE', 'OPTIONS'])
      assert.equal((await ask(method, '/api/ordering/about')).status, 405)
    assert.equal(asked.length, 0)
    await ask('GET', '/api/inventory/openapi.json')
    assert.equal(asked[0]?.path, '/api/openapi.json')
  })

  it('follows no redirect, and explains a refusal without a reason', async (t) => {
    const elsewhere = await answering(t, () => ({}))
    const statuses = [302, 307, 401, 403]
    const { ask } = await startHarness(t, (_, response) => {
      response.writeHead(statuses[0] ?? 500, { location: elsewhere.address }).end()
      return undefined
    })
    for (const code of ['redirected', 'redirected', 'not-let-in', 'not-let-in']) {
      const answer = await ask('GET', '/api/ordering/about')
      assert.deepEqual([answer.status, answer.code, answer.headers.location], [502, code, undefined])
      assert.match(JSON.parse(answer.body).detail, /TIDEMARK_TOKEN/)
      statuses.shift()
    }
    assert.deepEqual(elsewhere.asked, [])
  })

  it('returns the problem details of a service unchanged', async (t) => {
    const { ask } = await startHarness(t, (_, response) => problem(response, 403, 'operator-only', 'for operators'))
    const { status, code } = await ask('GET', '/api/ordering/status')
    assert.deepEqual([status, code], [403, 'operator-only'])
  })

  it('limits a body as the services do, with or without a content length', async (t) => {
    const { ask, asked } = await startHarness(t, () => ({}))
    for (const headers of [{}, { 'transfer-encoding': 'chunked' }]) {
      const answer = await ask('POST', '/api/ordering/orders', headers, Buffer.alloc(2 * MB))
      assert.deepEqual([answer.status, answer.code], [413, 'body-too-large'])
    }
    assert.equal(asked.length, 0)
    assert.equal((await ask('POST', '/api/ordering/orders', {}, Buffer.alloc(MB))).status, 200)
    assert.equal(asked[0]?.body.length, MB)
  })

  it('reports a silent service, and breaks off when the answer breaks off', async (t) => {
    const { ask, stop } = await startHarness(t, (_, response) => {
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': '100' })
      response.write('half', () => response.destroy())
      return undefined
    })
    await assert.rejects(ask('GET', '/api/ordering/about'))
    stop()
    const { status, code, body } = await ask('GET', '/api/ordering/about')
    assert.deepEqual([status, code], [502, 'unreachable'])
    assert.doesNotMatch(body, /of-ada|a-key/)
  })

  it('sends no sign-in over http to another machine', async (t) => {
    const { ask } = await startHarness(
      t,
      () => ({}),
      () => ['http://func.example'],
    )
    const { status, body } = await ask('GET', '/api/ordering/about')
    assert.equal(status, 502)
    assert.match(JSON.parse(body).detail, /was not asked: over http/)
  })
})
