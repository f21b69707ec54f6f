import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { it } from 'node:test'
import { placeBody } from '../../support/orders.ts'
import type { World } from './world.ts'

const path = '/api/ordering/orders'
const head = 'Host: localhost\r\nConnection: close\r\n'
const body = JSON.stringify(placeBody)

/**
 * Requests that no ordinary client sends. A refusal by the host itself has a status and no problem body,
 * since no function sees the request. None is answered 500, and nothing is written.
 */
export function outside(world: () => World): void {
  const cases: readonly [what: string, request: string, status: number, code?: string][] = [
    ['an unknown method', `FOO ${path} HTTP/1.1\r\n${head}\r\n`, 400],
    ['TRACE', `TRACE ${path} HTTP/1.1\r\n${head}\r\n`, 404],
    ['no host', `GET ${path} HTTP/1.1\r\nConnection: close\r\n\r\n`, 400],
    ['a header of 20 kB', `GET ${path} HTTP/1.1\r\n${head}x-note: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
    ['an address of 20 kB', `GET ${path}/${'x'.repeat(20_000)} HTTP/1.1\r\n${head}\r\n`, 431],
    ['a byte in the address that no URL may have', `GET ${path}?a=\xff HTTP/1.1\r\n${head}\r\n`, 400],
    ['a chunk without its length', `POST ${path} HTTP/1.1\r\n${head}Transfer-Encoding: chunked\r\n\r\nzz\r\n`, 400],
    ['an unknown expectation', `POST ${path} HTTP/1.1\r\n${head}Expect: tea\r\nContent-Length: 0\r\n\r\n`, 417],
    ['a path of no service', `GET /api/nothing HTTP/1.1\r\n${head}\r\n`, 404],
    ['a path of no route', `GET /api/ordering/nothing/here HTTP/1.1\r\n${head}\r\n`, 404],
    ['OPTIONS for a path of no route', `OPTIONS /api/ordering/nothing/here HTTP/1.1\r\n${head}\r\n`, 404],
    ['a path with a NUL', `GET ${path}/%00 HTTP/1.1\r\n${head}\r\n`, 400],
    ['a path with an empty segment', `GET ${path}//state HTTP/1.1\r\n${head}\r\n`, 404],
    [
      'a chunked body, which arrives empty',
      `POST ${path} HTTP/1.1\r\n${head}` +
        `Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n${chunk(body)}${chunk('')}`,
      400,
      'invalid-json',
    ],
    [
      'two idempotency keys',
      `POST ${path} HTTP/1.1\r\n${head}Idempotency-Key: a\r\nIdempotency-Key: b\r\n` +
        `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
      400,
      'invalid-idempotency-key',
    ],
    [
      'two If-Match',
      `POST ${path}/1/cancel HTTP/1.1\r\n${head}If-Match: "1"\r\nIf-Match: "2"\r\nContent-Length: 0\r\n\r\n`,
      400,
      'invalid-if-match',
    ],
    ['HTTP/1.0', `GET ${path}/nobody HTTP/1.0\r\n\r\n`, 404, 'document-not-found'],
  ]
  for (const [what, request, status, code] of cases)
    it(`${what}: ${status} ${code ?? 'of the host'}`, async () => {
      const before = await world().written()
      const answer = await send(world().system.ports.http, request)
      assert.match(answer, new RegExp(`^HTTP/1.1 ${status} `))
      if (code)
        assert.match(answer, new RegExp(`^content-type: application/problem\\+json\r\n[^]*"code":"${code}"`, 'm'))
      else assert.doesNotMatch(answer, /problem\+json/)
      assert.deepEqual(await world().written(), before)
    })
}

function chunk(text: string): string {
  return `${text.length.toString(16)}\r\n${text}\r\n`
}

/** All data received until the connection ends. */
async function send(port: number, request: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.write(Buffer.from(request, 'latin1'))
  return (await buffer(socket)).toString('latin1')
}
