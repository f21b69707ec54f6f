import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readArguments, runCommand, UsageError } from './command-line/arguments.ts'
import { markdownTable, withTableUnder } from './command-line/markdown-table.ts'
import { type DocumentedRow, withRow } from './imports/folder-readme.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const CRUISER = join(ROOT, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs')
/**
 * Each rule file with the paths it checks. The application, its tests and its benchmarks may have been
 * deleted.
 */
const CRUISES = [
  ['.dependency-cruiser.cjs', ['tidemark.config.ts', 'functions', 'src', 'packages', 'test', 'bench']],
  ['.dependency-cruiser.folders.cjs', ['functions', 'src', 'packages', 'test', 'bench']],
] as const

/**
 * `npm run imports`: checks all imports against imports.cjs and the rules for folders, and compares the table in
 * CONTRIBUTING.md and each folder's README.md with imports.cjs. With `--write` it writes them.
 */
async function imports(): Promise<void> {
  const { write } = readArguments({}, ['write'])
  for (const [config, paths] of CRUISES) cruise(config, paths)
  const { rows } = createRequire(import.meta.url)('../../imports.cjs') as { readonly rows: readonly DocumentedRow[] }
  const files = [withTable(rows), ...rows.filter(({ path }) => isFolder(path)).map(toReadme)]
  const outdated = files.filter(({ file, text }) => read(file) !== text)
  if (write) for (const { file, text } of outdated) writeFileSync(join(ROOT, file), text)
  else if (outdated.length > 0)
    throw new UsageError(
      `${outdated.map(({ file }) => file).join(', ')}: differ from imports.cjs. Run npm run imports -- --write`,
    )
  console.log(`CONTRIBUTING.md: ${rows.length} rows; README.md of ${files.length - 1} folders`)
}

function cruise(config: string, paths: readonly string[]): void {
  const there = paths.filter((path) => existsSync(join(ROOT, path)))
  const { status } = spawnSync(process.execPath, [CRUISER, ...there, '--config', config], {
    cwd: ROOT,
    stdio: 'inherit',
  })
  if (status !== 0) throw new UsageError(`the imports break rules of ${config}`)
}

interface Document {
  readonly file: string
  readonly text: string
}

function withTable(rows: readonly DocumentedRow[]): Document {
  const cells = rows.map(({ path, is, mayImport }) => [`\`${path}\``, is, mayImport.join(', ')])
  const table = markdownTable(['path', 'what it is', 'may import, besides itself'], cells)
  return { file: 'CONTRIBUTING.md', text: withTableUnder('## The map', read('CONTRIBUTING.md'), table) }
}

/** Whether a row's path is one folder, and the folder has not been deleted. */
function isFolder(path: string): boolean {
  return path.endsWith('/') && existsSync(join(ROOT, path))
}

/** Packages are published from the folders that have a manifest. */
function toReadme(row: DocumentedRow): Document {
  const file = `${row.path}README.md`
  return { file, text: withRow(read(file), row, existsSync(join(ROOT, row.path, 'package.json'))) }
}

/** A file of the repository, or '' if there is none. */
function read(file: string): string {
  return existsSync(join(ROOT, file)) ? readFileSync(join(ROOT, file), 'utf8').replaceAll('\r\n', '\n') : ''
}

await runCommand(imports)
