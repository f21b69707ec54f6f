import assert from 'node:assert/strict'
import { join } from 'node:path'
import { before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { type Bicep, findBicep } from '../../cli/infra/bicep.ts'

const infra = fileURLToPath(new URL('../../infra', import.meta.url))
const environment = { AZURE_ENV_NAME: 'some', AZURE_LOCATION: 'northeurope' }
const person = { AZURE_PRINCIPAL_ID: 'ada', AZURE_PRINCIPAL_TYPE: 'User' }
const client = { TIDEMARK_API_CLIENT_ID: 'client' }
const operators = { TIDEMARK_PRINCIPAL_ID: 'operators', TIDEMARK_PRINCIPAL_TYPE: 'ServicePrincipal' }

describe('what azd provisions: infra/main.bicepparam', () => {
  let bicep: Bicep
  before(async () => {
    bicep = await findBicep()
  })

  const build = (file: string, env: Record<string, string>) =>
    bicep.run(['build-params', join(infra, file), '--stdout'], env)
  async function parametersOf(file: string, env: Record<string, string>): Promise<Record<string, { value: unknown }>> {
    const { code, stdout, stderr } = await build(file, env)
    assert.equal(code, 0, stderr)
    return JSON.parse(JSON.parse(stdout).parametersJson).parameters
  }

  for (const shape of ['dev', 'test', 'prod'])
    for (const [who, env] of [
      ['a person', { ...person, ...client }],
      [
        'a person, with operators named',
        {
          ...person,
          ...client,
          ...operators,
          TIDEMARK_ALERT_EMAIL: 'a@b.example',
          TIDEMARK_LOCKED_ANCHORS: 'ordering',
        },
      ],
      ['a pipeline', { AZURE_PRINCIPAL_ID: '', AZURE_PRINCIPAL_TYPE: 'ServicePrincipal', ...client }],
    ] as const)
      it(`by ${who}: of TIDEMARK_SHAPE=${shape} what main.${shape}.bicepparam says`, async () => {
        const all = { ...environment, ...env }
        assert.deepEqual(
          await parametersOf('main.bicepparam', { ...all, TIDEMARK_SHAPE: shape }),
          await parametersOf(`main.${shape}.bicepparam`, all),
        )
      })

  it('leaves it to Azure what a principal is where nobody says it: of who deploys azd says the id alone', async () => {
    const ids = { AZURE_PRINCIPAL_ID: 'ada', TIDEMARK_PRINCIPAL_ID: 'operators', ...client }
    for (const [shape, principal] of [
      ['dev', 'ada'],
      ['prod', 'operators'],
    ] as const) {
      const { principalId, principalType } = await parametersOf('main.bicepparam', {
        ...environment,
        ...ids,
        TIDEMARK_SHAPE: shape,
      })
      assert.deepEqual([principalId?.value, principalType?.value], [principal, ''])
    }
  })

  it('is dev, by nobody, where a pipeline has none of its variables set', async () => {
    const names = [
      'TIDEMARK_SHAPE',
      'TIDEMARK_ALERT_EMAIL',
      'TIDEMARK_LOCKED_ANCHORS',
      'AZURE_PRINCIPAL_TYPE',
      ...Object.keys({ ...client, ...operators }),
    ]
    const unset = Object.fromEntries(names.map((name) => [name, '']))
    assert.deepEqual(
      await parametersOf('main.bicepparam', { ...environment, ...unset }),
      await parametersOf('main.dev.bicepparam', environment),
    )
  })

  for (const [what, env, told] of [
    [
      'a shape that there is not',
      { ...environment, TIDEMARK_SHAPE: 'big' },
      /"big"\. Available properties include "dev", "prod", "test"/,
    ],
    ['no name', { AZURE_LOCATION: 'northeurope' }, /"AZURE_ENV_NAME" does not exist/],
    ['no location', { AZURE_ENV_NAME: 'some' }, /"AZURE_LOCATION" does not exist/],
    [
      'a kind of principal that there is not',
      { ...environment, AZURE_PRINCIPAL_TYPE: 'Robot' },
      /'Group' \| 'ServicePrincipal' \| 'User'/,
    ],
    [
      'a production without authentication',
      { ...environment, TIDEMARK_SHAPE: 'prod' },
      /TIDEMARK_API_CLIENT_ID is not set/,
    ],
    [
      'a production whose pipeline has none',
      { ...environment, TIDEMARK_SHAPE: 'prod', TIDEMARK_API_CLIENT_ID: '' },
      /TIDEMARK_API_CLIENT_ID is not set/,
    ],
  ] as const)
    it(`refuses ${what}`, async () => {
      const { code, stderr } = await build('main.bicepparam', env)
      assert.notEqual(code, 0)
      assert.match(stderr, told)
    })
})
