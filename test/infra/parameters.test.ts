import assert from 'node:assert/strict'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe } from 'node:test'
import { Compiler } from '../../packages/cli/infra/compiler.ts'
import { INFRA, shapes } from './support/deployed.ts'
import { after, before, bicep, it } from './support/with-bicep.ts'

const environment = { AZURE_ENV_NAME: 'some', AZURE_LOCATION: 'northeurope' }
const person = { AZURE_PRINCIPAL_ID: 'ada', AZURE_PRINCIPAL_TYPE: 'User' }
const client = { TIDEMARK_API_CLIENT_ID: 'client' }
const operators = { TIDEMARK_PRINCIPAL_ID: 'operators', TIDEMARK_PRINCIPAL_TYPE: 'ServicePrincipal' }
const options = {
  TIDEMARK_ALERT_EMAIL: 'a@b.example',
  TIDEMARK_OTLP_ENDPOINT: 'http://collector:4318',
  TIDEMARK_LOCKED_ANCHORS: 'ordering',
  TIDEMARK_EVENT_HUBS_UNITS: '7',
}
const everything = { ...environment, ...person, ...client, ...operators, ...options }

type Parameters = Readonly<Record<string, { readonly value: unknown } | undefined>>

describe('what azd provisions: infra/main.bicepparam', () => {
  let folder: string
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), 'tidemark-parameters-'))
    await cp(INFRA, folder, { recursive: true })
    // Only the template's parameters, which compile in a third of the time. template.test.ts lints the same
    // files with the whole template.
    const main = await readFile(join(INFRA, 'main.bicep'), 'utf8')
    const parameters = main.slice(0, main.search(/^var /m))
    assert.equal(parameters.match(/^param /gm)?.length, main.match(/^param /gm)?.length)
    await writeFile(join(folder, 'main.bicep'), parameters)
    await writeFile(join(folder, 'bicepconfig.json'), '{ "analyzers": { "core": { "enabled": false } } }')
  })
  after(() => rm(folder, { recursive: true, force: true }))

  /** Compiles parameter files in one process, which has one environment. */
  async function compile(env: Record<string, string>, files: readonly string[]) {
    const compiler = new Compiler(bicep, env)
    try {
      const compiled: { parameters: Parameters; errors: readonly string[] }[] = []
      for (const file of files) {
        const { parameters = '{}', diagnostics } = await compiler.compileParameters(join(folder, file))
        const errors = diagnostics.filter(({ level }) => level === 'Error').map(({ message }) => message)
        compiled.push({ parameters: JSON.parse(parameters).parameters, errors })
      }
      return compiled
    } finally {
      await compiler.stop()
    }
  }

  /** The parameters that main.bicepparam has, which must be those of the file of that shape. */
  async function compileAs(shape: string, env: Record<string, string>): Promise<Parameters> {
    const [main, other] = await compile(env, ['main.bicepparam', `main.${shape}.bicepparam`])
    assert.deepEqual([main?.errors, other?.errors], [[], []])
    assert.ok(main?.parameters.shape?.value)
    assert.deepEqual(main.parameters, other?.parameters)
    return main.parameters
  }

  const principal = ({ principalId, principalType }: Parameters) => [principalId?.value, principalType?.value]

  it('is dev on a laptop by default, with nobody named, also if variables are empty', async () => {
    const parameters = await compileAs('dev', environment)
    assert.deepEqual(principal(parameters), ['', ''])
    const { TIDEMARK_EVENT_HUBS_UNITS: _, ...strings } = { ...person, ...client, ...operators, ...options }
    const unset = Object.fromEntries(Object.keys(strings).map((name) => [name, '']))
    const [empty] = await compile({ ...environment, ...unset, TIDEMARK_SHAPE: 'dev' }, ['main.bicepparam'])
    assert.deepEqual(empty?.parameters, parameters)
  })

  it('gives the rights of services only to the deployer in dev', async () =>
    assert.deepEqual(principal(await compileAs('dev', { ...everything, TIDEMARK_SHAPE: 'dev' })), ['ada', 'User']))

  it('gives them elsewhere to named operators, whose type Azure may look up', async () => {
    const env = { ...everything, TIDEMARK_PRINCIPAL_TYPE: '', TIDEMARK_SHAPE: 'prod' }
    assert.deepEqual(principal(await compileAs('prod', env)), ['operators', ''])
  })

  it('gives them to nobody if a pipeline names no operators, and does not reduce the throughput units', async () => {
    const env = { ...environment, ...person, ...client, ...options, TIDEMARK_SHAPE: 'test', CI: 'true' }
    const parameters = await compileAs('test', env)
    assert.deepEqual(principal(parameters), ['', ''])
    assert.equal(parameters.eventHubsUnits?.value, 7)
  })

  it('requires a name and a location, which only a shape’s own file has by default', async () => {
    const files = shapes.map((shape) => `main.${shape}.bicepparam`)
    const [main, ...own] = await compile(client, ['main.bicepparam', ...files])
    for (const line of [/"AZURE_ENV_NAME" does not exist/, /"AZURE_LOCATION" does not exist/])
      assert.ok(
        main?.errors.some((error) => line.test(error)),
        main?.errors.join('\n'),
      )
    assert.deepEqual(
      own.map(({ parameters }) => parameters.environmentName?.value),
      [...shapes],
    )
  })

  for (const [what, env] of [
    ['GitHub', { GITHUB_ACTIONS: 'true' }],
    ['Azure Pipelines', { TF_BUILD: 'True' }],
    ['any other', { CI: 'true' }],
    ['one with an empty variable', { TIDEMARK_SHAPE: '' }],
  ] satisfies (readonly [string, Record<string, string>])[])
    it(`fails with one line in a pipeline without a shape: ${what}`, async () => {
      const [main] = await compile({ ...environment, ...env }, ['main.bicepparam'])
      assert.equal(main?.errors.length, 1, main?.errors.join('\n'))
      assert.match(
        main.errors[0] ?? '',
        /TIDEMARK_SHAPE is "", and must be dev, test or prod: a pipeline has to set it/,
      )
    })

  for (const [what, env, line] of [
    [
      'an unknown shape',
      { ...environment, TIDEMARK_SHAPE: 'big' },
      /TIDEMARK_SHAPE is "big", and must be dev, test or prod/,
    ],
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
  ] satisfies (readonly [string, Record<string, string>, RegExp])[])
    it(`refuses ${what}`, async () => {
      const [main] = await compile(env, ['main.bicepparam'])
      assert.ok(
        main?.errors.some((error) => line.test(error)),
        main?.errors.join('\n'),
      )
    })
})
