import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readArguments, runCommand, UsageError } from './command-line/arguments.ts'
import { markdownTable, withTableUnder } from './command-line/markdown-table.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const FILE = join(ROOT, 'CONTRIBUTING.md')
const CRUISER = join(ROOT, 'node_modules/dependency-cruiser/bin/dependency-cruiser.mjs')
/**
 * Each rule file with the paths it checks. The application, its tests and its benchmarks may have been
 * deleted.
 */
const CRUISES = [
  ['.dependency-cruiser.cjs', ['tidemark.config.ts', 'functions', 'src', 'packages', 'test', 'bench']],
  ['.dependency-cruiser.folders.cjs', ['functions', 'src', 'packages', 'test', 'bench']],
] as const

interface Row {
  readonly path: string
  readonly is: string
  readonly imports?: readonly string[]
  readonly packages?: readonly string[]
}

/**
 * `npm run imports`: checks all imports against imports.cjs and the rules for folders, and the table of
 * CONTRIBUTING.md against imports.cjs. With `--write` it writes the table.
 */
async function imports(): Promise<void> {
  const { write } = readArguments({}, ['write'])
  for (const [config, paths] of CRUISES) cruise(config, paths)
  checkTable(write)
}

function cruise(config: string, paths: readonly string[]): void {
  const there = paths.filter((path) => existsSync(join(ROOT, path)))
  const { status } = spawnSync(process.execPath, [CRUISER, ...there, '--config', config], {
    cwd: ROOT,
    stdio: 'inherit',
  })
  if (status !== 0) throw new UsageError(`the imports break rules of ${config}`)
}

function checkTable(write: boolean): void {
  const { rows } = createRequire(import.meta.url)('../../imports.cjs') as { readonly rows: readonly Row[] }
  const table = markdownTable(['path', 'what it is', 'may import, besides itself and Node'], rows.map(formatCells))
  const text = readFileSync(FILE, 'utf8').replaceAll('\r\n', '\n')
  const made = withTableUnder('## The map', text, table)
  if (write) writeFileSync(FILE, made)
  else if (made !== text)
    throw new UsageError('the table of CONTRIBUTING.md differs from imports.cjs: npm run imports -- --write')
  console.log(`CONTRIBUTING.md: ${rows.length} rows`)
}

function formatCells({ path, is, imports = [], packages = [] }: Row): readonly string[] {
  const may = [...imports, ...packages].map((each) => `\`${each.replaceAll('\\', '').replaceAll('|', ', ')}\``)
  return [`\`${path}\``, is, may.join(' ') || '–']
}

await runCommand(imports)
