import { readFile, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { readArguments, runCommand } from './command-line/arguments.ts'
import { withSettingsTable } from './settings/table.ts'

const DOCUMENT = fileURLToPath(new URL('../../docs/deploy.md', import.meta.url))

/** `npm run settings`: writes the table of settings of docs/deploy.md. */
async function settings(): Promise<void> {
  readArguments({}, [])
  await writeFile(DOCUMENT, withSettingsTable(await readFile(DOCUMENT, 'utf8')))
  console.log('docs/deploy.md: wrote the table of settings from packages/tidemark/settings/list.ts')
}

await runCommand(settings)
