import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import type { ErrorCode } from 'tidemark'
import { failureClass } from 'tidemark/tools'
import { Command } from '../../packages/test-support/command.ts'
import { until } from '../../packages/test-support/wait.ts'
import { placeBody } from '../support/orders.ts'
import { Replays } from '../support/replays.ts'
import { System } from '../support/system.ts'

/** One of ten requests passes. The SDK tries ten times, so it fails for about a third. */
const STORM = { seed: 3, faults: [{ kind: 'throttle', rate: 0.9, retryAfterMs: 40 }] }
/** About a minute of throttling, with everything that happens meanwhile. */
const THROTTLED = 6_000
const CONCURRENCY = 8

// Inherited by the children of the cloud, so that requests are throttled on request.
process.env.COSMOS_EMULATOR_CONTROL_PORT = '0'

/** An order to be placed, and the statuses of its answers. */
interface Wanted {
  readonly id: string
  readonly key: string
  readonly statuses: number[]
}

describe('a storm of throttled requests', () => {
  let system: System
  let replays: Replays

  before(async () => {
    system = await System.cloudAlone({ services: ['ordering'] })
    // Its output is dropped, since every function reports throttling again and again.
    await system.startHost({ onOutput: () => {} })
    replays = new Replays(system)
  })
  after(() => system.remove())

  async function faults(method: string, body?: unknown) {
    const { address } = JSON.parse(await readFile(join(system.dataDir, 'cosmos/control.json'), 'utf8'))
    const response = await fetch(`${address}/faults`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }),
    })
    assert.equal(response.status, 200, method)
    return (await response.json()) as { readonly counts: readonly number[] }
  }

  async function place({ id, key, statuses }: Wanted) {
    const body = JSON.stringify(placeBody)
    const answer = await system.call('POST', `/orders/${id}/place`, { body, headers: { 'idempotency-key': key } })
    statuses.push(answer.status)
    return answer
  }

  it('loses, doubles and parks nothing, answers commands with 503 or 504, and keeps views correct', async () => {
    // Earlier orders are read, changed and followed in the storm.
    await replays.customers(20, 'before')
    const wanted: Wanted[] = []
    let isOver = false
    const customer = async (): Promise<void> => {
      while (!isOver) {
        const order: Wanted = { id: `storm-${wanted.length}`, key: randomUUID(), statuses: [] }
        wanted.push(order)
        // Some clients stop trying, and return after the storm.
        for (let tries = 0; tries < 3 && order.statuses.at(-1) !== 200 && !isOver; tries += 1) await place(order)
      }
    }
    await faults('PUT', STORM)
    const customers = Promise.all(Array.from({ length: CONCURRENCY }, customer))
    try {
      await until(
        'the storm to last long enough',
        async () => (await faults('GET')).counts[0] ?? 0,
        (throttled) => throttled >= THROTTLED,
      )
    } finally {
      isOver = true
      await faults('DELETE')
      await customers
    }
    const statuses = wanted.flatMap((order) => order.statuses)
    assert.deepEqual([...new Set(statuses).difference(new Set([200, 503, 504]))], [])
    assert.ok(statuses.includes(200) && statuses.some((status) => status > 500), statuses.join())
    const before = wanted.filter((order) => order.statuses.includes(200))

    for (const order of wanted) {
      const { status, body } = await until(
        `${order.id} to be accepted`,
        () => place(order),
        (answer) => answer.status !== 503 && answer.status !== 504,
      )
      assert.deepEqual([status, body.version], [200, 1], JSON.stringify(body))
      const path = `/orders/${order.id}?position=${encodeURIComponent(body.position)}`
      assert.equal((await system.callOnceSeen('GET', path)).status, 200)
    }
    const query = "SELECT VALUE COUNT(1) FROM c WHERE c['from'] = 1 AND STARTSWITH(c.stream, 'order-storm-')"
    assert.deepEqual((await system.log.items.query<number>(query).fetchAll()).resources, [wanted.length])

    // A stream that failed for a minute while others did not may be parked. It is redriven automatically.
    const { streams, messages } = await until(
      'nothing to be parked',
      async () => (await system.call('GET', '/parked')).body,
      (parked) => {
        for (const { code } of parked.streams as { code: ErrorCode }[])
          assert.equal(failureClass(code), 'passing', code)
        return parked.streams.length === 0
      },
    )
    assert.deepEqual([streams, messages], [[], []])
    await replays.customers(5, 'afterwards')
    assert.deepEqual(await replays.differences(), [])
    const { http, cosmos, eventHubs } = system.ports
    const { code, output } = await new Command('packages/cli/verify.ts', ['ordering', '--no-archive'], {
      TIDEMARK_HTTP_PORT: String(http),
      TIDEMARK_COSMOS_PORT: String(cosmos),
      TIDEMARK_EVENTHUBS_PORT: String(eventHubs),
    }).ended
    assert.equal(code, 0, output)
    console.log(`# ${statuses.length} answers in the storm, ${before.length} of ${wanted.length} orders accepted in it`)
  })
})
