import { readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { readArguments, runCommand, UsageError } from './arguments.ts'

const FILE = fileURLToPath(new URL('../CONTRIBUTING.md', import.meta.url))
const HEADING = '## The map\n'

/** The end of `npm run imports`: holds the table of CONTRIBUTING.md against imports.cjs; with `--write` it writes it. */
async function importTable(): Promise<void> {
  const { write } = readArguments({}, ['write'])
  const { markdown } = createRequire(import.meta.url)('../imports.cjs') as { markdown(): string }
  const text = readFileSync(FILE, 'utf8').replaceAll('\r\n', '\n')
  const start = text.indexOf(HEADING)
  const table = /(?:^\|.*\n)+/m.exec(text.slice(start))
  if (start === -1 || table === null) throw new UsageError(`CONTRIBUTING.md has no table under "${HEADING.trim()}"`)
  const from = start + table.index
  const made = text.slice(0, from) + markdown() + text.slice(from + table[0].length)
  if (write) writeFileSync(FILE, made)
  else if (made !== text)
    throw new UsageError('CONTRIBUTING.md has another table than imports.cjs: npm run imports -- --write')
  console.log(`CONTRIBUTING.md: ${markdown().trim().split('\n').length - 2} rows`)
}

await runCommand(importTable)
