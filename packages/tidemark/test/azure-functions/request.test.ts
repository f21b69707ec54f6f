import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { HttpRequest, InvocationContext } from '@azure/functions'
import { type CommandPort, postCommand } from '../../azure-functions/commands.ts'
import { readJson } from '../../azure-functions/request.ts'
import { MAX_NESTING } from '../../core/json.ts'
import { MemoryEventStore } from '../../memory/event-store.ts'
import { handleCommand } from '../../runtime/command.ts'
import { stateCache } from '../../runtime/state-cache.ts'
import { anything, thing } from '../domain/anything.ts'
import { everyEvent, ManualClock } from '../support/fakes.ts'

const post = (body: string) =>
  new HttpRequest({
    method: 'POST',
    url: 'http://localhost/api/anything/things/1/keep',
    params: { id: '1', command: 'keep' },
    headers: { 'content-type': 'application/json' },
    body: { string: body },
  })

/** Answers commands to a decider that records whatever it receives. */
function serve() {
  const store = new MemoryEventStore()
  const deps = { service: anything, store, cache: stateCache(10), clock: new ManualClock() }
  const port: CommandPort = {
    name: 'anything',
    command: (decider, request) => handleCommand(deps, decider, request),
    ids: () => 'an-id',
    actorSource: 'nobody',
  }
  const { handle } = postCommand(port, thing, ['keep'])
  return { store, answer: (request: HttpRequest) => handle(request, new InvocationContext()) }
}

describe('a request with many faults', () => {
  it('is refused for the first that is left, always in the same order', async () => {
    const { answer } = serve()
    const headers: Record<string, string> = {
      'idempotency-key': 'a key',
      'if-match': '7',
      'x-correlation-id': 'a b',
      'content-type': 'text/plain',
    }
    const sent = { url: 'http://localhost/api/anything/things/1/keep?all=1', id: '#', body: '{' }
    const repairs: readonly (readonly [code: string, repair: () => unknown])[] = [
      ['invalid-query', () => Object.assign(sent, { url: 'http://localhost/api/anything/things/1/keep' })],
      ['invalid-idempotency-key', () => Object.assign(headers, { 'idempotency-key': 'key' })],
      ['invalid-id', () => Object.assign(sent, { id: '1' })],
      ['invalid-if-match', () => Object.assign(headers, { 'if-match': '"7"' })],
      ['invalid-header', () => Object.assign(headers, { 'x-correlation-id': 'a' })],
      ['unsupported-media-type', () => Object.assign(headers, { 'content-type': 'application/json' })],
      ['invalid-json', () => Object.assign(sent, { body: '{}' })],
      ['invalid-command', () => Object.assign(sent, { body: '{"value":1}' })],
      ['version-mismatch', () => Reflect.deleteProperty(headers, 'if-match')],
    ]
    const send = () => {
      const params = { id: sent.id, command: 'keep' }
      return answer(new HttpRequest({ method: 'POST', url: sent.url, params, headers, body: { string: sent.body } }))
    }
    for (const [code, repair] of repairs) {
      assert.equal(JSON.parse(String((await send()).body)).code, code)
      repair()
    }
    assert.equal((await send()).status, 200)
  })
})

describe('a request body with values that no event can hold', () => {
  async function keep(body: string) {
    const { store, answer: ask } = serve()
    const answer = await ask(post(body))
    return { answer, events: await everyEvent(store, 'thing-1') }
  }

  for (const [what, value, pointer] of [
    ['an unsafe integer', '{"a":[9007199254740993]}', '/value/a/0'],
    ['a number that is an unsafe integer', '[1e300]', '/value/0'],
    ['a number that is too large', '1e400', '/value'],
    ['a field named __proto__', '{"__proto__":{"admin":true}}', '/value/__proto__'],
    ['too many levels', '['.repeat(MAX_NESTING) + ']'.repeat(MAX_NESTING), `/value${'/0'.repeat(MAX_NESTING - 1)}`],
  ] as const)
    it(`is refused with the path of ${what}, and nothing is recorded`, async () => {
      const { answer, events } = await keep(`{"value":${value}}`)
      assert.equal(answer.status, 400)
      const { code, errors } = JSON.parse(String(answer.body))
      assert.equal(code, 'invalid-command')
      assert.deepEqual(
        errors.map((error: { pointer: string }) => error.pointer),
        [pointer],
      )
      assert.deepEqual(events, [])
    })

  it('is accepted without such values, with -0 stored as 0', async () => {
    const { answer, events } = await keep('{"value":[-0,0.1,"x",{"constructor":null}]}')
    assert.equal(answer.status, 200)
    assert.deepStrictEqual(events[0]?.data, { value: [0, 0.1, 'x', { constructor: null }] })
  })

  it('is not JSON when a text has half a surrogate pair', () =>
    assert.rejects(readJson(post('{"value":"\\ud800"}')), { code: 'invalid-json' }))
})
