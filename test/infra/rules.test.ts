import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { services } from '../../packages/cli/project/config.ts'
import { netsFor } from './rules/nets.ts'
import { deployed, shapes } from './support/deployed.ts'

for (const shape of shapes)
  describe(`the ${shape} deployment`, () => {
    const template = deployed(shape)
    for (const rule of netsFor(services, shape))
      it(`keeps: ${rule.name}`, (t) => {
        const { looked, wrong } = rule.check(template)
        assert.deepEqual(wrong, [])
        assert.ok(looked > 0, 'the rule checked nothing')
        t.diagnostic(`${looked} checked`)
      })
  })
