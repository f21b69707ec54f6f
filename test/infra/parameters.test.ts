import assert from 'node:assert/strict'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe } from 'node:test'
import { fileURLToPath } from 'node:url'
import { after, before, bicep, it } from './support/with-bicep.ts'

const infra = fileURLToPath(new URL('../../infra', import.meta.url))
const environment = { AZURE_ENV_NAME: 'some', AZURE_LOCATION: 'northeurope' }
const person = { AZURE_PRINCIPAL_ID: 'ada', AZURE_PRINCIPAL_TYPE: 'User' }
const client = { TIDEMARK_API_CLIENT_ID: 'client' }
const operators = { TIDEMARK_PRINCIPAL_ID: 'operators', TIDEMARK_PRINCIPAL_TYPE: 'ServicePrincipal' }

describe('what azd provisions: infra/main.bicepparam', () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tidemark-parameters-'))
    await cp(infra, folder, { recursive: true })
    // Only the template's parameters, which compile in a third of the time. template.test.ts lints the same
    // files with the whole template.
    const main = await readFile(join(infra, 'main.bicep'), 'utf8')
    const parameters = main.slice(0, main.search(/^var /m))
    assert.equal(parameters.match(/^param /gm)?.length, main.match(/^param /gm)?.length)
    await writeFile(join(folder, 'main.bicep'), parameters)
    await writeFile(join(folder, 'bicepconfig.json'), '{ "analyzers": { "core": { "enabled": false } } }')
  })
  after(() => rm(folder, { recursive: true, force: true }))

  const build = (file: string, env: Record<string, string>) =>
    bicep.run(['build-params', join(folder, file), '--stdout'], env)
  async function compileParameters(
    file: string,
    env: Record<string, string>,
  ): Promise<Record<string, { value: unknown }>> {
    const { code, stdout, stderr } = await build(file, env)
    assert.deepEqual([code, stderr], [0, ''])
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
          TIDEMARK_OTLP_ENDPOINT: 'http://collector:4318',
          TIDEMARK_LOCKED_ANCHORS: 'ordering',
        },
      ],
      ['a pipeline', { AZURE_PRINCIPAL_ID: '', AZURE_PRINCIPAL_TYPE: 'ServicePrincipal', ...client }],
    ] as const)
      it(`by ${who}: TIDEMARK_SHAPE=${shape} equals main.${shape}.bicepparam`, async () => {
        const all = { ...environment, ...env }
        assert.deepEqual(
          await compileParameters('main.bicepparam', { ...all, TIDEMARK_SHAPE: shape }),
          await compileParameters(`main.${shape}.bicepparam`, all),
        )
      })

  it('lets Azure look up the type of a principal if it is not set', async () => {
    const ids = { AZURE_PRINCIPAL_ID: 'ada', TIDEMARK_PRINCIPAL_ID: 'operators', ...client }
    for (const [shape, principal] of [
      ['dev', 'ada'],
      ['prod', 'operators'],
    ] as const) {
      const { principalId, principalType } = await compileParameters('main.bicepparam', {
        ...environment,
        ...ids,
        TIDEMARK_SHAPE: shape,
      })
      assert.deepEqual([principalId?.value, principalType?.value], [principal, ''])
    }
  })

  it('is dev on a laptop by default', async () =>
    assert.deepEqual(
      await compileParameters('main.bicepparam', environment),
      await compileParameters('main.dev.bicepparam', environment),
    ))

  for (const [what, env] of [
    ['GitHub', { GITHUB_ACTIONS: 'true' }],
    ['Azure Pipelines', { TF_BUILD: 'True' }],
    ['any other', { CI: 'true' }],
    ['one with an empty variable', { TIDEMARK_SHAPE: '' }],
  ] satisfies (readonly [string, Record<string, string>])[])
    it(`fails with one line in a pipeline without a shape: ${what}`, async () => {
      const { code, stderr } = await build('main.bicepparam', { ...environment, ...env })
      assert.notEqual(code, 0)
      const errors = stderr.split('\n').filter((line) => line.includes(' : Error '))
      assert.equal(errors.length, 1, stderr)
      assert.match(errors[0] ?? '', /TIDEMARK_SHAPE is "", and must be dev, test or prod: a pipeline has to set it/)
    })

  it('uses the pipeline’s shape and does not reduce the throughput units', async () => {
    const env = { ...environment, CI: 'true', TIDEMARK_SHAPE: 'test', TIDEMARK_EVENT_HUBS_UNITS: '7' }
    const { eventHubsUnits } = await compileParameters('main.bicepparam', env)
    assert.equal(eventHubsUnits?.value, 7)
  })

  it('uses the defaults if a pipeline sets no other variable', async () => {
    const names = [
      'TIDEMARK_ALERT_EMAIL',
      'TIDEMARK_OTLP_ENDPOINT',
      'TIDEMARK_LOCKED_ANCHORS',
      'AZURE_PRINCIPAL_TYPE',
      ...Object.keys({ ...client, ...operators }),
    ]
    const unset = Object.fromEntries(names.map((name) => [name, '']))
    assert.deepEqual(
      await compileParameters('main.bicepparam', { ...environment, ...unset, TIDEMARK_SHAPE: 'dev' }),
      await compileParameters('main.dev.bicepparam', environment),
    )
  })

  for (const [what, env, told] of [
    [
      'an unknown shape',
      { ...environment, TIDEMARK_SHAPE: 'big' },
      /TIDEMARK_SHAPE is "big", and must be dev, test or prod/,
    ],
    ['no name', { AZURE_LOCATION: 'northeurope' }, /"AZURE_ENV_NAME" does not exist/],
    ['no location', { AZURE_ENV_NAME: 'some' }, /"AZURE_LOCATION" does not exist/],
    [
      'an unknown type of principal',
      { ...environment, AZURE_PRINCIPAL_TYPE: 'Robot' },
      /'Group' \| 'ServicePrincipal' \| 'User'/,
    ],
    [
      'a production without authentication',
      { ...environment, TIDEMARK_SHAPE: 'prod' },
      /TIDEMARK_API_CLIENT_ID is not set/,
    ],
    [
      'a production with an empty client id',
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
