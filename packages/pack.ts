import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readSubjects, runCommand, UsageError } from './cli/arguments.ts'

const ROOT = fileURLToPath(new URL('../', import.meta.url))
const TSC = join(ROOT, 'node_modules/typescript/bin/tsc')
/** What is published. */
const PACKAGES = ['tidemark'] as const
const DOCUMENTS = ['README.md', 'CHANGELOG.md']

type Exports = Readonly<Record<string, string>>

interface Manifest {
  readonly name: string
  readonly version: string
  readonly exports: Exports
  readonly sideEffects?: readonly string[]
  readonly private?: boolean
  readonly [field: string]: unknown
}

/**
 * `npm run pack`: each package that is published, as the file that is: `.packed/NAME-VERSION.tgz`. In the repository a package exports its
 * sources; packed, what is compiled of them.
 *
 * `npm pack --workspaces` would pack the sources, and `private` does not stop it: https://docs.npmjs.com/cli/commands/npm-pack
 */
async function pack(): Promise<void> {
  const { to = join(ROOT, '.packed') } = readSubjects([], { to: 'FOLDER' })
  for (const name of PACKAGES) {
    const file = packPackage(join(ROOT, 'packages', name), to)
    console.log(file)
  }
}

/** @returns the file. */
export function packPackage(folder: string, to: string): string {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest
  const stage = join(to, manifest.name)
  rmSync(stage, { recursive: true, force: true })
  mkdirSync(stage, { recursive: true })
  // Into an empty folder, all of it: what was deleted since does not come along.
  const notes = join(stage, '.tsbuildinfo')
  execFileSync(process.execPath, [TSC, '-p', folder, '--outDir', join(stage, 'dist'), '--tsBuildInfoFile', notes])
  rmSync(notes)
  for (const document of DOCUMENTS) {
    if (!existsSync(join(folder, document))) throw new UsageError(`${folder} has no ${document}`)
    cpSync(join(folder, document), join(stage, document))
  }
  cpSync(join(ROOT, 'LICENSE'), join(stage, 'LICENSE'))
  writeFileSync(join(stage, 'package.json'), `${JSON.stringify(published(manifest), null, 2)}\n`)
  const said = execFileSync('npm', ['pack', stage, '--pack-destination', to, '--json'], { encoding: 'utf8' })
  const [{ filename }] = JSON.parse(said) as readonly [{ readonly filename: string }]
  return join(to, basename(filename))
}

/** A manifest as it is published: of what is compiled, and of nothing that only the repository needs. */
export function published({ private: _, scripts: _s, devDependencies: _d, ...manifest }: Manifest): object {
  const { exports, sideEffects } = manifest
  return {
    ...manifest,
    ...(sideEffects ? { sideEffects: sideEffects.map((file) => compiled(file).default) } : {}),
    exports: Object.fromEntries(
      Object.entries(exports).map(([subpath, file]) => [subpath, file.endsWith('.ts') ? compiled(file) : file]),
    ),
  }
}

function compiled(file: string): { readonly types: string; readonly default: string } {
  const path = `./dist/${file.replace(/^\.\//, '').replace(/\.ts$/, '')}`
  return { types: `${path}.d.ts`, default: `${path}.js` }
}

if (import.meta.main) await runCommand(pack)
