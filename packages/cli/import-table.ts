import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { readArguments, runCommand, UsageError } from './arguments.ts'
import { markdownTable, withTableUnder } from './markdown-table.ts'

const FILE = fileURLToPath(new URL('../../CONTRIBUTING.md', import.meta.url))

interface Row {
  readonly path: string
  readonly is: string
  readonly imports?: readonly string[]
  readonly packages?: readonly string[]
}

/**
 * The end of `npm run imports`: holds the table of CONTRIBUTING.md against imports.cjs; with `--write` it writes it.
 */
async function importTable(): Promise<void> {
  const { write } = readArguments({}, ['write'])
  const { rows } = createRequire(import.meta.url)('../../imports.cjs') as { readonly rows: readonly Row[] }
  const table = markdownTable(['path', 'what it is', 'may import, beside itself and Node'], rows.map(cellsOf))
  const text = readFileSync(FILE, 'utf8').replaceAll('\r\n', '\n')
  const made = withTableUnder('## The map', text, table)
  if (write) writeFileSync(FILE, made)
  else if (made !== text)
    throw new UsageError('CONTRIBUTING.md has another table than imports.cjs: npm run imports -- --write')
  console.log(`CONTRIBUTING.md: ${rows.length} rows`)
}

function cellsOf({ path, is, imports = [], packages = [] }: Row): readonly string[] {
  const may = [...imports, ...packages].map((each) => `\`${each.replaceAll('\\', '').replaceAll('|', ', ')}\``)
  return [`\`${path}\``, is, may.join(' ') || '–']
}

await runCommand(importTable)
