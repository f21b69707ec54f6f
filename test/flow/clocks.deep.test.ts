import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import type { Client } from '../../packages/cli/demo/client.ts'
import { readLog } from '../../packages/cli/demo/raw-fold.ts'
import { readRawLog } from '../../packages/cli/demo/reading.ts'
import type { Child } from '../../packages/kit/child.ts'
import { leaseClaims, partitionClaims, staysWithOwners } from '../../packages/test-support/claims.ts'
import { until } from '../../packages/test-support/wait.ts'
import { assertEqualToLogs, type Shops, underLoad } from '../support/load.ts'
import { placeBody } from '../support/orders.ts'
import { storeTime } from '../support/store-time.ts'
import { runningTopology, System } from '../support/system.ts'

const FAST_S = 3600
/** A token for a hub is valid for an hour by its host's clock. A host that is slower could not reach the hub. */
const SLOW_S = -3300
/** Long enough for a busy machine to pay before the deadline. */
const WITHIN_SECONDS = 20
const RENEWALS = 4

const NAMES = runningTopology.services.map(({ name }) => name)
const PARTITIONS = runningTopology.eventHubs.reduce((sum, hub) => sum + hub.partitions * hub.consumerGroups.length, 0)

describe('two hosts with wrong clocks, nearly two hours apart,', () => {
  let system: System
  let fast: Child
  let slow: Child
  const printed = { fast: '', slow: '' }

  before(async () => {
    system = await System.cloudAlone({ soon: true })
    fast = await startHost('fast', FAST_S)
    slow = await startHost('slow', SLOW_S)
    await areSharedBy(2)
    await until('every lease', async () => (await claims()).length === PARTITIONS + NAMES.length)
    await system.createClient('inventory', fast).post('/stock/tea/receive', { quantity: 100_000 }, {})
  })
  after(() => system.remove())

  const startHost = (name: 'fast' | 'slow', shift: number): Promise<Child> =>
    system.startHost({
      preload: {
        module: 'packages/functions-host/test/shifted-clock.ts',
        // An idle service reads the store's time when it checks the lag.
        env: { TIDEMARK_TEST_CLOCK_SHIFT_S: String(shift), TIDEMARK_LAG_CHECK_S: '10' },
      },
      onOutput(text) {
        printed[name] += text
      },
    })

  /** The claims and leases of all hubs and logs. */
  const claims = async () => {
    const leases = NAMES.map((name) => leaseClaims(system.openContainer(name, 'leases')))
    return [...(await partitionClaims(system.claims)), ...(await Promise.all(leases)).flat()]
  }
  const areSharedBy = (hosts: number) =>
    until(`the partitions of each hub to be shared by ${hosts}`, async () => {
      const found = await partitionClaims(system.claims)
      const owners = [...Map.groupBy(found, ({ group }) => group).values()].map(
        (its) => new Set(its.map(({ owner }) => owner)),
      )
      return found.length === PARTITIONS && owners.every((its) => its.size === hosts && !its.has(''))
    })
  const shopsAt = (host: Child): Shops => ({
    ordering: system.createClient('ordering', host),
    inventory: system.createClient('inventory', host),
    payments: system.createClient('payments', host),
    shipping: system.createClient('shipping', host),
  })
  const storeNow = (): Promise<number> => storeTime(system.log)
  const post = async (client: Client, path: string, body: unknown): Promise<Record<string, string>> => {
    const answer = await client.post(path, body, {})
    assert.ok(answer.status === 200 || answer.status === 201, JSON.stringify(answer.body))
    return answer.body
  }
  const findLines = (name: 'fast' | 'slow', what: RegExp): readonly string[] =>
    printed[name].split('\n').filter((line) => what.test(line))

  it('log once per service that the clock is wrong, by how much, and the remedy', async () => {
    const wrong = {
      fast: /: this host's clock is 3600 s fast, .* set it right/,
      slow: /: this host's clock is 3300 s slow/,
    }
    for (const name of ['fast', 'slow'] as const)
      await until(`the ${name} host to say so`, () => {
        const lines = findLines(name, wrong[name])
        return NAMES.every((service) => lines.some((line) => line.includes(`${service}: this host's clock`)))
      })
  })

  it('expire nothing early, and ship what is paid in time', async () => {
    const began = await storeNow()
    const lines = [{ sku: 'tea', quantity: 1, unitPrice: 450 }]
    const payment = { method: 'transfer', withinSeconds: WITHIN_SECONDS }
    const orders = await Promise.all(
      [fast, slow].flatMap((host) =>
        [true, false].map(async (isPaid) => {
          const { id = '' } = await post(system.createClient('ordering', host), '/orders', {
            ...placeBody,
            lines,
            payment,
          })
          return { id, isPaid, host }
        }),
      ),
    )
    const untilStatus = (service: string, path: string, status: string) =>
      system.untilStatus(service, path, status, fast)
    for (const { id, isPaid, host } of orders) {
      await untilStatus('payments', `/payments/${id}`, 'open')
      // By the other host than the one that received the order.
      const other = system.createClient('payments', host === fast ? slow : fast)
      if (isPaid) await post(other, `/payments/${id}/authorise`, { reference: 'bank' })
    }
    for (const { id, isPaid } of orders)
      if (isPaid) {
        await untilStatus('shipping', `/shipments/${id}`, 'prepared')
        await post(system.createClient('shipping', slow), `/shipments/${id}/dispatch`, {})
        await untilStatus('ordering', `/orders/${id}`, 'completed')
      } else
        assert.equal(
          (await untilStatus('ordering', `/orders/${id}`, 'cancelled')).cancellationReason,
          'not paid in time',
        )

    const now = await storeNow()
    const { events } = readLog(await readRawLog(system.openLog('payments')))
    for (const { id, isPaid } of orders) {
      const its = events.filter(({ stream }) => stream === `payment-${id}`)
      const [opened] = its
      assert.deepEqual(
        its.map(({ type }) => type),
        isPaid ? ['PaymentOpened', 'PaymentAuthorised', 'PaymentCaptured'] : ['PaymentOpened', 'PaymentExpired'],
      )
      assert.equal(Date.parse(opened?.data.due) - Date.parse(opened?.time ?? ''), WITHIN_SECONDS * 1000)
      for (const { type, time } of its) {
        assert.ok(Date.parse(time) >= began - 1000 && Date.parse(time) <= now + 1000, `${type} at ${time}`)
        if (type === 'PaymentExpired')
          assert.ok(time >= opened?.data.due, `it expires at ${time}, not ${opened?.data.due}`)
      }
    }
  })

  it('return the newest state as the present one, even if the slow host’s clock is before it', async () => {
    const [fasts, slows] = [system.createClient('inventory', fast), system.createClient('inventory', slow)]
    for (const [version, [writer, reader]] of [
      [1, [fasts, slows]],
      [2, [slows, fasts]],
      [3, [fasts, slows]],
    ] as const) {
      await post(writer, '/stock/clock/receive', { quantity: 1 })
      const now = new Date(await storeNow()).toISOString()
      for (const query of ['', `?at=${now}`, `?version=${version}`]) {
        const { status, body } = await reader.get(`/streams/stock-clock/state${query}`)
        assert.deepEqual([status, body.version], [200, version], query)
        assert.ok(body.time <= now, 'its time has passed')
        assert.ok(Date.parse(body.time) > Date.now() + SLOW_S * 1000, 'its time is ahead of the slow host')
      }
    }
  })

  it('keep their claims under load, and views equal the log', async () => {
    const promised = await underLoad(shopsAt(slow), 'apart', () => staysWithOwners(claims, RENEWALS))
    const logs = {
      ordering: system.openLog('ordering'),
      inventory: system.openLog('inventory'),
      payments: system.openLog('payments'),
      shipping: system.openLog('shipping'),
    }
    await assertEqualToLogs(shopsAt(fast), logs, promised)
  })

  for (const [name, shift] of [
    ['fast', FAST_S],
    ['slow', SLOW_S],
  ] as const)
    it(`lose the ${name} one: the other takes over everything it had`, async () => {
      const [dead, other] = name === 'fast' ? [fast, slow] : [slow, fast]
      dead.kill('SIGKILL')
      await dead.exited
      await areSharedBy(1)
      // It is in the view once the lease of the log is taken over too.
      const ordering = system.createClient('ordering', other)
      const { id = '', position = '' } = await post(ordering, '/orders', placeBody)
      assert.equal((await ordering.get(`/orders/${id}?position=${encodeURIComponent(position)}`)).status, 200)
      if (name === 'fast') fast = await startHost(name, shift)
      else slow = await startHost(name, shift)
      await areSharedBy(2)
    })

  it('have logged it once per service and start, and never that the clock is right', async () => {
    for (const name of ['fast', 'slow'] as const) {
      const counts = () =>
        NAMES.map((service) => findLines(name, new RegExp(`${service}: this host's clock is \\d+ s`)).length)
      await until('each service to have said it', () => counts().every((count) => count >= 2))
      assert.deepEqual(
        counts(),
        NAMES.map(() => 2),
      )
      assert.deepEqual(findLines(name, /clock is right again/), [])
    }
  })
})
