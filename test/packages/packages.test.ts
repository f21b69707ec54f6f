import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { checkPackage, createPackageFromTarballData, type Problem } from '@arethetypeswrong/core'
import { publint } from 'publint'
import { parse } from 'yaml'
import { Command } from '../../packages/test-support/command.ts'
import { listCodeBlocks } from '../../packages/test-support/documented-code.ts'
import { linkNamed, namesIn, Packed, type PackedManifest } from '../../packages/test-support/packed.ts'
import { until } from '../../packages/test-support/wait.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const source = join(root, 'packages/tidemark')
/** By folder. Each emulator's own promises are in its own tests. */
const EMULATORS = ['event-hubs', 'cosmos', 'functions-host']

// The published files, in folders where nothing else of the repository can be found.
const packed = new Packed()
const temporary = packed.folder
const unpack = (folder: string, target: string): PackedManifest => packed.unpack(folder, target)
before(() => packed.pack('tidemark', ...EMULATORS, 'cli', 'infra', 'create-tidemark'))
after(() => packed.remove())

const env = {
  ...{ TIDEMARK_HTTP_PORT: '0', TIDEMARK_BLOB_PORT: '0', TIDEMARK_EVENTHUBS_PORT: '0', TIDEMARK_COSMOS_PORT: '0' },
  NODE_TEST_CONTEXT: undefined,
}

describe('every package', () => {
  const folder = join(temporary, 'looked-at')

  it('satisfies registries, bundlers and compilers, by publint', async () => {
    assert.equal(packed.folders.length, 7)
    for (const name of packed.folders) {
      unpack(name, join(folder, name))
      const { messages } = await publint({ pkgDir: join(folder, name), strict: true })
      assert.deepEqual(messages, [], name)
    }
    // Shows that publint would find a fault.
    rmSync(join(folder, 'tidemark/dist/testing/index.js'))
    const { messages } = await publint({ pkgDir: join(folder, 'tidemark'), strict: true })
    assert.deepEqual([...new Set(messages.map(({ code }) => code))], ['FILE_DOES_NOT_EXIST'])
  })

  it('has types for all its exports, where Node and bundlers look for them, by attw', async (t) => {
    // The packages are ES modules, so older resolutions and `require` are not checked.
    const others = ['node10', 'node16-cjs']
    const isFault = (problem: Problem): boolean =>
      !('resolutionKind' in problem && others.includes(problem.resolutionKind)) &&
      !('resolutionOption' in problem && problem.resolutionOption === 'node10')
    let entries = 0
    const faults: string[] = []
    for (const name of packed.folders) {
      const checked = await checkPackage(createPackageFromTarballData(packed.readBytes(name)))
      // A command exports nothing.
      if (!checked.types) continue
      entries += Object.keys(checked.entrypoints).length
      for (const problem of checked.problems.filter(isFault))
        faults.push(`${name}: ${'entrypoint' in problem ? problem.entrypoint : ''} ${problem.kind}`)
    }
    t.diagnostic(`${entries} entry points`)
    assert.ok(entries > 8, `only ${entries} were checked`)
    // A main file that is run and not imported has no types. That attw reports it shows that it would report others.
    assert.deepEqual(
      [...new Set(faults)],
      EMULATORS.map((name) => `${name}: ./main UntypedResolution`),
    )
  })
})

describe('the package tidemark', () => {
  const folder = join(temporary, 'alone')
  const installed = join(folder, 'node_modules/tidemark')
  const run = (...args: readonly string[]): Promise<{ readonly code: number; readonly output: string }> => {
    const { NODE_TEST_CONTEXT: _, ...env } = process.env
    return promisify(execFile)(process.execPath, args, { cwd: folder, env }).then(
      ({ stdout, stderr }) => ({ code: 0, output: stdout + stderr }),
      ({ code, stdout, stderr }) => ({ code, output: `${stdout}${stderr}` }),
    )
  }
  const evaluated = (code: string) => run('--input-type=module', '--eval', code)
  let manifest: PackedManifest

  before(() => {
    manifest = unpack('tidemark', installed)
    // An adopter's own project has `typescript` and the types of Node.
    linkNamed(folder, [...namesIn(manifest), 'typescript', '@types/node'])
    const [entry = '', test = ''] = listCodeBlocks(readFileSync(join(installed, 'README.md'), 'utf8'))
      .filter(({ info }) => info === 'ts')
      .map(({ text }) => text)
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
    writeFileSync(join(folder, 'entry.ts'), entry)
    writeFileSync(join(folder, 'entry.test.ts'), test)
  })

  it('has the compiled code and its documents, and nothing else', (t) => {
    const files = readdirSync(installed, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(installed.length + 1))
    t.diagnostic(`${files.length} files`)
    assert.ok(files.length > 100)
    const others = files.filter((file) => !/^dist[\\/].*(\.d\.ts|\.js|\.js\.map)$/.test(file))
    assert.deepEqual(others.toSorted(), ['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json'])
  })

  it('names files that it has, and nothing of the repository alone', () => {
    const { exports, sideEffects = [] } = manifest
    const named = Object.values(exports).flatMap((target) =>
      typeof target === 'string' ? target : Object.values(target),
    )
    assert.ok(named.length >= 7)
    for (const file of [...named, ...sideEffects]) assert.ok(existsSync(join(installed, file)), file)
    for (const field of ['private', 'scripts', 'devDependencies']) assert.equal(manifest[field], undefined, field)
    assert.deepEqual(
      Object.keys(exports),
      Object.keys((JSON.parse(readFileSync(join(source, 'package.json'), 'utf8')) as PackedManifest).exports),
    )
  })

  it('exports what its API reports say, all of it with docstrings: npm run api', async () => {
    const { output, code } = await new Command(join(root, 'packages/api.ts'), [], env).ended
    assert.equal(code, 0, output)
    assert.match(output, /^packages\/tidemark\/api: 6 reports$/m)
  })

  it('type-checks the code of its README', async () => {
    const compilerOptions = {
      ...{ target: 'es2025', module: 'nodenext', strict: true, noEmit: true, types: ['node'] },
      ...{ allowImportingTsExtensions: true, exactOptionalPropertyTypes: true },
    }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }))
    // Shows that the compiler finds a mistake, in the same run.
    writeFileSync(
      join(folder, 'wrong.ts'),
      "import { entry } from './entry.ts'\nexport const wrong: string = entry.category.length\n",
    )
    const { code, output } = await run('node_modules/typescript/bin/tsc')
    assert.equal(code, 2, output)
    assert.deepEqual(output.match(/^\S+(?=: error )/gm), ['wrong.ts(2,14)'], output)
    rmSync(join(folder, 'wrong.ts'))
  })

  it('passes the tests of its README', async () => {
    const { code, output } = await run('--test', '--test-reporter=tap', 'entry.test.ts')
    assert.equal(code, 0, output)
    assert.match(output, /^# pass 1$/m)
  })

  it("registers a service's functions, and names missing settings in one line each", async () => {
    const service = `{ name: 'entries', deciders: [entry], publishes: [], views: [], reactions: [] }`
    const { code, output } = await evaluated(
      `import { serve } from 'tidemark/azure-functions'; import { entry } from './entry.ts'
       try { serve(${service}); console.log('served') } catch ({ code, message }) { console.log(code, message) }`,
    )
    assert.equal(code, 0, output)
    assert.match(output, /^setting-invalid .*CosmosConnection/m)
  })

  it('allows no other imports', async () => {
    for (const path of ['core/event.ts', 'dist/core/event.js', 'runtime/relay.js']) {
      const { output } = await evaluated(`import('tidemark/${path}').catch(({ code }) => console.log(code))`)
      assert.equal(output.trim(), 'ERR_PACKAGE_PATH_NOT_EXPORTED', path)
    }
  })
})

describe('a created project', () => {
  const folder = join(temporary, 'my-shop')
  const cli = join(folder, 'node_modules/tidemark-cli')
  const at = (path: string): string => join(folder, path)
  const node = (file: string, ...args: readonly string[]) => new Command(file, args, env, folder)
  const tidemark = (...args: readonly string[]) => node(join(cli, 'dist/cli/tidemark.js'), ...args)
  const succeeds = async (command: Command): Promise<string> => {
    const { code, output } = await command.ended
    assert.equal(code, 0, output)
    return output
  }
  /** Sends a command, and waits until the view shows the result. */
  async function showsWhatIsSent(address: string, title: string): Promise<void> {
    const url = `${address}/api/billing/invoice`
    const sent = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ title }),
    })
    assert.equal(sent.status, 201, await sent.text())
    const titles = async (): Promise<readonly string[]> => {
      const { items } = (await (await fetch(url)).json()) as { readonly items: readonly { readonly title: string }[] }
      return items.map((item) => item.title)
    }
    await until('the view to show it', titles, (shown) => shown.includes(title))
  }
  const tests = () => node('--test', '--test-reporter=tap', 'src/**/*.test.ts')

  before(async () => {
    const create = join(temporary, 'create')
    unpack('create-tidemark', create)
    // The program needs no installed packages.
    await succeeds(
      new Command(
        join(create, 'dist/create.js'),
        ['my-shop', '--service', 'billing', '--aggregate', 'invoice'],
        env,
        temporary,
      ),
    )
    const manifest = JSON.parse(readFileSync(at('package.json'), 'utf8'))
    const own = ['tidemark', 'tidemark-cli']
    const named = namesIn(manifest)
    for (const name of own) assert.ok(named.includes(name), `${name} is not a dependency`)
    const emulators = EMULATORS.map((name) => unpack(name, at(`node_modules/tidemark-${name}`)))
    const manifests = [unpack('tidemark', at('node_modules/tidemark')), unpack('cli', cli), ...emulators]
    unpack('infra', at('node_modules/tidemark-infra'))
    linkNamed(
      folder,
      [...named, ...manifests.flatMap(namesIn)].filter((name) => !name.startsWith('tidemark')),
    )
  })

  it('has what an editor, CI and Azure need', () => {
    const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter(
      (file) => !/^node_modules/.test(file),
    )
    for (const file of [
      ...['.gitignore', '.funcignore', '.vscode/launch.json', '.devcontainer/devcontainer.json'],
      ...[
        '.github/workflows/ci.yml',
        'azure.yaml',
        'infra/main.bicep',
        'infra/tidemark/modules/service.bicep',
        'host.json',
      ],
    ])
      assert.ok(files.includes(join(file)), `there is no ${file}`)
    for (const file of files.filter((each) => /\.(ts|json|ya?ml|md)$/.test(each)))
      assert.doesNotMatch(readFileSync(at(file), 'utf8'), /__(project|service|aggregate|constant|Type)__/, file)
    const { services } = parse(readFileSync(at('azure.yaml'), 'utf8'))
    assert.deepEqual(Object.keys(services), ['billing'])
  })

  it('passes the type checker and its tests', async () => {
    await succeeds(node('node_modules/typescript/bin/tsc', '-p', 'tsconfig.json'))
    assert.match(await succeeds(tests()), /^# pass 3$/m)
  })

  it('runs, answers a command and shows the result in its view', async () => {
    const running = tidemark('start', '--fast')
    try {
      await running.prints('ready')
      const [, address = ''] = /^all services (http:\S+?)\/api/m.exec(running.output) ?? []
      await showsWhatIsSent(address, 'the first')
      const console = await fetch(`${address}/`)
      assert.match(await console.text(), /<title>/)
      assert.doesNotMatch(running.output, /npm run demo/)
    } finally {
      running.kill('SIGINT')
    }
    assert.equal((await running.ended).code, 0)
  })

  it('gains a service by one command, and makes contracts and bundles of both', async () => {
    const added = await succeeds(tidemark('new', 'stock', '--aggregate', 'item'))
    assert.match(added, /^added {4}stock to tidemark\.config\.ts, infra\/topology\.json, azure\.yaml and schemas\/$/m)
    await succeeds(node('node_modules/typescript/bin/tsc', '-p', 'tsconfig.json'))
    assert.match(await succeeds(tests()), /^# pass 6$/m)
    assert.match(await succeeds(tidemark('schemas', '--check')), /2 AsyncAPI documents, 1 OpenAPI document; 0 files/)
    // Each bundle is loaded once, as by an instance that has just started.
    const bundled = await succeeds(tidemark('bundle'))
    assert.equal(bundled.match(/^bundles.(billing|stock) .* imported in \d+ ms$/gm)?.length, 2, bundled)
  })

  it('runs a bundle in the local host alone, as it is deployed', async () => {
    const cloud = tidemark('cloud', '--fast')
    try {
      await cloud.prints('ready')
      const { settings } = JSON.parse(readFileSync(at('.tidemark/cloud.json'), 'utf8'))
      const main = at('node_modules/tidemark-functions-host/dist/main.js')
      const host = new Command(main, ['bundles/billing', '--port', '0'], { ...env, ...settings }, folder)
      try {
        await host.prints('\nhttp://')
        const [address = ''] = /^http:\/\/[^/\s]+/m.exec(host.output) ?? []
        await showsWhatIsSent(address, 'from the bundle')
      } finally {
        host.kill('SIGINT')
      }
      assert.equal((await host.ended).code, 0, host.output)
    } finally {
      cloud.kill('SIGINT')
    }
    assert.equal((await cloud.ended).code, 0, cloud.output)
  })

  it('is found from any folder below, and reported in one line if missing', async () => {
    const help = await succeeds(tidemark('--help'))
    assert.match(help, /^ {2}start /m)
    assert.doesNotMatch(help, /^ {2}(demo|chaos) /m)
    const started = await new Command(join(cli, 'dist/cli/tidemark.js'), ['start'], env, temporary).ended
    assert.equal(started.code, 2)
    assert.equal(
      started.err.trim(),
      'there is no tidemark.config.ts here or in a folder above: npm create tidemark creates a project',
    )
    const below = new Command(join(cli, 'dist/cli/tidemark.js'), ['schemas', '--check'], env, at('src/billing'))
    assert.match(await succeeds(below), /0 files differ from the code/)
  })

  it('can be made from packed files without a registry, if all needed ones are there', async () => {
    const file = join(temporary, 'create/dist/create.js')
    const from = (packages: string) =>
      new Command(file, ['from-files', '--service', 'billing', '--packages', packages], env, temporary).ended
    const { code, err } = await from(folder)
    assert.deepEqual([code, err.split(':')[0]], [1, `${folder} must have one tidemark-event-hubs-<version>.tgz`])
    assert.equal((await from(join(temporary, 'packed'))).code, 0)
    const { dependencies, devDependencies, overrides } = JSON.parse(
      readFileSync(join(temporary, 'from-files/package.json'), 'utf8'),
    )
    const named: readonly string[] = Object.values({ ...dependencies, ...devDependencies, ...overrides })
    const files = named.flatMap((each) => /^file:(.*)$/.exec(each)?.[1] ?? [])
    assert.equal(files.length, 2 + EMULATORS.length + 1)
    for (const each of files) assert.ok(existsSync(each), each)
  })

  it('is not written into a folder that has files', async () => {
    const again = new Command(
      join(temporary, 'create/dist/create.js'),
      ['my-shop', '--service', 'billing'],
      env,
      temporary,
    )
    const { code, err } = await again.ended
    assert.deepEqual([code, err.trim()], [1, `${folder} already exists and is not empty: nothing was written`])
  })
})
