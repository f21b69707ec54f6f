import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, it } from 'node:test'
import { services } from '../../packages/cli/project/config.ts'
import { withRefusals } from '../../packages/cli/schemas/refusals.ts'
import { stock } from '../../packages/tidemark/test/domain/stock.ts'

const errors = readFileSync(new URL('../../docs/errors.md', import.meta.url), 'utf8')
const declaring = (name: string, refusals: Readonly<Record<string, string>>) => ({
  name,
  deciders: [{ ...stock, refusals }],
})

describe('the refusals that deciders declare', () => {
  it('are in docs/errors.md, each once, and writing them changes nothing else there', () => {
    assert.equal(withRefusals(errors, services), errors)
    const codes = services.flatMap(({ deciders }) => deciders.flatMap(({ refusals = {} }) => Object.keys(refusals)))
    assert.ok(codes.length > 20)
    for (const code of codes) assert.equal(errors.split(`| \`${code}\` `).length, 2, code)
  })

  it('add one row per declaration, and remove it with the declaration', () => {
    const more = [...services, declaring('loyalty', { 'points-spent': 'They are spent.' })]
    const longer = withRefusals(errors, more)
    assert.match(longer, /^\| `points-spent` +\| loyalty +\| They are spent\. +\|$/m)
    assert.equal(withRefusals(longer, services), errors)
  })

  it('have one meaning each', () => {
    const twice = [declaring('a', { 'no-way': 'One.' }), declaring('b', { 'no-way': 'Another.' })]
    assert.throws(() => withRefusals(errors, twice), /no-way is a refusal of a \("One\."\) and of b \("Another\."\)/)
  })

  it('have their place in docs/errors.md', () => {
    assert.throws(() => withRefusals('# Errors\n', services), /no table under "## Refusals of the domain"/)
  })
})
