import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { catchMutant } from './mutant.ts'
import { MUTATIONS } from './mutations.ts'

/** In how many histories each mutation must show. */
const SEEDS = 400

describe('a runtime that breaks a promise', () => {
  for (const mutation of MUTATIONS)
    it(`is noticed where ${mutation.name}`, async (t) => {
      const caught = await catchMutant(mutation, SEEDS)
      assert.ok(caught, `no history of ${SEEDS} shows it`)
      t.diagnostic(`seed ${caught.seed}: ${caught.violation.invariant}: ${caught.violation.what.slice(0, 200)}`)
    })

  it('is shown by a history that is made smaller, and shows it again', async (t) => {
    const [mutation] = MUTATIONS.filter(({ name }) => name.includes('without the marks'))
    assert.ok(mutation)
    const { smaller } = (await catchMutant(mutation, SEEDS, true)) ?? {}
    assert.ok(smaller?.isRepeatable, 'what is left is the same history again')
    assert.ok(smaller.to.faults <= smaller.from.faults / 4, JSON.stringify(smaller))
    assert.ok(smaller.to.steps < smaller.from.steps, JSON.stringify(smaller))
    t.diagnostic(JSON.stringify(smaller))
  })

  it('is one of many', (t) => {
    assert.ok(MUTATIONS.length >= 30)
    assert.equal(new Set(MUTATIONS.map(({ name }) => name)).size, MUTATIONS.length)
    t.diagnostic(`${MUTATIONS.length} mutations`)
  })
})
