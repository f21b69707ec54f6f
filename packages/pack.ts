import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { readSubjects, runCommand, UsageError } from './cli/arguments.ts'
import { HOST, readProjectFiles, SETTINGS } from './cli/upgrade/template.ts'

const ROOT = fileURLToPath(new URL('../', import.meta.url))
const PACKAGES = join(ROOT, 'packages')
const TSC = fileURLToPath(import.meta.resolve('typescript/bin/tsc'))
const DOCUMENTS = ['README.md', 'CHANGELOG.md']

/** A package that is published. */
interface Published {
  readonly folder: string
  /** Where what is compiled of the folder is in the package. */
  readonly compiled: string
  /** Writes what is compiled, and what that reads. */
  make(stage: string, compiler: readonly string[]): Promise<void>
}

const published: readonly Published[] = [
  { folder: 'tidemark', compiled: 'dist', make: async (stage, compiler) => compile('tidemark', stage, compiler) },
  { folder: 'cli', compiled: 'dist/cli', make: makeCli },
  { folder: 'create-tidemark', compiled: 'dist', make: makeCreate },
  { folder: 'infra', compiled: 'dist', make: async (stage) => copyInfra(stage) },
]

type Target = Readonly<Record<string, string>>

interface Manifest {
  readonly name: string
  readonly version: string
  readonly exports?: Target
  readonly bin?: Target
  readonly sideEffects?: readonly string[]
  readonly [field: string]: unknown
}

/**
 * `npm run pack [-- --to FOLDER]`: each package that is published, as the file that is: `.packed/NAME-VERSION.tgz`. In the repository a
 * package exports its sources; packed, what is compiled of them. The local cloud is part of what has the commands.
 *
 * `npm pack --workspaces` would pack the sources, and `private` does not stop it: https://docs.npmjs.com/cli/commands/npm-pack
 */
async function pack(): Promise<void> {
  const { to = join(ROOT, '.packed') } = readSubjects([], { to: 'FOLDER' })
  for (const { folder } of published) console.log(await packPackage(folder, to))
}

/**
 * @param folder of packages/.
 * @param compiler options of it besides, such as `--noCheck` for sources that were checked.
 * @returns the file.
 */
export async function packPackage(folder: string, to: string, compiler: readonly string[] = []): Promise<string> {
  const found = published.find((each) => each.folder === folder)
  if (found === undefined) throw new UsageError(`${folder} is not published`)
  const source = join(PACKAGES, folder)
  const manifest = JSON.parse(readFileSync(join(source, 'package.json'), 'utf8')) as Manifest
  const stage = join(to, manifest.name)
  rmSync(stage, { recursive: true, force: true })
  mkdirSync(stage, { recursive: true })
  await found.make(stage, compiler)
  for (const document of DOCUMENTS) copy(join(source, document), join(stage, document))
  copy(join(ROOT, 'LICENSE'), join(stage, 'LICENSE'))
  const made = manifestOf(manifest, found.compiled)
  writeFileSync(join(stage, 'package.json'), `${JSON.stringify(made, null, 2)}\n`)
  const said = execFileSync('npm', ['pack', stage, '--pack-destination', to, '--json'], { encoding: 'utf8' })
  const [{ filename }] = JSON.parse(said) as readonly [{ readonly filename: string }]
  return join(to, basename(filename))
}

/** Into an empty folder, all of it: what was deleted since does not come along. */
function compile(folder: string, stage: string, compiler: readonly string[]): void {
  const notes = join(stage, '.tsbuildinfo')
  const options = ['--outDir', join(stage, 'dist'), '--tsBuildInfoFile', notes, ...compiler]
  execFileSync(process.execPath, [TSC, '-p', join(PACKAGES, folder), ...options])
  rmSync(notes, { force: true })
}

/** The commands with the parts of the local cloud that they start, and the console. */
async function makeCli(stage: string, compiler: readonly string[]): Promise<void> {
  // It reads the types of the framework, as they are compiled.
  execFileSync(process.execPath, [TSC, '-b', join(PACKAGES, 'tidemark')])
  compile('cli', stage, compiler)
  for (const file of ['cli/tidemark.js', 'cli/node-version.js']) {
    const text = readFileSync(join(PACKAGES, file), 'utf8')
    writeFileSync(join(stage, 'dist', file), text.replaceAll(/(import\('\.[^']*)\.ts'/g, "$1.js'"))
  }
  for (const path of ['cosmos/query/syntax/grammar.peggy', 'cli/new-service/templates'])
    copy(join(PACKAGES, path), join(stage, 'dist', path))
  copy(join(ROOT, 'dist/console'), join(stage, 'dist/console'), 'npm run build makes it')
}

/** One file, so that nothing has to be installed for it, and what it writes projects from. */
async function makeCreate(stage: string): Promise<void> {
  await build({
    entryPoints: [join(PACKAGES, 'create-tidemark/create.ts')],
    outfile: join(stage, 'dist/create.js'),
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node22',
    logLevel: 'error',
  })
  copy(join(PACKAGES, 'cli/new-service/templates'), join(stage, 'dist/templates'))
  copy(join(PACKAGES, 'create-tidemark/template'), join(stage, 'template'))
  copyInfra(join(stage, 'infra'))
  // What else a manifest says is of no use to a folder of another package.
  const { version } = JSON.parse(readFileSync(join(PACKAGES, 'infra/package.json'), 'utf8'))
  writeFileSync(join(stage, 'infra/package.json'), JSON.stringify({ version }))
}

/** What a project has besides its code. In the repository a part of it is the root's own. */
function copyInfra(stage: string): void {
  const source = join(PACKAGES, 'infra')
  for (const path of ['tidemark', 'project.json']) copy(join(source, path), join(stage, path))
  const { files } = readProjectFiles(source)
  for (const path of [...files, HOST, SETTINGS]) copy(join(ROOT, path), join(stage, 'project', path))
}

function copy(from: string, to: string, hint = ''): void {
  if (!existsSync(from)) throw new UsageError(`${from} is not there${hint && `: ${hint}`}`)
  mkdirSync(dirname(to), { recursive: true })
  cpSync(from, to, { recursive: true })
}

/** A manifest as it is published: of what is compiled, and of nothing that only the repository needs. */
function manifestOf(source: Manifest, compiled: string): object {
  const { private: _, scripts: _s, devDependencies: _d, ...manifest } = source
  const { exports, bin, sideEffects } = manifest
  const path = (file: string): string => `./${compiled}/${file.replace(/^\.\//, '').replace(/\.ts$/, '.js')}`
  const typed = (file: string) => ({ types: path(file).replace(/\.js$/, '.d.ts'), default: path(file) })
  const each = <To>(targets: Target, to: (file: string) => To) =>
    Object.fromEntries(Object.entries(targets).map(([name, file]) => [name, to(file)]))
  return {
    ...manifest,
    ...(exports ? { exports: each(exports, (file) => (file.endsWith('.ts') ? typed(file) : file)) } : {}),
    ...(bin ? { bin: each(bin, path) } : {}),
    ...(sideEffects ? { sideEffects: sideEffects.map(path) } : {}),
  }
}

if (import.meta.main) await runCommand(pack)
