import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { cp, mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, it } from 'node:test'
import { BICEP_VERSION, findBicep, NoBicep } from '../../packages/cli/infra/bicep.ts'
import { Compiler } from '../../packages/cli/infra/compiler.ts'
import {
  applyDifference,
  findDifference,
  listShapes,
  takeSnapshots,
  toSnapshotFile,
} from '../../packages/cli/infra/snapshot.ts'
import { compileFiles, SAMPLE_ENVIRONMENT } from '../../packages/cli/infra/template.ts'
import { INFRA, shapes } from './support/deployed.ts'
import { compileVariant } from './support/variant.ts'
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
        assert.deepEqual(await findBicep(env), { file: join(unpacked, 'tools/bicep'), version: BICEP_VERSION })
      assert.deepEqual(
        (await readdir(folder)).filter((file) => file.startsWith('restored')),
        ['restored-0'],
      )
    } finally {
      await rm(folder, { recursive: true })
    }
  })
})

interface Template {
  readonly resources: Readonly<Record<string, Planned>>
}

/** A resource of a compiled template. Unlike a snapshot, it has its dependencies. */
interface Planned {
  readonly type: string
  readonly dependsOn?: readonly string[]
  readonly copy?: { readonly mode?: string; readonly batchSize?: number }
  readonly properties?: { readonly template?: Template }
}

describe('a snapshot of another shape', () => {
  const prod = { same: { a: 1 }, list: [1, 2], only: { inProd: true }, value: { deep: { one: 1, two: 2 } } }
  for (const [what, other, difference] of [
    ['has only what differs', { ...prod, value: { deep: { one: 1, two: 3 } } }, { value: { deep: { two: 3 } } }],
    [
      'says what is absent, which is not null',
      { ...prod, only: null, same: {} },
      { only: null, same: { a: '(absent)' } },
    ],
    ['has a list as a whole', { ...prod, list: [2] }, { list: [2] }],
    ['has what is new', { ...prod, more: { a: [] } }, { more: { a: [] } }],
  ] as const)
    it(`${what}, and is restored from it`, () => {
      assert.deepEqual(findDifference(prod, other), difference)
      assert.deepEqual(applyDifference(prod, difference), other)
    })
})

describe('the template', () => {
  const { after, before, bicep, it } = withBicep
  let compiler: Compiler
  let compiled: Awaited<ReturnType<typeof compileFiles>>
  before(async () => {
    compiler = new Compiler(bicep, SAMPLE_ENVIRONMENT)
    compiled = await compileFiles(compiler, INFRA)
  })
  after(() => compiler.stop())

  it('compiles and lints without messages', (t) => {
    assert.deepEqual(compiled.messages, [])
    const files = compiled.files.map(({ file }) => file)
    for (const file of ['main.bicep', 'main.bicepparam', join('tidemark', 'modules', 'service.bicep')])
      assert.ok(files.includes(file), file)
    t.diagnostic(`${files.length} files, bicep ${bicep.version}`)
  })

  it('matches the snapshot of each shape: npm run infra -- --write', async (t) => {
    assert.deepEqual(listShapes(INFRA), shapes.toSorted())
    const taken = await takeSnapshots(compiler, INFRA)
    for (const [file, { content, resources }] of taken) {
      assert.deepEqual(JSON.parse(readFileSync(join(INFRA, file), 'utf8')), content, file)
      t.diagnostic(`${file}: ${resources} resources`)
    }
    assert.deepEqual([...taken.keys()].toSorted(), shapes.map(toSnapshotFile).toSorted())
  })

  it('differs from its snapshot when it changes', async () => {
    const changed = await compileVariant(compiler, 'union(shapes.prod, { logDays: 91 })')
    const days = changed.predictedResources.flatMap(({ properties }) => properties?.retentionInDays ?? [])
    assert.deepEqual(days, [91])
  })

  it('describes every parameter and output', (t) => {
    let counted = 0
    for (const { file, contents } of compiled.files) {
      if (!file.endsWith('.bicep')) continue
      assert.ok(contents, `${file} has errors`)
      const { parameters = {}, outputs = {} } = JSON.parse(contents) as Record<string, Record<string, Described>>
      for (const [name, { metadata }] of Object.entries({ ...parameters, ...outputs })) {
        counted++
        assert.ok(metadata?.description, `${file}: ${name} has no description`)
      }
    }
    assert.ok(counted > 50)
    t.diagnostic(`${counted} parameters and outputs`)
  })

  it('is linted by rules that report violations', async (t) => {
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
    const folder = await mkdtemp(join(tmpdir(), 'tidemark-infra-'))
    try {
      await cp(join(INFRA, 'bicepconfig.json'), join(folder, 'bicepconfig.json'))
      for (const [rule, source] of Object.entries(broken)) await writeFile(join(folder, `${rule}.bicep`), source)
      await writeFile(join(folder, 'main.bicep'), '')
      await writeFile(join(folder, 'main.bicepparam'), "using 'main.bicep'\nparam unknown = 1\n")
      const { messages } = await compileFiles(compiler, folder)
      for (const rule of Object.keys(broken))
        assert.ok(
          messages.some((line) => line.includes(`${rule}.bicep(`) && line.includes(`Error ${rule}`)),
          `${rule}: ${messages.join('\n')}`,
        )
      assert.ok(
        messages.some((line) => line.includes('main.bicepparam') && line.includes('"unknown"')),
        messages.join('\n'),
      )
      t.diagnostic(`${messages.length} messages`)
    } finally {
      await rm(folder, { recursive: true, force: true })
    }
  })

  const main = (): Template =>
    JSON.parse(compiled.files.find(({ file }) => file === 'main.bicep')?.contents ?? assert.fail('it has errors'))
  const named = ({ resources }: Template, name: string): Planned => {
    const found = resources[name]
    assert.ok(found, `there is no ${name}`)
    return found
  }
  const inside = (planned: Planned): Template => {
    assert.ok(planned.properties?.template)
    return planned.properties.template
  }
  /** All direct and indirect dependencies of a resource. */
  const awaited = (template: Template, name: string): ReadonlySet<string> => {
    const found = new Set<string>()
    const visit = (each: string): void => {
      for (const next of template.resources[each]?.dependsOn ?? [])
        if (!found.has(next)) {
          found.add(next)
          visit(next)
        }
    }
    visit(name)
    return found
  }

  it('services wait for their identities, and are deployed one after the other', () => {
    const wait = awaited(main(), 'services')
    for (const name of ['identities', 'databases', 'eventHubs', 'monitor', 'network'])
      assert.ok(wait.has(name), `services do not wait for ${name}`)
    assert.deepEqual([...awaited(main(), 'identities')], ['group'])
    for (const name of ['services', 'databases', 'developers']) {
      const { mode, batchSize } = named(main(), name).copy ?? {}
      assert.deepEqual([mode, batchSize], ['serial', 1], name)
    }
  })

  it('changes to an app are made one after the other', () => {
    const template = inside(named(inside(named(main(), 'services')), 'app'))
    // A diagnostic setting is an extension resource and does not change the app.
    const appResources = Object.keys(template.resources).filter(
      (name) => name !== 'diagnostics' && awaited(template, name).has('app'),
    )
    assert.deepEqual(appResources.toSorted(), ['app::authentication', 'app::ftp', 'app::scm', 'privateEndpoint'])
    for (const one of appResources)
      for (const other of appResources)
        if (one < other)
          assert.ok(
            awaited(template, one).has(other) || awaited(template, other).has(one),
            `${one} and ${other} are not ordered`,
          )
  })
})

interface Described {
  readonly metadata?: { readonly description?: string }
}
