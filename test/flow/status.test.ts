import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { ServiceStatus } from 'tidemark/tools'
import { Command } from '../../packages/test-support/command.ts'
import { until } from '../../packages/test-support/wait.ts'
import { placeBody } from '../support/orders.ts'
import { System } from '../support/system.ts'

type StatusAnswer = ServiceStatus & { readonly concerns: readonly string[] }

describe('the status of a service, over HTTP and by the command,', () => {
  let system: System
  let output = ''
  before(async () => {
    system = await System.cloudAlone({ services: ['ordering'] })
    await system.startHost({
      preload: { env: { TIDEMARK_CANARY: 'true' } },
      onOutput: (text) => {
        output += text
      },
    })
  })
  after(() => system.remove())

  it('lets a script end once it has closed the service', async () => {
    const script = `
      import { compose } from 'tidemark/azure-functions'
      import { ordering } from './src/ordering/service.ts'
      const service = compose(ordering)
      const { unknown } = await service.status()
      console.log(JSON.stringify(unknown))
      await service.close()`
    const { output } = await new Command('--input-type=module', ['--eval', script], system.settings).ended
    assert.equal(output.trim(), '[]')
  })

  const ask = (path: string) => system.call('GET', path)
  async function statusNow(): Promise<StatusAnswer> {
    const { status, body } = await ask('/status')
    assert.equal(status, 200, JSON.stringify(body))
    return body
  }
  const command = (...args: readonly string[]) =>
    new Command('packages/cli/tidemark.js', ['lag', ...args], { TIDEMARK_HTTP_PORT: String(system.ports.http) }).ended
  const place = async (count: number): Promise<void> => {
    for (let n = 0; n < count; n += 1) assert.equal((await system.client.post('/orders', placeBody, {})).status, 201)
  }

  it('shows no lag and no concern once everything is handled', async () => {
    await place(5)
    const status = await until(
      'all to be handled',
      statusNow,
      ({ relay, consumers = [], canary }) =>
        canary?.at !== undefined &&
        relay?.commits === 0 &&
        consumers.every(({ events }) => events === 0) &&
        consumers[0]?.instances === 1,
    )
    assert.deepEqual([status.service, status.unknown, status.concerns], ['ordering', [], []])
    assert.deepEqual(
      status.consumers?.map(({ consumer, hub }) => `${consumer} of ${hub}`),
      ['ordering', 'ordering', 'inventory', 'payments', 'shipping'].map((hub, index) =>
        index === 0 ? 'ordering-views of ordering' : `ordering-reactions-${hub} of ${hub}`,
      ),
    )
    // Some partition received messages, and all of them were handled.
    const [views] = status.consumers ?? []
    const handled = views?.partitions.map(({ handled, last }) => [handled ?? -1, last]) ?? []
    assert.ok(handled.some(([, last]) => (last ?? -1) >= 0))
    for (const [mine, last] of handled) assert.equal(mine, last)
    assert.ok(Math.abs(status.clockSkewMs ?? Number.NaN) < 5_000)
    assert.ok((status.canary?.seconds ?? Number.NaN) < 240)
    await until('the line about it', async () => /canary of ordering was seen after \d+\.\d{3} s/.test(output))
    const { code, output: answered } = await command('--service', 'ordering')
    assert.equal(code, 0, answered)
    assert.match(answered, /^ordering-views +\d+ events +\d+ s +1$/m)
    assert.match(answered, /^1 services, 0 things to look at$/m)
  })

  it('refuses an unknown parameter', async () => {
    for (const path of ['/health/live', '/health/ready', '/status']) {
      const { status, body } = await ask(`${path}?verbose=1`)
      assert.deepEqual([path, status, body.code], [path, 400, 'invalid-query'])
    }
  })

  it('counts what the relay has not published without the hub, and shows the rest', async () => {
    system.part('event hubs').kill('SIGKILL')
    await system.part('event hubs').exited
    await place(3)
    assert.equal((await ask('/health/ready')).status, 200)
    const answered = await statusNow()
    // One more with a canary, if its minute starts.
    assert.ok((answered.relay?.commits ?? 0) >= 3, JSON.stringify(answered.relay))
    assert.deepEqual(
      answered.unknown.map(({ part }) => part).toSorted(),
      ['inventory', 'ordering', 'payments', 'shipping']
        .map((hub) => `ordering-reactions-${hub}`)
        .concat('ordering-views'),
    )
    for (const { reason } of answered.unknown) assert.match(reason, /^the hub cannot be read: ./)
    assert.ok(answered.concerns.some((concern) => concern.startsWith('ordering-views: the hub cannot be read')))
    const { code, output } = await command('--service', 'ordering')
    assert.equal(code, 1)
    assert.match(output, /^ordering-relay +[34] commits +\d+ s$/m)
  })

  it('shows a service without its store as alive and not ready', async () => {
    system.part('cosmos db').kill('SIGKILL')
    await system.part('cosmos db').exited
    assert.equal((await ask('/health/live')).status, 200)
    const ready = await until(
      'the outage to be met',
      () => ask('/health/ready'),
      (answer) => answer.status !== 200,
    )
    assert.deepEqual([ready.status, ready.body.code], [503, 'unavailable'])
    const { unknown, relay, consumers, parked } = await statusNow()
    assert.deepEqual([relay, consumers, parked], [undefined, [], []])
    for (const { reason } of unknown) assert.match(reason, /cannot be read: ./)
    assert.ok(unknown.some(({ part }) => part === 'relay'))
  })
})
