import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { buildTopology, errorCodes, failureClass } from 'tidemark/tools'
import ts from 'typescript'
import { services } from '../../packages/cli/project/config.ts'
import { linkPackages } from '../../packages/test-support/linked-packages.ts'
import { documentedErrors } from '../support/documented-errors.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const read = (path: string): string => readFileSync(join(root, path), 'utf8')

describe('versions', () => {
  const { dependencies, devDependencies } = JSON.parse(read('package.json')) as Record<string, Record<string, string>>
  const pinned = Object.entries({ ...dependencies, ...devDependencies })
  const { workspaces } = JSON.parse(read('package.json')) as { readonly workspaces: readonly string[] }

  it('are pinned exactly, and installed as pinned', () => {
    assert.ok(pinned.length > 0)
    for (const [name, wanted] of pinned) {
      // A package may be installed twice, under another name.
      const version = wanted.replace(/^npm:.*@/, '')
      assert.match(version, /^\d+\.\d+\.\d+$/, `${name} is not pinned`)
      assert.equal(
        JSON.parse(read(`node_modules/${name}/package.json`)).version,
        version,
        `${name} is not installed as pinned`,
      )
    }
  })

  it('are the same in every package, and ranges start at the tested version', () => {
    const manifests = workspaces.map((folder) => JSON.parse(read(`${folder}/package.json`)) as Record<string, object>)
    const named = manifests.flatMap((manifest) =>
      ['dependencies', 'peerDependencies'].flatMap(
        (kind) => Object.entries(manifest[kind] ?? {}) as [string, string][],
      ),
    )
    const created = [...read('packages/create-tidemark/create.ts').matchAll(/'?([@\w/-]+)'?: '([~^]\d+\.\d+\.\d+)'/g)]
    assert.ok(named.length > 30 && created.length >= 4, `only ${named.length} and ${created.length} were checked`)
    for (const [name, range] of [...named, ...created.map(([, name = '', range = '']) => [name, range] as const)])
      assert.equal(range.replace(/^[~^]/, ''), JSON.parse(read(`node_modules/${name}/package.json`)).version, name)
  })

  it("of all packages are one, except the emulators' own, as .changeset ensures", () => {
    const manifests = workspaces.map(
      (folder) => JSON.parse(read(`${folder}/package.json`)) as { readonly name: string; readonly version: string },
    )
    const { fixed } = JSON.parse(read('.changeset/config.json')) as { readonly fixed: readonly (readonly string[])[] }
    const together = manifests.filter(({ name }) => fixed[0]?.includes(name))
    assert.equal(new Set(together.map(({ version }) => version)).size, 1)
    assert.deepEqual(
      manifests.filter((each) => !together.includes(each)).map(({ name }) => name),
      ['tidemark-event-hubs', 'tidemark-cosmos', 'tidemark-functions-host'],
    )
  })

  it('include the pinned Node, on which the tests run', () =>
    assert.equal(process.versions.node, devDependencies?.node))
})

const MODULES = '.dependency-cruiser.cjs'
/** Built files and tests: `npm run imports` checks the tests. */
const notCopied = /[\\/](dist|test)$|\.test\.ts$/

describe('the way of a command', () => {
  const [, section = ''] = /^## The way of a command$([\s\S]*?)^## /m.exec(read('CONTRIBUTING.md')) ?? []
  const [listed = '', wired = ''] = section.split('What puts them together')
  const steps = [...listed.matchAll(/^\d\. `([^`]+)`/gm)].map(([, path = '']) => path)
  const wiring = [...wired.matchAll(/`([^`]+\.ts)`/g)].map(([, path = '']) => path)
  const { exports } = JSON.parse(read('packages/tidemark/package.json')) as { exports: Record<string, string> }
  /** The file of `tidemark` or of a subpath, or the name of another package. */
  const exported = (name: string): string => {
    const file = exports[name.replace(/^tidemark(?=\/|$)/, '.')]
    return file === undefined ? name : join('packages/tidemark', file)
  }
  const imports = new Map([...steps, ...wiring].map((path) => [path, listImports(path)]))

  it('has at most six files, connected only by the named wiring', () => {
    assert.ok(steps.length > 3 && steps.length <= 6, `${steps.length} files`)
    for (const [index, step] of steps.entries()) {
      const next = steps[index + 1]
      if (next)
        assert.ok(isLinked(step, next, wiring.concat(steps.slice(0, index))), `${step} does not lead to ${next}`)
    }
    console.log(`# ${steps.length} files, connected by ${wiring.length}`)
  })

  it('would not be connected without one of the wiring files', () => {
    assert.ok(wiring.includes('packages/tidemark/runtime/service-runtime.ts'))
    const others = wiring.filter((path) => path !== 'packages/tidemark/runtime/service-runtime.ts')
    const step = steps.indexOf('packages/tidemark/runtime/group-commit.ts')
    assert.ok(!isLinked(steps[step - 1] ?? '', steps[step] ?? '', others.concat(steps.slice(0, step - 1))))
  })

  /** Whether imports connect two files, directly or through the files between. A wiring file imports both. */
  function isLinked(from: string, to: string, between: readonly string[]): boolean {
    const touches = (one: string, other: string): boolean =>
      Boolean(imports.get(one)?.has(other) || imports.get(other)?.has(one))
    const reached = new Set([from])
    for (const path of reached) for (const next of [to, ...between]) if (touches(path, next)) reached.add(next)
    return reached.has(to)
  }

  function listImports(path: string): ReadonlySet<string> {
    const files = ts
      .preProcessFile(read(path))
      .importedFiles.map(({ fileName }) =>
        fileName.startsWith('.') ? join(dirname(path), fileName) : exported(fileName),
      )
    return new Set(files)
  }
})

describe('imports', () => {
  const copy = mkdtempSync(join(tmpdir(), 'tidemark-imports-'))
  after(() => rmSync(copy, { recursive: true, force: true }))
  for (const name of [
    'src',
    'functions',
    'packages',
    'tidemark.config.ts',
    MODULES,
    '.dependency-cruiser.folders.cjs',
    'imports.cjs',
    'tsconfig.json',
    'package.json',
  ])
    cpSync(join(root, name), join(copy, name), { recursive: true, filter: (path) => !notCopied.test(path) })
  linkPackages(copy)
  interface Violation {
    readonly from: string
    readonly to: string
    readonly rule: { readonly name: string }
  }
  const plant = (planted: readonly (readonly [file: string, target: string])[]): void => {
    for (const [file, target] of planted) {
      mkdirSync(dirname(join(copy, file)), { recursive: true })
      writeFileSync(join(copy, file), `import '${target}'\n`)
    }
  }
  const cruise = (config: string, ...more: readonly string[]): Promise<{ violations: Violation[]; modules: number }> =>
    promisify(execFile)(
      process.execPath,
      [
        join(root, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs'),
        'tidemark.config.ts',
        'src',
        'functions',
        'packages',
        ...more,
        '--config',
        config,
        '--output-type',
        'json',
      ],
      { cwd: copy, maxBuffer: 64 * 1024 * 1024 },
    )
      .catch((error: { stdout: string }) => error)
      .then(({ stdout }) => {
        const { summary } = JSON.parse(stdout)
        return { violations: summary.violations, modules: summary.totalCruised }
      })

  it('follow the table, and a planted illegal import of each kind is refused', async () => {
    const clean = await cruise(MODULES)
    assert.ok(clean.modules > 50, `only ${clean.modules} modules were checked`)
    assert.deepEqual(clean.violations, [])

    const planted: [string, string][] = [
      ['packages/tidemark/core/planted.ts', '../runtime/relay.ts'],
      ['packages/console/planted.ts', '../tidemark/core/json.ts'],
      ['packages/tidemark/core/planted-sdk.ts', '@azure/cosmos'],
      ['packages/tidemark/runtime/planted.ts', '../memory/event-store.ts'],
      ['src/ordering/planted.ts', '../../packages/tidemark/runtime/relay.ts'],
      ['src/other/planted.ts', '../ordering/order.ts'],
      ['packages/tidemark/memory/planted.ts', '../cosmos/client.ts'],
      ['packages/tidemark/verify/planted.ts', '../core/commit.ts'],
      ['packages/cli/demo/raw-planted.ts', '../../tidemark/core/commit.ts'],
      ['packages/tidemark/event-hubs/planted.ts', '@azure/cosmos'],
      ['packages/tidemark/testing/planted.ts', '../cosmos/client.ts'],
      ['src/ordering/planted-testing.ts', '../../packages/tidemark/testing/given.ts'],
      ['functions/planted-testing.ts', '../packages/tidemark/testing/given.ts'],
      ['functions/planted.ts', '../packages/tidemark/runtime/relay.ts'],
      ['functions/planted-compose.ts', '../packages/tidemark/compose.ts'],
      ['src/ordering/planted-core.ts', '../../packages/tidemark/core/event.ts'],
      ['functions/planted-other.ts', '../src/ordering/service.ts'],
      ['packages/tidemark/settings/planted.ts', '../runtime/relay.ts'],
      ['src/ordering/planted-settings.ts', '../../packages/tidemark/settings/read.ts'],
      ['packages/functions-host/planted.ts', '../tidemark/compose.ts'],
      ['packages/cosmos/planted.ts', '../functions-host/main.ts'],
      ['packages/cli/planted.ts', '../tidemark/runtime/relay.ts'],
      ['packages/cli/planted-emulator.ts', '../cosmos/server.ts'],
      ['packages/local-cloud/planted.ts', '../event-hubs/server.ts'],
      ['packages/cli/planted-testing.ts', '../tidemark/testing/index.ts'],
      ['packages/create-tidemark/planted.ts', '../tidemark/core/event.ts'],
      ['packages/planted.ts', './tidemark/core/event.ts'],
      ['packages/cosmos/test/planted.ts', '../../../src/ordering/order.ts'],
      ['packages/test-support/planted.ts', '../../src/ordering/order.ts'],
      ['src/ordering/planted.test.ts', '../payments/payment.ts'],
      ['test/flow/planted.ts', '../../packages/tidemark/core/ports.ts'],
      ['bench/planted.ts', '../packages/tidemark/runtime/command.ts'],
    ]
    plant(planted)
    const { violations } = await cruise(MODULES, 'test/flow', 'bench')
    const refused = new Set(violations.filter(({ rule }) => rule.name.startsWith('only ')).map(({ from }) => from))
    for (const [file] of planted) assert.ok(refused.has(file), `${file} was accepted`)
    assert.equal(refused.size, planted.length)
  })

  it('have no cycle between folders, and a planted one is refused: upwards, downwards or across', async () => {
    const up: [string, string][] = [
      ['packages/cosmos/values/planted-up.ts', '../server.ts'],
      ['packages/cosmos/query/compile/planted-up.ts', '../queries.ts'],
      ['packages/cosmos/query/access/planted-up.ts', '../../routes.ts'],
      ['packages/cosmos/query/access/planted/planted-up.ts', '../../../main.ts'],
    ]
    plant([
      ...up,
      ['packages/kit/planted-down.ts', './control/control-server.ts'],
      ['packages/cosmos/values/planted-across.ts', '../store/store.ts'],
    ])
    const { violations } = await cruise('.dependency-cruiser.folders.cjs')
    const refused = (name: string): string[] =>
      violations.filter(({ rule }) => rule.name === name).map(({ from, to }) => `${from} ${to}`)
    assert.deepEqual(
      refused('no import of the files of a folder above').toSorted(),
      up.map(([file, target]) => `${file} ${join(dirname(file), target)}`).toSorted(),
    )
    assert.deepEqual(refused('no import of a subfolder by the files it shares'), [
      'packages/kit/planted-down.ts packages/kit/control/control-server.ts',
    ])
    const across = refused('no cycles between folders')
    assert.ok(across.includes('packages/cosmos/values packages/cosmos/store'), across.join('\n'))
    assert.ok(across.includes('packages/cosmos/store packages/cosmos/values'), across.join('\n'))
  })
})

describe('purity', () => {
  it('holds for core, services and runtime, which receive time, ids and settings from outside', () => {
    const files = ['packages/tidemark/core', 'src', 'packages/tidemark/runtime'].flatMap((folder) =>
      readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
        .filter((file) => file.endsWith('.ts'))
        .map((file) => join(folder, file)),
    )
    assert.ok(files.length > 20, `only ${files.length} files were checked`)
    const banned = /process\.env|Date\.now|new Date\(\)|Math\.random|randomUUID|performance\.now/
    for (const file of files) assert.doesNotMatch(read(file), banned, file)
  })
})

describe('deployment', () => {
  it('includes exactly the compiled app, by .funcignore as git reads its patterns', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tidemark-funcignore-'))
    after(() => rmSync(folder, { recursive: true, force: true }))
    cpSync(join(root, '.funcignore'), join(folder, '.gitignore'))
    const git = promisify(execFile)
    await git('git', ['init', '--quiet'], { cwd: folder })
    const ignored = (path: string): Promise<boolean> =>
      git('git', ['check-ignore', '--quiet', path], { cwd: folder }).then(
        () => true,
        () => false,
      )
    for (const path of [
      'dist/functions/ordering.js',
      'dist/src/ordering/service.js',
      'host.json',
      'package.json',
      'node_modules/zod/index.js',
    ])
      assert.equal(await ignored(path), false, `${path} is not deployed`)
    const kept = [
      'packages/tidemark/compose.ts',
      'functions/ordering.ts',
      'packages/functions-host/main.ts',
      'test/unit/repository.test.ts',
      'packages/cli/start.ts',
      'tidemark.config.ts',
    ]
    for (const path of [
      ...kept,
      'local.settings.json',
      '.tidemark/cosmos/cosmos.sqlite',
      '.git/config',
      'tsconfig.json',
    ])
      assert.equal(await ignored(path), true, `${path} is deployed`)
  })
})

describe('documents', () => {
  it('include infra/topology.json as declared: npm run topology', () =>
    assert.deepEqual(JSON.parse(read('infra/topology.json')), buildTopology(services)))

  it("list exactly Tidemark's codes in docs/errors.md", () => {
    const documented = documentedErrors()
      .values()
      .filter(({ service }) => service === undefined)
    assert.deepEqual([...documented.map(({ code }) => code)].toSorted(), [...errorCodes].toSorted())
  })

  it('say in docs/errors.md what a consumer does about every code', () => {
    const rows = [...read('docs/errors.md').matchAll(/^\| (passing|needs-build|fault|permanent) +\| ([^|]+)\|/gm)]
    const classes = new Map(
      rows.flatMap(([, kind = '', codes = '']) =>
        [...codes.matchAll(/`([a-z-]+)`/g)].map(([, code = '']) => [code, kind]),
      ),
    )
    assert.equal(rows.length, 4)
    assert.deepEqual(
      errorCodes.filter((code) => failureClass(code) !== (classes.get(code) ?? 'permanent')),
      [],
    )
    assert.ok([...classes.keys()].every((code) => (errorCodes as readonly string[]).includes(code)))
  })
})

describe('the maps in docs/images', () => {
  it('are drawn from the declarations and imports.cjs: npm run maps -- --write', async () => {
    const { stdout } = await promisify(execFile)(process.execPath, ['packages/cli/maps.ts'], { cwd: root })
    assert.match(stdout, /^docs\/images: 4 maps$/m)
  })
})
