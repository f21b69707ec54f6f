import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import { readSubjects, runCommand, UsageError } from './cli/command-line/arguments.ts'
import { HOST, readProjectFiles, SETTINGS } from './cli/upgrade/template.ts'
import { buildDeclarations } from './declarations.ts'

const ROOT = fileURLToPath(new URL('../', import.meta.url))
const PACKAGES = join(ROOT, 'packages')
const TSC = fileURLToPath(import.meta.resolve('typescript/bin/tsc'))
const DOCUMENTS = ['README.md', 'CHANGELOG.md']

/** A published package. */
interface Published {
  readonly folder: string
  /** The folder of the compiled code in the package. */
  readonly compiled: string
  /** The folder of its types, if it is another one. */
  readonly types?: string
  /** Writes the compiled code, and the files that it reads. */
  make(stage: string, compiler: readonly string[]): Promise<void>
}

const published: readonly Published[] = [
  { folder: 'tidemark', compiled: 'dist', make: async (stage, compiler) => compile('tidemark', stage, compiler) },
  emulator('event-hubs'),
  // The check of a data file runs in its own process, and the grammar is read when needed.
  emulator('cosmos', { modules: ['store/check-process.ts'], files: ['query/syntax/grammar.peggy'] }),
  // It provides the module `@azure/functions-core`.
  emulator('functions-host', { modules: ['core-module.ts'] }),
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
 * `npm run pack [-- --to FOLDER]`: packs each published package into `.packed/NAME-VERSION.tgz`. In the
 * repository a package exports its sources; the packed one exports compiled code. `tidemark-cli` depends on
 * the emulators like any user.
 *
 * `npm pack --workspaces` would pack the sources, and `private` does not stop it:
 * https://docs.npmjs.com/cli/commands/npm-pack
 */
async function pack(): Promise<void> {
  const { to = join(ROOT, '.packed') } = readSubjects([], { to: 'FOLDER' })
  for (const { folder } of published) {
    const file = await packPackage(folder, to)
    console.log(`${(statSync(file).size / 1000).toFixed(0).padStart(6)} kB  ${file}`)
  }
}

/**
 * @param folder a folder of packages/.
 * @param compiler further compiler options, such as `--noCheck` for sources that were already checked.
 * @returns the packed file.
 */
export async function packPackage(folder: string, to: string, compiler: readonly string[] = []): Promise<string> {
  const found = published.find((each) => each.folder === folder)
  if (found === undefined) throw new UsageError(`${folder} is not published`)
  const source = join(PACKAGES, folder)
  const manifest = readManifest(folder)
  const stage = join(to, manifest.name)
  rmSync(stage, { recursive: true, force: true })
  mkdirSync(stage, { recursive: true })
  await found.make(stage, compiler)
  for (const document of DOCUMENTS) copy(join(source, document), join(stage, document))
  copy(join(ROOT, 'LICENSE'), join(stage, 'LICENSE'))
  const made = buildManifest(manifest, found, stage)
  write(join(stage, 'package.json'), `${JSON.stringify(made, null, 2)}\n`)
  const output = execFileSync('npm', ['pack', stage, '--pack-destination', to, '--json'], { encoding: 'utf8' })
  const [{ filename }] = JSON.parse(output) as readonly [{ readonly filename: string }]
  return join(to, basename(filename))
}

/** Compiles everything into an empty folder, so that it contains no deleted files. */
function compile(folder: string, stage: string, compiler: readonly string[]): void {
  const notes = join(stage, '.tsbuildinfo')
  const options = ['--outDir', join(stage, 'dist'), '--tsBuildInfoFile', notes, ...compiler]
  execFileSync(process.execPath, [TSC, '-p', join(PACKAGES, folder), ...options])
  rmSync(notes, { force: true })
}

/**
 * An emulator, bundled with the code it shares with the others, but without the dependencies in its manifest.
 * Common parts of its modules are in shared chunks.
 * @param more modules that it loads by file name besides its exports, and files that it reads. All are placed
 * in one folder.
 */
function emulator(
  folder: string,
  more: { readonly modules?: readonly string[]; readonly files?: readonly string[] } = {},
): Published {
  const source = join(PACKAGES, folder)
  const { modules = [], files = [] } = more
  return {
    folder,
    compiled: 'dist',
    types: `dist/types/${folder}`,
    async make(stage) {
      const { exports = {}, bin = {} } = readManifest(folder)
      const exported = Object.values(exports).filter((file) => file.endsWith('.ts'))
      await bundle([...exported, ...modules], source, join(stage, 'dist'))
      for (const file of files) copy(join(source, file), join(stage, 'dist', basename(file)))
      const typed = exported.filter((file) => !Object.values(bin).includes(file))
      for (const [path, text] of buildDeclarations(
        typed.map((file) => join(source, file)),
        PACKAGES,
      ))
        write(join(stage, 'dist/types', path), text)
    },
  }
}

async function bundle(modules: readonly string[], source: string, to: string): Promise<void> {
  const { outputFiles } = await build({
    absWorkingDir: source,
    entryPoints: modules.map((file) => ({ in: file, out: basename(file, '.ts') })),
    // As if beside the sources, so that source maps name them the same wherever the package is built.
    outdir: 'dist',
    write: false,
    bundle: true,
    splitting: true,
    packages: 'external',
    sourcemap: true,
    format: 'esm',
    platform: 'node',
    target: 'node22',
    logLevel: 'error',
  })
  for (const { path, contents } of outputFiles) write(join(to, relative(join(source, 'dist'), path)), contents)
}

/** The commands, the code that runs the emulators together, and the console. */
async function makeCli(stage: string, compiler: readonly string[]): Promise<void> {
  // The commands need the compiled types of the framework.
  execFileSync(process.execPath, [TSC, '-b', join(PACKAGES, 'tidemark')])
  compile('cli', stage, compiler)
  // The emulators are separate packages when installed.
  for (const folder of published.flatMap(({ folder, types }) => (types ? folder : [])))
    rmSync(join(stage, 'dist', folder), { recursive: true, force: true })
  for (const file of ['cli/tidemark.js', 'cli/node-version.js']) {
    const text = readFileSync(join(PACKAGES, file), 'utf8')
    writeFileSync(join(stage, 'dist', file), text.replaceAll(/(import\('\.[^']*)\.ts'/g, "$1.js'"))
  }
  copy(join(PACKAGES, 'cli/new-service/templates'), join(stage, 'dist/cli/new-service/templates'))
  copy(join(ROOT, 'dist/console'), join(stage, 'dist/console'), 'npm run build builds it')
}

/** One file, so that nothing has to be installed for it, and the templates of projects. */
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
  // Only the version of the manifest matters inside another package.
  const { version } = JSON.parse(readFileSync(join(PACKAGES, 'infra/package.json'), 'utf8'))
  writeFileSync(join(stage, 'infra/package.json'), JSON.stringify({ version }))
}

/** Copies the files of a project besides its code. In the repository some of them are the root's own. */
function copyInfra(stage: string): void {
  const source = join(PACKAGES, 'infra')
  for (const path of ['tidemark', 'project.json']) copy(join(source, path), join(stage, path))
  const { files } = readProjectFiles(source)
  for (const path of [...files, HOST, SETTINGS]) copy(join(ROOT, path), join(stage, 'project', path))
}

function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(PACKAGES, folder, 'package.json'), 'utf8'))
}

function write(file: string, content: string | Uint8Array): void {
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, content)
}

function copy(from: string, to: string, hint = ''): void {
  if (!existsSync(from)) throw new UsageError(`${from} is missing${hint && `: ${hint}`}`)
  mkdirSync(dirname(to), { recursive: true })
  cpSync(from, to, { recursive: true })
}

/** The published manifest: it points to compiled code, and leaves out what only the repository needs. */
function buildManifest(source: Manifest, { compiled, types = compiled }: Published, stage: string): object {
  const { private: _, scripts: _s, devDependencies: _d, ...manifest } = source
  const { exports, bin, sideEffects } = manifest
  const path = (file: string): string => `./${compiled}/${file.replace(/^\.\//, '').replace(/\.ts$/, '.js')}`
  const typed = (file: string) => {
    const declared = `./${types}/${file.replace(/^\.\//, '').replace(/\.ts$/, '.d.ts')}`
    // A module that is only run, and exports nothing, has no types.
    return { ...(existsSync(join(stage, declared)) ? { types: declared } : {}), default: path(file) }
  }
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
