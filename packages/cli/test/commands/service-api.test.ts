import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { describe, it, type TestContext } from 'node:test'
import { readAddresses } from '../../api/addresses.ts'
import { readCredentials } from '../../api/credentials.ts'
import { RefusedError, UnreachableError } from '../../api/errors.ts'
import { ServiceApi } from '../../api/service-api.ts'
import { UsageError } from '../../command-line/arguments.ts'
import { type Answering, answering, problem } from './answering.ts'

const KNOWN = ['ordering', 'inventory']

describe('given addresses', () => {
  it('belong to one service each, or to all', async () => {
    const both = readAddresses(['https://all.example/', 'inventory=https://inv.example/base/api/'], KNOWN)
    assert.deepEqual(both.services, KNOWN)
    assert.equal(await both.of('ordering'), 'https://all.example')
    assert.equal(await both.of('inventory'), 'https://inv.example/base')
    const one = readAddresses(['inventory=https://inv.example'], KNOWN)
    assert.deepEqual([one.services, one.given], [['inventory'], true])
    await assert.rejects(async () => one.of('ordering'), /^UsageError: no --url gives the address of ordering$/)
    assert.deepEqual([readAddresses([], KNOWN).services, readAddresses([], KNOWN).given], [KNOWN, false])
  })

  const wrong: readonly (readonly [what: string, urls: readonly string[], line: RegExp])[] = [
    ['no address', ['localhost:7071'], /must be an address such as/],
    ['another protocol', ['ftp://example'], /must be an address such as/],
    ['an unknown service', ['baskets=https://b.example'], /there is no service baskets; there are ordering/],
    ['two of one service', ['ordering=https://a.example', 'ordering=https://b.example'], /ordering has two addresses/],
    ['two of all services', ['https://a.example', 'https://b.example'], /name the service of each/],
    ['a key in the query', ['https://a.example/?code=s3cret'], /put a key into TIDEMARK_FUNCTION_KEY/],
    ['a password', ['https://ada:s3cret@a.example'], /put a key into TIDEMARK_FUNCTION_KEY/],
  ]
  for (const [what, urls, line] of wrong)
    it(`are refused, without showing them: ${what}`, () => {
      assert.throws(
        () => readAddresses(urls, KNOWN),
        (error: Error) => error instanceof UsageError && line.test(error.message) && !error.message.includes('s3cret'),
      )
    })
})

describe('keys', () => {
  it('are sent only to given addresses', async (t) => {
    const { address, asked } = await answering(t, () => ({ items: [] }))
    const credentials = readCredentials({ TIDEMARK_FUNCTION_KEY: 'a-key', TIDEMARK_TOKEN: 'Bearer a-token' }, KNOWN)
    await new ServiceApi('ordering', { addresses: readAddresses([address], KNOWN), credentials }).page('streams')
    await new ServiceApi('ordering', {
      addresses: { services: KNOWN, given: false, of: async () => address },
      credentials,
    }).page('streams')
    assert.deepEqual(
      asked.map(({ headers }) => [headers['x-functions-key'], headers.authorization]),
      [
        ['a-key', 'Bearer a-token'],
        [undefined, undefined],
      ],
    )
  })

  it('of several apps are sent only to their own app', async () => {
    const credentials = readCredentials({ TIDEMARK_FUNCTION_KEY: 'ordering=a=b==  other-key==' }, KNOWN)
    assert.deepEqual(await credentials.headers('ordering'), { 'x-functions-key': 'a=b==' })
    assert.deepEqual(await credentials.headers('inventory'), { 'x-functions-key': 'other-key==' })
    const one = readCredentials({ TIDEMARK_FUNCTION_KEY: 'ordering=a' }, KNOWN)
    assert.deepEqual([await one.headers('inventory'), one.secret, one.masked('a')], [{}, true, '***'])
    assert.throws(
      () => readCredentials({ TIDEMARK_FUNCTION_KEY: 's3cret another' }, KNOWN),
      /^UsageError: TIDEMARK_FUNCTION_KEY has two keys for all services$/,
    )
    assert.equal(readCredentials({ TIDEMARK_FUNCTION_KEY: ' ' }, KNOWN).secret, false)
  })

  it('are not sent over http to another machine', async () => {
    const api = new ServiceApi('ordering', {
      addresses: readAddresses(['http://func.example'], KNOWN),
      credentials: readCredentials({ TIDEMARK_TOKEN: 'a-token' }, KNOWN),
    })
    await assert.rejects(() => api.get('status'), /^UsageError: http:\/\/func\.example was not asked: over http/)
  })

  it('of a signed-in user are fetched once until they expire; others are refused', async (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'tidemark-az-'))
    const { PATH } = process.env
    process.env.PATH = `${folder}${delimiter}${PATH}`
    t.after(() => {
      process.env.PATH = PATH
      rmSync(folder, { recursive: true })
    })
    const az = (line: string): void => writeFileSync(join(folder, 'az'), `#!/bin/sh\n${line}\n`, { mode: 0o755 })
    const given = (token: string, minutes: number): string => {
      const expires_on = Math.round(Date.now() / 1000) + minutes * 60
      const azOutput = JSON.stringify({ accessToken: token, expires_on, tenant: 't', tokenType: 'Bearer' })
      return `echo "$@" >> ${folder}/asked; echo '${azOutput}'`
    }
    const { address, asked } = await answering(t, () => ({ items: [] }))
    const credentials = readCredentials({ TIDEMARK_API_CLIENT_ID: 'an-app' }, KNOWN)
    const api = new ServiceApi('ordering', { addresses: readAddresses([address], KNOWN), credentials })
    az('echo "Please run az login" >&2; exit 1')
    await assert.rejects(() => api.page('streams'), /^UsageError: no token for api:\/\/an-app: .*Sign in with az login/)
    az(given('ends-soon', 4))
    await api.page('streams')
    az(given('holds', 60))
    await Promise.all([api.page('streams'), api.page('streams')])
    await api.page('streams')
    assert.deepEqual(
      asked.map(({ headers }) => headers.authorization),
      ['Bearer ends-soon', 'Bearer holds', 'Bearer holds', 'Bearer holds'],
    )
    const calls = readFileSync(join(folder, 'asked'), 'utf8').trim().split('\n')
    assert.deepEqual(
      [...new Set(calls), calls.length],
      ['account get-access-token --output json --resource api://an-app', 2],
    )
    assert.equal(credentials.masked('it holds'), 'it ***')
    const chosen = readCredentials({ TIDEMARK_API_CLIENT_ID: 'an-app', TIDEMARK_TOKEN: 'mine' }, KNOWN)
    assert.deepEqual(await chosen.headers('ordering'), { authorization: 'Bearer mine' })
  })

  it('that a header cannot carry are refused without being shown', () => {
    for (const name of ['TIDEMARK_FUNCTION_KEY', 'TIDEMARK_TOKEN'])
      assert.throws(
        () => readCredentials({ [name]: 's3\u0007cret' }, KNOWN),
        (error: Error) => error.message.startsWith(name) && !error.message.includes('cret'),
      )
  })

  it('are masked if an answer repeats them', async (t) => {
    const api = await asking(t, (_, response) => problem(response, 404, 'stream-not-found', 'no a-token here'), {
      TIDEMARK_TOKEN: 'a-token',
    })
    await assert.rejects(() => api.get('status'), /^UsageError: stream-not-found: no \*\*\* here$/)
  })
})

describe('an invalid answer', () => {
  const cases: readonly (readonly [what: string, answer: Answering, line: RegExp])[] = [
    [
      'HTML',
      (_, response) => {
        response.setHeader('content-type', 'text/html')
        response.end('<html>')
        return undefined
      },
      /is not JSON: it is not from the running system$/,
    ],
    [
      'a sign-in page',
      (_, response) => {
        response.writeHead(302, { location: 'https://login.example/' }).end()
        return undefined
      },
      /answered 302: it requires a sign-in\. Set TIDEMARK_TOKEN/,
    ],
    [
      'an answer that breaks off',
      (_, response) => {
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' })
        response.write('{"items": [')
        setImmediate(() => response.destroy())
        return undefined
      },
      /gave no answer: (other side closed|terminated|read ECONNRESET|.*aborted)/,
    ],
    [
      'half of a JSON document',
      (_, response) => {
        response.writeHead(200, { 'content-type': 'application/json' }).end('{"items": [')
        return undefined
      },
      /broke off, or is not JSON$/,
    ],
    ['no role', (_, response) => problem(response, 403, 'operator-only', 'this is for others'), /^operator-only: this/],
    [
      'a platform that requires a key',
      (_, response) => {
        response.writeHead(401).end()
        return undefined
      },
      /answered 401: it requires a key/,
    ],
    ['an outage', (_, response) => problem(response, 503, 'unavailable', 'the store'), /^unavailable: the/],
    [
      'a route that an older build does not have',
      (_, response) => {
        response.writeHead(404).end()
        return undefined
      },
      /does not have this route yet$/,
    ],
    ['a list without items', () => ({}), /is not a list: is it another version\?$/],
  ]
  for (const [what, answer, line] of cases)
    it(`${what}: counts as unreachable`, async (t) => {
      const api = await asking(t, answer)
      await assert.rejects(
        () => api.page('streams'),
        (error: Error) => error instanceof UnreachableError && line.test(error.message),
      )
    })

  it('a closed port: counts as unreachable', async (t) => {
    const { address, stop } = await answering(t, () => ({}))
    stop()
    await assert.rejects(() => createApi(address).get('status'), /gave no answer: connect ECONNREFUSED/)
  })

  it('no answer in time: counts as unreachable', async (t) => {
    const { address } = await answering(t, () => undefined)
    await assert.rejects(() => createApi(address, {}, 50).get('status'), /gave no answer in 0\.05 s$/)
  })
})

it('a refusal keeps its code and its status', async (t) => {
  const api = await asking(t, (_, response) => problem(response, 409, 'not-parked', 'nothing waits'))
  await assert.rejects(
    () => api.post('parked/redrive', {}),
    (error: RefusedError) => error instanceof RefusedError && error.status === 409 && error.code === 'not-parked',
  )
})

describe('a list', () => {
  it('is read page after page, by the continuation of each page', async (t) => {
    const { address, asked } = await answering(t, ({ url }) => {
      const page = Number(url.searchParams.get('continuation') ?? 0)
      return { items: [page], ...(page < 2 ? { continuation: String(page + 1) } : {}) }
    })
    const items = await all(createApi(address).items('streams', { prefix: 'a&b', category: undefined }))
    assert.deepEqual(items, [0, 1, 2])
    assert.equal(asked[1]?.path, '/api/ordering/streams?prefix=a%26b&continuation=1')
  })

  it('with an endless continuation ends', async (t) => {
    const api = await asking(t, () => ({ items: [1], continuation: 'same' }))
    await assert.rejects(() => all(api.items('streams', {})), /repeats the same page/)
  })
})

function createApi(address: string, environment: NodeJS.ProcessEnv = {}, giveUpAfterMs = 10_000): ServiceApi {
  return new ServiceApi('ordering', {
    addresses: readAddresses([address], KNOWN),
    credentials: readCredentials(environment, KNOWN),
    giveUpAfterMs,
  })
}

async function asking(t: TestContext, answer: Answering, environment: NodeJS.ProcessEnv = {}): Promise<ServiceApi> {
  return createApi((await answering(t, answer)).address, environment)
}

async function all<Item>(items: AsyncIterable<Item>): Promise<readonly Item[]> {
  const found: Item[] = []
  for await (const item of items) found.push(item)
  return found
}
