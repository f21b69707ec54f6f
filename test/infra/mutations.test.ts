import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { services } from '../../packages/cli/project/config.ts'
import { finds, netsFor } from './rules/nets.ts'
import { deployed } from './support/deployed.ts'
import { deletions } from './support/mutations.ts'
import { NOT_SECURITY, NOT_SECURITY_IN_PUBLIC } from './support/not-security.ts'

// test has the resources of prod.
describe('a template with a deletion', () => {
  for (const shape of ['dev', 'prod'] as const)
    it(`of ${shape} is refused for anything except what does not affect security`, (t) => {
      const nets = netsFor(services, shape)
      const isNoticed = (template: Parameters<typeof finds>[1]): boolean => nets.some((net) => finds(net, template))
      assert.equal(isNoticed(deployed(shape)), false)
      const harmless = shape === 'dev' ? [...NOT_SECURITY, ...NOT_SECURITY_IN_PUBLIC] : NOT_SECURITY
      const kinds = [...deletions(deployed(shape))]
      const unnoticed = kinds.filter(({ mutated }) => !isNoticed(mutated)).map(({ kind }) => kind)
      assert.deepEqual(
        unnoticed.filter((kind) => !harmless.some((pattern) => pattern.test(kind))),
        [],
      )
      const noticed = kinds.length - unnoticed.length
      assert.ok(noticed > kinds.length / 2, `only ${noticed} of ${kinds.length} were noticed`)
      if (shape === 'prod')
        assert.deepEqual(
          NOT_SECURITY.filter((pattern) => !unnoticed.some((kind) => pattern.test(kind))),
          [],
        )
      t.diagnostic(`${noticed} of ${kinds.length} deletions noticed; the others do not affect security`)
    })
})
