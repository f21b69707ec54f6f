import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, before, describe, it } from 'node:test'
import { verifyLog } from 'tidemark/verify'
import type { Client } from '../../packages/cli/demo/client.ts'
import { readLog } from '../../packages/cli/demo/raw-fold.ts'
import { readRawLog } from '../../packages/cli/demo/reading.ts'
import type { Child } from '../../packages/kit/child.ts'
import { until } from '../../packages/test-support/wait.ts'
import { System } from '../support/system.ts'

const MAIN = 'packages/tidemark/test/domain/fleet-functions.ts'
const VANS = ['1', '2', '3', '4', '5']
/** For each van at each pair of releases. */
const MOVES = 4

/**
 * A service renames one event type and retires another, as docs/contract.md says: `n` writes the old types, `n+1`
 * announces the new name, and `n+2` writes it. Two releases run at once each time, on the same streams.
 */
describe('a rolling deployment that renames and retires event types', () => {
  let system: System
  const hosts = new Map<string, Child>()
  before(async () => {
    system = await System.cloudAlone({ soon: true })
  })
  after(() => system.remove())

  async function start(release: string): Promise<Client> {
    const host = await system.startHost({
      services: ['ordering'],
      preload: { env: { FUNCTIONS_HOST_MAIN: MAIN, FLEET_RELEASE: release } },
    })
    hosts.set(release, host)
    return system.createClient('ordering', host)
  }
  const stop = async (release: string): Promise<void> => hosts.get(release)?.stop()

  async function send(client: Client, van: string, command: string, data: object) {
    const answer = await client.post(`/vans/${van}/${command}`, data, { 'idempotency-key': randomUUID() })
    return { status: answer.status, code: answer.body.code, position: String(answer.body.position) }
  }

  /** Moves each van by turns at both releases. Each must know where the other has moved it. */
  async function moveAll(clients: readonly [Client, Client], stage: string): Promise<void> {
    await Promise.all(
      VANS.map(async (van) => {
        for (let move = 0; move < MOVES; move += 1) {
          const [here, there] = move % 2 === 0 ? clients : clients.toReversed()
          assert.ok(here && there)
          const to = `${stage}-${van}-${move}`
          assert.equal((await send(here, van, 'move', { to })).status, 200)
          assert.equal((await send(there, van, 'move', { to })).code, 'van-there')
        }
      }),
    )
  }

  const readEvents = async () => readLog(await readRawLog(system.openLog('ordering'))).events

  /** Every release shows what the log has, nothing waits, and each move led to one visit. */
  async function assertAgreed(clients: readonly Client[], washes: number): Promise<void> {
    const events = await readEvents()
    for (const van of VANS) {
      const its = events.filter(({ stream }) => stream === `van-${van}`)
      const cities = its.flatMap(({ data }) => (data.to === undefined ? [] : [data.to]))
      for (const client of clients) {
        const { body } = await client.get(`/vans/${van}?position=van-${van}@${its.length}`)
        assert.deepEqual(body, { cities, washes })
        assert.equal((await client.get(`/streams/van-${van}/state`)).body.state, cities.at(-1))
      }
    }
    const moves = events.filter(({ data }) => data.to !== undefined).length
    const visits = async () => (await readEvents()).filter(({ type }) => type === 'Visited').length
    await until('a visit for each move', visits, (count) => count >= moves)
    assert.equal(await visits(), moves)
    for (const client of clients) assert.deepEqual((await client.get('/parked')).body.streams, [])
  }

  let announcing: Client
  it('reads an announced name and an unwritten type as before, beside the release before', async () => {
    const before = await start('n')
    announcing = await start('n+1')
    for (const van of VANS) assert.equal((await send(before, van, 'wash', {})).status, 200)
    await moveAll([before, announcing], 'first')
    await assertAgreed([before, announcing], 1)
    await stop('n')
  })

  it('reads a new name beside code that only announced it, and a retired type as nothing', async () => {
    const renamed = await start('n+2')
    await moveAll([announcing, renamed], 'second')
    await assertAgreed([announcing, renamed], 1)
    const types = Map.groupBy(await readEvents(), ({ type }) => type)
    const counts = ['Washed', 'Moved', 'Relocated'].map((type) => types.get(type)?.length)
    assert.deepEqual(counts, [VANS.length, VANS.length * MOVES * 1.5, VANS.length * MOVES * 0.5])
    await stop('n+1')

    const started = await renamed.post('/views/order/rebuild', {}, {})
    assert.equal(started.status, 202)
    const rebuild = async () => (await renamed.get('/views')).body.items[0].rebuild
    await until('the rebuild', rebuild, ({ state }) => state === 'done')
    await assertAgreed([renamed], 0)
    const faults: unknown[] = []
    const listener = { progress: () => {}, fault: (fault: unknown) => void faults.push(fault) }
    const { events } = await verifyLog(system.openLog('ordering'), listener)
    assert.ok(events > VANS.length * MOVES * 4)
    assert.deepEqual(faults, [])
  })
})
