import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { SAMPLE_ENVIRONMENT } from '../../packages/cli/infra/template.ts'
import { services } from '../../packages/cli/project/config.ts'
import { matrixDifferences } from './rules/check.ts'
import { deployed, shapes } from './support/deployed.ts'
import { roleMatrix } from './support/role-matrix.ts'

const person = SAMPLE_ENVIRONMENT.AZURE_PRINCIPAL_ID

describe('the role matrix', () => {
  for (const shape of shapes)
    it(`of ${shape} matches the services’ declarations cell by cell`, (t) => {
      const template = deployed(shape)
      // In dev the developer has the rights of all services; elsewhere nobody is named.
      assert.deepEqual(matrixDifferences(template, services, shape === 'dev'), [])
      const { principals, columns, allowed } = roleMatrix(template, person)
      assert.ok(principals.length > services.length && columns.length > 0 && allowed.size > 0)
      t.diagnostic(`${principals.length} principals, ${columns.length} resources with data, ${allowed.size} rights`)
    })
})
