import assert from 'node:assert/strict'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { readLog } from '../../packages/cli/demo/raw-fold.ts'
import { readRawLog } from '../../packages/cli/demo/reading.ts'
import type { Child } from '../../packages/kit/child.ts'
import { freePort } from '../../packages/test-support/ports.ts'
import { until } from '../../packages/test-support/wait.ts'
import { placeBody } from '../support/orders.ts'
import { storeTime } from '../support/store-time.ts'
import { type HostOptions, System } from '../support/system.ts'

/** Long enough for a busy machine to pay, or to stop a host, before the deadline. */
const WITHIN_SECONDS = 20
const FAST_BY_SECONDS = 600
const LINES = [{ sku: 'tea', quantity: 1, unitPrice: 450 }]

describe('a payment deadline', () => {
  let system: System
  let [ordering, payments]: Child[] = []
  let port = 0

  before(async () => {
    system = await System.cloudAlone()
    port = await freePort()
    ordering = await system.startHost({ services: ['ordering'] })
    await system.startHost({ services: ['inventory', 'shipping'], port: await freePort() })
    payments = await startPayments()
    await system.createClient('inventory').post('/stock/tea/receive', { quantity: 100 }, {})
  })
  after(() => system.remove())

  const startPayments = (preload?: HostOptions['preload']): Promise<Child> =>
    system.startHost({ services: ['payments'], port, ...(preload ? { preload } : {}) })
  const read = async (service: string, path: string): Promise<Record<string, unknown>> =>
    (await system.createClient(service).get(path)).body
  const place = async (): Promise<string> => {
    const payment = { method: 'transfer', withinSeconds: WITHIN_SECONDS }
    const { status, body } = await system.client.post('/orders', { ...placeBody, lines: LINES, payment }, {})
    assert.equal(status, 201)
    return String(body.id)
  }
  const storeNow = (): Promise<number> => storeTime(system.log)
  const isOver = (time: number): Promise<unknown> =>
    until(`${new Date(time).toISOString()} to be over`, async () => (await storeNow()) > time)
  const authorise = async (id: string): Promise<void> => {
    const answer = await system.createClient('payments').post(`/payments/${id}/authorise`, { reference: 'bank' }, {})
    assert.equal(answer.status, 200, JSON.stringify(answer.body))
  }
  const readEvents = async (stream: string): Promise<{ type: string; time: string }[]> => {
    const { events } = readLog(await readRawLog(system.openLog('payments')))
    return events.filter((event) => event.stream === stream)
  }
  async function isShipped(id: string): Promise<void> {
    await system.untilStatus('shipping', `/shipments/${id}`, 'prepared')
    assert.equal((await read('ordering', `/orders/${id}`)).status, 'confirmed')
    await system.createClient('shipping').post(`/shipments/${id}/dispatch`, {}, {})
    await system.untilStatus('ordering', `/orders/${id}`, 'completed')
    await system.untilStatus('payments', `/payments/${id}`, 'captured')
  }

  /** Lets ordering receive no payment events for a while. */
  const deaf: Readonly<Record<string, { begins(): Promise<void>; ends(): Promise<void> }>> = {
    away: {
      begins: async () => ordering?.stop(),
      ends: async () => {
        ordering = await system.startHost({ services: ['ordering'] })
      },
    },
    held: {
      begins: async () => {
        await writeFile(holdFile(), '')
        await ordering?.stop()
        const env = { FUNCTIONS_HOST_HOLD: `ordering-reactions-payments=${holdFile()}` }
        ordering = await system.startHost({ services: ['ordering'], preload: { env } })
      },
      ends: () => rm(holdFile()),
    },
  }
  const holdFile = (): string => join(system.dataDir, 'hold')

  for (const [how, { begins, ends }] of Object.entries(deaf))
    it(`does not cancel orders paid in time while ordering is ${how}: all are shipped`, async () => {
      const ids = await Promise.all(Array.from({ length: 5 }, place))
      const open = await Promise.all(ids.map((id) => system.untilStatus('payments', `/payments/${id}`, 'open')))
      await begins()
      await Promise.all(ids.map(authorise))
      await isOver(Math.max(...open.map(({ due }) => Date.parse(String(due)))))
      await until('the deadlines to be sent and forgotten', async () => {
        const waiting = await Promise.all(ids.map((id) => system.isExpiryScheduled(id)))
        return !waiting.includes(true)
      })
      await ends()
      await Promise.all(ids.map(isShipped))
      for (const id of ids)
        assert.deepEqual(
          (await readEvents(`payment-${id}`)).map(({ type }) => type),
          ['PaymentOpened', 'PaymentAuthorised', 'PaymentCaptured'],
        )
    })

  it('has its full length when the payment request was delayed for longer than that', async () => {
    await payments?.stop()
    const id = await place()
    const fulfilment = await until(
      'the payment to be asked for',
      () => read('ordering', `/fulfilments/${id}`),
      ({ asked }) => Array.isArray(asked) && asked.includes('PaymentRequested'),
    )
    await isOver(Date.parse(String(fulfilment.updatedAt)) + WITHIN_SECONDS * 1000)
    payments = await startPayments()
    const { openedAt, due } = await system.untilStatus('payments', `/payments/${id}`, 'open')
    assert.equal(Date.parse(String(due)) - Date.parse(String(openedAt)), WITHIN_SECONDS * 1000)
    await authorise(id)
    await isShipped(id)
  })

  it('is kept on a host that is ten minutes fast, which writes no event with a future time', async () => {
    await payments?.stop()
    const env = { TIDEMARK_TEST_CLOCK_SHIFT_S: String(FAST_BY_SECONDS) }
    payments = await startPayments({ module: 'packages/functions-host/test/shifted-clock.ts', env })
    const before = await storeNow()
    const [paid, unpaid] = [await place(), await place()]
    for (const id of [paid, unpaid]) await system.untilStatus('payments', `/payments/${id}`, 'open')
    // Meanwhile, the schedule is read every second.
    const opened = await read('payments', `/payments/${unpaid}`)
    assert.ok(Date.parse(String(opened.openedAt)) <= (await storeNow()), 'it is not opened in the future')
    await authorise(paid)
    await isShipped(paid)
    const order = await system.untilStatus('ordering', `/orders/${unpaid}`, 'cancelled')
    assert.equal(order.cancellationReason, 'not paid in time')
    const now = await storeNow()
    for (const id of [paid, unpaid])
      for (const { type, time } of await readEvents(`payment-${id}`)) {
        assert.ok(Date.parse(time) >= before - 1000 && Date.parse(time) <= now + 1000, `${type} at ${time}`)
        if (type === 'PaymentExpired') assert.ok(time >= String(opened.due), `it expires at ${time}, not ${opened.due}`)
      }
  })
})
