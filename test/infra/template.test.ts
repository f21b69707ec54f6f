import assert from 'node:assert/strict'
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, sep } from 'node:path'
import { describe, it } from 'node:test'
import { BICEP_VERSION, Bicep, findBicep, NoBicep } from '../../packages/cli/infra/bicep.ts'
import { bicepFiles, lintFiles, shapeFiles, snapshot } from '../../packages/cli/infra/template.ts'
import { INFRA, shapes } from './support/deployed.ts'
import * as withBicep from './support/with-bicep.ts'

describe('the Bicep CLI', () => {
  it('is requested in one line if it is not available', async () => {
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

  it('is restored if the one on PATH is too old or another process is still unpacking it', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tidemark-path-'))
    const script = (file: string, text: string) => writeFile(file, `#!/bin/sh\n${text}\n`, { mode: 0o755 })
    try {
      const platform = { linux: 'linux', darwin: 'osx' }[process.platform as string]
      const name = `azure.bicep.commandline.${platform}-${process.arch}`
      const unpacked = join(folder, name, BICEP_VERSION)
      await mkdir(join(unpacked, 'tools'), { recursive: true })
      await script(join(unpacked, 'tools/bicep'), 'exit 1')
      await script(join(folder, 'bicep'), 'echo Bicep CLI version 0.30.0')
      await script(
        join(folder, 'dotnet'),
        `if [ "$1" = nuget ]; then echo "global-packages: ${folder}"; exit; fi
echo '#!/bin/sh
echo Bicep CLI version ${BICEP_VERSION}' > ${unpacked}/tools/bicep
touch ${unpacked}/.nupkg.metadata ${folder}/restored-$(ls ${folder} | grep -c restored)`,
      )
      const env = { ...process.env, PATH: `${folder}:/usr/bin:/bin` }
      for (let time = 0; time < 2; time++)
        assert.deepEqual(await findBicep(env), new Bicep(join(unpacked, 'tools/bicep'), BICEP_VERSION))
      assert.deepEqual(
        (await readdir(folder)).filter((file) => file.startsWith('restored')),
        ['restored-0'],
      )
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})

describe('the template', () => {
  const { after, before, bicep, it } = withBicep
  const folder = { path: '' }
  before(async () => {
    folder.path = await mkdtemp(join(tmpdir(), 'tidemark-infra-'))
    await cp(INFRA, folder.path, { recursive: true })
  })
  after(() => rm(folder.path, { recursive: true, force: true }))

  it('compiles and lints without messages', async (t) => {
    assert.deepEqual(await lintFiles(bicep, INFRA), [])
    const files = bicepFiles(INFRA)
    assert.ok(files.includes('main.bicep') && files.some((file) => file.startsWith(join('tidemark', 'modules'))))
    t.diagnostic(`${files.length} files, bicep ${bicep.version}`)
  })

  it('matches the snapshot of each shape: npm run infra -- --write', async () => {
    assert.deepEqual(shapeFiles(INFRA), shapes.map((shape) => `main.${shape}.bicepparam`).toSorted())
    for (const file of shapeFiles(INFRA)) assert.equal(await snapshot(bicep, join(INFRA, file), 'validate'), undefined)
  })

  it('differs from its snapshot when it changes', async () => {
    const shapesFile = join(folder.path, 'shapes.bicep')
    const source = await readFile(shapesFile, 'utf8')
    await writeFile(shapesFile, source.replace('logDays: 90', 'logDays: 91'))
    const difference = await snapshot(bicep, join(folder.path, 'main.prod.bicepparam'), 'validate')
    assert.match(difference ?? 'none', /retentionInDays/)
    assert.equal(await snapshot(bicep, join(folder.path, 'main.dev.bicepparam'), 'validate'), undefined)
  })

  it('describes every parameter and output', async (t) => {
    const built = join(folder.path, 'built')
    const { code, stderr } = await bicep.run(['build', '--pattern', '**/*.bicep', '--outdir', built], {}, INFRA)
    assert.equal(code, 0, stderr)
    let counted = 0
    for (const file of bicepFiles(INFRA)) {
      const compiled = await readFile(join(built, file.replace(/bicep$/, 'json')), 'utf8')
      const { parameters = {}, outputs = {} } = JSON.parse(compiled) as Record<string, Record<string, Described>>
      for (const [name, { metadata }] of Object.entries({ ...parameters, ...outputs })) {
        counted++
        assert.ok(metadata?.description, `${file}: ${name} has no description`)
      }
    }
    assert.ok(counted > 50)
    t.diagnostic(`${counted} parameters and outputs`)
  })

  it('is linted by rules that report violations', async () => {
    const broken: Readonly<Record<string, string>> = {
      'no-unused-params': "param unused string\noutput o string = 'x'",
      'no-unused-vars': "var unused = 'x'\noutput o string = 'x'",
      'no-hardcoded-env-urls': "output o string = 'https://management.azure.com/'",
      'outputs-should-not-contain-secrets':
        "resource s 'Microsoft.Storage/storageAccounts@2025-06-01' existing = { name: 'x' }\n" +
        'output o string = s.listKeys().keys[0].value',
      'prefer-interpolation': "param p string\noutput o string = concat(p, 'x')",
      'no-hardcoded-location':
        "resource i 'Microsoft.ManagedIdentity/userAssignedIdentities@2024-11-30' = " +
        "{ name: 'i', location: 'westeurope' }",
    }
    for (const [rule, source] of Object.entries(broken))
      await writeFile(join(folder.path, `tidemark/modules/${rule}.bicep`), source)
    const parameters = join(folder.path, 'main.dev.bicepparam')
    await writeFile(parameters, `${await readFile(parameters, 'utf8')}\nparam unknown = 1\n`)
    const diagnostics = await lintFiles(bicep, folder.path)
    for (const rule of Object.keys(broken))
      assert.ok(
        diagnostics.some(
          (line) =>
            line.includes(`tidemark/modules/${rule}.bicep`.replaceAll('/', sep)) && line.includes(`Error ${rule}`),
        ),
        `${rule}: ${diagnostics.join('\n')}`,
      )
    assert.ok(
      diagnostics.some((line) => line.includes('main.dev.bicepparam') && line.includes('"unknown"')),
      diagnostics.join('\n'),
    )
    assert.ok(!diagnostics.some((line) => line.includes('AZURE_')), diagnostics.join('\n'))
  })
})

interface Described {
  readonly metadata?: { readonly description?: string }
}
