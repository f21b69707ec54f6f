import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after, describe, it } from 'node:test'
import { cosmosEndpoint, EMULATOR_KEY } from '../../../test-support/cosmos.ts'
import { cosmosClient } from '../../cosmos/client.ts'
import { RequestBudget } from '../../cosmos/request-budget.ts'
import { CONCURRENCY, forEachLimited } from '../../runtime/limited.ts'
import { ManualClock } from '../support/fakes.ts'

const charged = (charge: unknown) => ({ headers: { 'x-ms-request-charge': charge } })

/** Runs requests with these charges, many at once. @returns how long it took, and the charges by start. */
async function spend(perSecond: number, charges: readonly number[], fails: (index: number) => boolean = () => false) {
  const clock = new ManualClock()
  const began = clock.elapsed()
  const budget = new RequestBudget(perSecond, clock)
  const starts: { readonly index: number; readonly at: number; readonly charge: number }[] = []
  await forEachLimited(charges.entries(), CONCURRENCY, async ([index, charge]) => {
    const request = async () => {
      starts.push({ index, at: (clock.elapsed() - began) / 1000, charge })
      if (fails(index)) throw Object.assign(new Error('throttled'), charged(String(charge)))
      return charged(String(charge))
    }
    await budget.run(request).catch((error: Error) => assert.equal(error.message, 'throttled'))
  })
  return { starts, seconds: (clock.elapsed() - began) / 1000 }
}

describe('a budget of request units', () => {
  for (const [of, charges] of [
    ['equal requests', Array.from({ length: 400 }, () => 10)],
    ['requests that cost unequally', Array.from({ length: 400 }, (_, index) => (index % 7) * 5 + 1)],
    ['a large page between small reads', Array.from({ length: 400 }, (_, index) => (index % 50 === 0 ? 250 : 1))],
  ] as const)
    for (const how of ['succeed', 'fail'] as const)
      it(`bounds ${of} that ${how} in every span of time, and leaves little of it unused`, async () => {
        const perSecond = 100
        const { starts, seconds } = await spend(perSecond, charges, () => how === 'fail')
        assert.equal(starts.length, charges.length)
        const largest = Math.max(...charges)
        let checked = 0
        // One second's units, and what was not known of requests at once.
        const slack = perSecond + 2 * largest
        for (const [index, { at }] of starts.entries()) {
          let used = 0
          for (const later of starts.slice(index)) {
            used += later.charge
            checked += 1
            assert.ok(used <= (later.at - at) * perSecond + slack, `${used} within ${later.at - at} s`)
          }
        }
        const total = charges.reduce((sum, charge) => sum + charge, 0)
        assert.ok(seconds <= total / perSecond + 1, `${seconds} s for ${total}`)
        assert.ok(checked > 50_000, `${checked} spans`)
      })

  it('starts requests in the order in which they were made', async () => {
    const { starts } = await spend(
      100,
      Array.from({ length: 100 }, (_, index) => 100 - index),
    )
    assert.deepEqual(
      starts.map(({ index }) => index),
      [...starts.keys()],
    )
    assert.equal(starts.length, 100)
  })

  it('counts a request without an answer as much as those before it', async () => {
    const clock = new ManualClock()
    const began = clock.elapsed()
    const budget = new RequestBudget(100, clock)
    for (let request = 1; request <= 30; request += 1) await budget.run(async () => charged('200'))
    const spent = clock.elapsed()
    assert.ok(spent - began >= 57_000, `${spent - began} ms`)
    const lost = () => budget.run(() => Promise.reject(new Error('no answer')))
    await assert.rejects(lost, { message: 'no answer' })
    await assert.rejects(lost, { message: 'no answer' })
    assert.ok(clock.elapsed() - spent >= 3_900, `${clock.elapsed() - spent} ms`)
  })

  it('paces every request of a client of the SDK by what the service charged', async () => {
    const { address, database, stop } = await cosmosEndpoint()
    after(stop)
    const { container } = await database.containers.create({ id: randomUUID(), partitionKey: '/pk' })
    const clock = new ManualClock()
    const began = clock.elapsed()
    const connectionString = `AccountEndpoint=${address};AccountKey=${EMULATOR_KEY}`
    const client = cosmosClient({ connectionString }, { budget: new RequestBudget(10, clock) })
    after(() => client.dispose())
    const own = client.database(database.id).container(container.id)
    let total = 0
    for (let number = 1; number <= 20; number += 1)
      total += (await own.items.create({ id: String(number), pk: 'a' })).requestCharge
    const { requestCharge, resources } = await own.items.query('SELECT * FROM c').fetchAll()
    assert.equal(resources.length, 20)
    assert.ok(total > 50, `${total} request units`)
    // Nothing else waits on this clock.
    const seconds = (clock.elapsed() - began) / 1000
    assert.ok(seconds >= (total - 10 - requestCharge) / 10 - 1, `${seconds} s for ${total}`)
    assert.ok(seconds <= (total + requestCharge) / 10 + 3, `${seconds} s for ${total}`)
  })
})
