import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Ajv2020 } from 'ajv/dist/2020.js'
import { parse } from 'yaml'
import { services } from '../../packages/cli/project/config.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const read = (path: string): string => readFileSync(join(root, path), 'utf8')

interface Script {
  readonly shell: string
  readonly run: string
}
type Hooks = Readonly<Record<string, { readonly windows: Script; readonly posix: Script }>>
interface AzureYaml {
  readonly name: string
  readonly metadata: { readonly template: string }
  readonly requiredVersions: { readonly azd: string }
  readonly infra: { readonly path: string; readonly module: string }
  readonly pipeline: { readonly variables: readonly string[] }
  readonly services: Readonly<Record<string, { project: string; dist: string; remoteBuild: boolean; hooks: Hooks }>>
  readonly hooks: Hooks
}

const azure: AzureYaml = parse(read('azure.yaml'), { strict: true, uniqueKeys: true })
const { scripts, name, version } = JSON.parse(read('package.json'))
const valid = new Ajv2020({ allErrors: true, strict: true }).compile(
  JSON.parse(read('test/infra/fixtures/azure-yaml.schema.json')),
)

describe('azure.yaml', () => {
  it('follows its published schema', () => {
    assert.ok(valid(azure), JSON.stringify(valid.errors, null, 2))
    assert.equal(azure.name, name)
    assert.equal(azure.metadata.template, `${name}@${version}`)
  })

  for (const [what, changed] of [
    ['an unknown host', { services: { ordering: { ...azure.services.ordering, host: 'functions' } } }],
    ['a service without a language', { services: { ordering: { ...azure.services.ordering, language: undefined } } }],
    ['no services', { services: {} }],
    ['an invalid name', { name: 'Tidemark' }],
    ['a hook of an unknown command', { hooks: { postprovison: azure.hooks.postprovision } }],
    ['a hook for only one system', { hooks: { postprovision: { posix: azure.hooks.postprovision?.posix } } }],
    [
      'an unknown shell',
      { hooks: { postprovision: { ...azure.hooks.postprovision, posix: { shell: 'zsh', run: 'x' } } } },
    ],
  ] as const)
    it(`its rules refuse ${what}`, () => assert.ok(!valid(JSON.parse(JSON.stringify({ ...azure, ...changed })))))

  it('deploys every service separately, from its own finished bundle', () => {
    assert.deepEqual(
      Object.keys(azure.services),
      services.map((service) => service.name),
    )
    for (const [service, { project, dist, remoteBuild, hooks }] of Object.entries(azure.services)) {
      assert.equal(project, '.', service)
      // Each its own folder: azd packages all services at the same time.
      assert.equal(dist, `bundles/${service}`)
      // The bundle needs no packages, so none are installed in Azure.
      assert.equal(remoteBuild, false, service)
      assert.deepEqual(Object.keys(hooks), ['prepackage'])
      for (const { run } of Object.values(hooks.prepackage ?? {}))
        assert.equal(run, `npm run -s bundle '--' --service ${service}`)
    }
  })

  // With remoteBuild: false azd refuses to deploy if it leaves them out.
  it('has a .funcignore that does not leave node_modules out', () => {
    const lines = read('.funcignore')
      .split('\n')
      .filter((line) => !line.startsWith('#'))
    assert.ok(lines.length > 5)
    assert.ok(!lines.some((line) => line.includes('node_modules')), lines.join())
  })

  it('runs existing scripts, the same on every system', () => {
    const hooks = [azure.hooks, ...Object.values(azure.services).map((service) => service.hooks)].flatMap(
      Object.values<Hooks[string]>,
    )
    assert.equal(hooks.length, services.length + 2)
    for (const { windows, posix } of hooks) {
      assert.deepEqual([windows.shell, posix.shell], ['pwsh', 'sh'])
      assert.equal(windows.run, posix.run)
      // PowerShell swallows a bare --: npm, which is a script there, would take the options for its own.
      const [, script = ''] = /^npm run -s ([a-z:]+)( '--' --[a-z]+ [a-z-]+)?$/.exec(posix.run) ?? []
      const [, file = ''] =
        /^node --import \.\/packages\/cli\/node-version\.js (packages\/cli\/[a-z-]+\.ts)$/.exec(scripts[script]) ?? []
      assert.ok(existsSync(join(root, file)) && file !== '', `${posix.run} runs no file`)
    }
  })

  it('provisions with a parameter file that azd finds and that reads the pipeline variables', () => {
    const { path, module } = azure.infra
    // azd prefers <module>.bicepparam to <module>.bicep with its <module>.parameters.json.
    assert.ok(existsSync(join(root, path, `${module}.bicepparam`)))
    assert.ok(!existsSync(join(root, path, `${module}.parameters.json`)), 'azd would ignore this file')
    const variables = new Set(read(`${path}/${module}.bicepparam`).match(/TIDEMARK_[A-Z_]+/g))
    // The preprovision hook sets this one from Azure.
    assert.equal(azure.hooks.preprovision?.posix.run, 'npm run -s cloud:units')
    assert.ok(variables.delete('TIDEMARK_EVENT_HUBS_UNITS'))
    assert.deepEqual([...variables].toSorted(), azure.pipeline.variables.toSorted())
  })

  it('has a postprovision hook that reads outputs of the template', () => {
    const outputs = [...read('infra/main.bicep').matchAll(/^output ([A-Z_]+) /gm)].map(([, output]) => output)
    for (const read of ['EVENT_HUBS_NAMESPACE', 'COSMOS_ENDPOINT', 'ARCHIVE_ENDPOINT', 'SERVICES'])
      assert.ok(outputs.includes(read), read)
  })
})
