import assert from 'node:assert/strict'
import { execFile, execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, it } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { packPackage } from '../../packages/pack.ts'
import { codeBlocksOf } from '../support/documented-code.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
const source = join(root, 'packages/tidemark')

interface Manifest {
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>
  readonly sideEffects: readonly string[]
  readonly dependencies: Readonly<Record<string, string>>
  readonly peerDependencies: Readonly<Record<string, string>>
  readonly [field: string]: unknown
}

// The file that is published, in a folder where nothing else of the repository can be found.
describe('the package tidemark', () => {
  const folder = mkdtempSync(join(tmpdir(), 'tidemark-packed-'))
  after(() => rmSync(folder, { recursive: true, force: true }))
  const installed = join(folder, 'node_modules/tidemark')
  const run = (...args: readonly string[]): Promise<{ readonly code: number; readonly output: string }> => {
    const { NODE_TEST_CONTEXT: _, ...env } = process.env
    return promisify(execFile)(process.execPath, args, { cwd: folder, env }).then(
      ({ stdout, stderr }) => ({ code: 0, output: stdout + stderr }),
      ({ code, stdout, stderr }) => ({ code, output: `${stdout}${stderr}` }),
    )
  }
  const evaluated = (code: string) => run('--input-type=module', '--eval', code)
  let manifest: Manifest

  before(async () => {
    const file = await packPackage('tidemark', join(folder, 'packed'))
    mkdirSync(installed, { recursive: true })
    execFileSync('tar', ['-xzf', file, '-C', installed, '--strip-components=1'])
    rmSync(join(folder, 'packed'), { recursive: true })
    manifest = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'))
    const { dependencies, peerDependencies } = manifest
    // What it names, and no other; `typescript` and the types of Node are what an adopter's own project has.
    for (const name of [...Object.keys({ ...dependencies, ...peerDependencies }), 'typescript', '@types/node']) {
      mkdirSync(dirname(join(folder, 'node_modules', name)), { recursive: true })
      symlinkSync(join(root, 'node_modules', name), join(folder, 'node_modules', name))
    }
    const [entry = '', test = ''] = codeBlocksOf(readFileSync(join(installed, 'README.md'), 'utf8'))
      .filter(({ info }) => info === 'ts')
      .map(({ text }) => text)
    writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
    writeFileSync(join(folder, 'entry.ts'), entry)
    writeFileSync(join(folder, 'entry.test.ts'), test)
  })

  it('has what is compiled, its documents, and nothing else', (t) => {
    const files = readdirSync(installed, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath, entry.name).slice(installed.length + 1))
    t.diagnostic(`${files.length} files`)
    assert.ok(files.length > 100)
    const others = files.filter((file) => !/^dist[\\/].*(\.d\.ts|\.js|\.js\.map)$/.test(file))
    assert.deepEqual(others.toSorted(), ['CHANGELOG.md', 'LICENSE', 'README.md', 'package.json'])
  })

  it('names files that it has, and nothing that only the repository needs', () => {
    const { exports, sideEffects } = manifest
    const named = Object.values(exports).flatMap((target) =>
      typeof target === 'string' ? target : Object.values(target),
    )
    assert.ok(named.length >= 7)
    for (const file of [...named, ...sideEffects]) assert.ok(existsSync(join(installed, file)), file)
    for (const field of ['private', 'scripts', 'devDependencies']) assert.equal(manifest[field], undefined, field)
    assert.deepEqual(
      Object.keys(exports),
      Object.keys((JSON.parse(readFileSync(join(source, 'package.json'), 'utf8')) as Manifest).exports),
    )
  })

  it('types what its README writes with it', async () => {
    const compilerOptions = {
      ...{ target: 'es2025', module: 'nodenext', strict: true, noEmit: true, types: ['node'] },
      ...{ allowImportingTsExtensions: true, exactOptionalPropertyTypes: true },
    }
    writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }))
    const { code, output } = await run('node_modules/typescript/bin/tsc')
    assert.equal(code, 0, output)
    // It would not have found a mistake otherwise.
    writeFileSync(
      join(folder, 'wrong.ts'),
      "import { entry } from './entry.ts'\nexport const wrong: string = entry.category.length\n",
    )
    assert.equal((await run('node_modules/typescript/bin/tsc')).code, 2)
    rmSync(join(folder, 'wrong.ts'))
  })

  it('runs what its README tests with it', async () => {
    const { code, output } = await run('--test', '--test-reporter=tap', 'entry.test.ts')
    assert.equal(code, 0, output)
    assert.match(output, /^# pass 1$/m)
  })

  it('registers the functions of a service, and asks for its settings in one line each', async () => {
    const service = `{ name: 'entries', deciders: [entry], publishes: [], views: [], reactions: [] }`
    const { code, output } = await evaluated(
      `import { serve } from 'tidemark/azure-functions'; import { entry } from './entry.ts'
       try { serve(${service}); console.log('served') } catch ({ code, message }) { console.log(code, message) }`,
    )
    assert.equal(code, 0, output)
    assert.match(output, /^setting-invalid .*CosmosConnection/m)
  })

  it('lets nothing else of it be imported', async () => {
    for (const path of ['core/event.ts', 'dist/core/event.js', 'runtime/relay.js']) {
      const { output } = await evaluated(`import('tidemark/${path}').catch(({ code }) => console.log(code))`)
      assert.equal(output.trim(), 'ERR_PACKAGE_PATH_NOT_EXPORTED', path)
    }
  })
})
