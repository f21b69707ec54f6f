import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { catchMutant } from './mutant.ts'
import { MUTATIONS } from './mutations.ts'

/** The number of histories in which each mutation must be noticed. */
const SEEDS = 400

describe('a runtime that breaks a promise', () => {
  for (const mutation of MUTATIONS)
    it(`is noticed if ${mutation.name}`, async (t) => {
      const caught = await catchMutant(mutation, SEEDS)
      assert.ok(caught, `no history of ${SEEDS} notices it`)
      t.diagnostic(`seed ${caught.seed}: ${caught.violation.invariant}: ${caught.violation.what.slice(0, 200)}`)
    })

  it('is shown by a reduced history, which can be repeated', async (t) => {
    const [mutation] = MUTATIONS.filter(({ name }) => name.includes('without the applied markers'))
    assert.ok(mutation)
    const { smaller } = (await catchMutant(mutation, SEEDS, true)) ?? {}
    assert.ok(smaller?.isRepeatable, 'the reduced history is repeated exactly')
    assert.ok(smaller.to.faults <= smaller.from.faults / 4, JSON.stringify(smaller))
    assert.ok(smaller.to.steps < smaller.from.steps, JSON.stringify(smaller))
    t.diagnostic(JSON.stringify(smaller))
  })

  it('is one of at least 30 with different names', (t) => {
    assert.ok(MUTATIONS.length >= 30)
    assert.equal(new Set(MUTATIONS.map(({ name }) => name)).size, MUTATIONS.length)
    t.diagnostic(`${MUTATIONS.length} mutations`)
  })
})
