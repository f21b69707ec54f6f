import assert from 'node:assert/strict'
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { BICEP_VERSION, type Bicep, findBicep, NoBicep } from '../../cli/infra/bicep.ts'
import { bicepFiles, diagnosticsOf, shapeFiles, snapshot } from '../../cli/infra/template.ts'
import { INFRA, shapes } from './support/deployed.ts'

describe('the Bicep CLI', () => {
  it('is asked for in one line where it is not to be had', async () => {
    const empty = await mkdtemp(join(tmpdir(), 'tidemark-path-'))
    try {
      await assert.rejects(findBicep({ ...process.env, PATH: empty }), (error) => {
        assert.ok(error instanceof NoBicep)
        assert.match(error.message, /^there is no bicep .* on PATH, and no dotnet to restore .*: install one of them$/)
        assert.ok(error.message.includes(BICEP_VERSION))
        return true
      })
    } finally {
      await rm(empty, { recursive: true })
    }
  })
})

describe('the template', () => {
  let bicep: Bicep
  const folder = { path: '' }
  before(async () => {
    bicep = await findBicep()
    folder.path = await mkdtemp(join(tmpdir(), 'tidemark-infra-'))
    await cp(INFRA, folder.path, { recursive: true })
  })
  after(() => rm(folder.path, { recursive: true, force: true }))

  it('compiles and lints without a word', async (t) => {
    assert.deepEqual(await diagnosticsOf(bicep, INFRA), [])
    const files = bicepFiles(INFRA)
    assert.ok(files.includes('main.bicep') && files.some((file) => file.startsWith('modules')))
    t.diagnostic(`${files.length} files, bicep ${bicep.version}`)
  })

  it('deploys of each shape what its snapshot says: npm run infra -- --write', async () => {
    assert.deepEqual(shapeFiles(INFRA), shapes.map((shape) => `main.${shape}.bicepparam`).toSorted())
    for (const file of shapeFiles(INFRA)) assert.equal(await snapshot(bicep, join(INFRA, file), 'validate'), undefined)
  })

  it('is told from its snapshot when it changes', async () => {
    const shapesFile = join(folder.path, 'shapes.bicep')
    const source = await readFile(shapesFile, 'utf8')
    await writeFile(shapesFile, source.replace('keyRecoveryDays: 90', 'keyRecoveryDays: 89'))
    const difference = await snapshot(bicep, join(folder.path, 'main.prod.bicepparam'), 'validate')
    assert.match(difference ?? 'none', /softDeleteRetentionInDays/)
    assert.equal(await snapshot(bicep, join(folder.path, 'main.dev.bicepparam'), 'validate'), undefined)
  })

  it('says of every parameter and output what it is', async (t) => {
    let counted = 0
    for (const file of bicepFiles(INFRA)) {
      const { stdout } = await bicep.run(['build', join(INFRA, file), '--stdout'])
      const { parameters = {}, outputs = {} } = JSON.parse(stdout) as Record<string, Record<string, Described>>
      for (const [name, { metadata }] of Object.entries({ ...parameters, ...outputs })) {
        counted++
        assert.ok(metadata?.description, `${file}: ${name} has no description`)
      }
    }
    assert.ok(counted > 50)
    t.diagnostic(`${counted} parameters and outputs`)
  })

  it('is linted by rules that are told when they are broken', async () => {
    const broken: Readonly<Record<string, string>> = {
      'no-unused-params': "param unused string\noutput o string = 'x'",
      'no-unused-vars': "var unused = 'x'\noutput o string = 'x'",
      'no-hardcoded-env-urls': "output o string = 'https://management.azure.com/'",
      'outputs-should-not-contain-secrets':
        "resource s 'Microsoft.Storage/storageAccounts@2025-06-01' existing = { name: 'x' }\noutput o string = s.listKeys().keys[0].value",
      'prefer-interpolation': "param p string\noutput o string = concat(p, 'x')",
      'no-hardcoded-location':
        "resource i 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = { name: 'i', location: 'westeurope' }",
    }
    for (const [rule, source] of Object.entries(broken)) {
      const file = join(folder.path, 'broken.bicep')
      await writeFile(file, source)
      const { code, stderr, stdout } = await bicep.run(['lint', file])
      assert.equal(code, 1, rule)
      assert.ok(`${stdout}${stderr}`.includes(`Error ${rule}`), `${rule}: ${stdout}${stderr}`)
    }
  })
})

interface Described {
  readonly metadata?: { readonly description?: string }
}
