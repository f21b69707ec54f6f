import { fileURLToPath } from 'node:url'
import { readArguments, runCommand, UsageError } from './arguments.ts'
import { countedFiles, differences, schemaFiles } from './schemas/schema-files.ts'
import { readSchemas, writeSchemas } from './schemas/schema-folder.ts'
import { services } from './services.ts'

const FOLDER = fileURLToPath(new URL('../schemas', import.meta.url))

/**
 * `npm run schemas`: writes what the code declares to `schemas/`.
 * With `--check` it holds `schemas/` against the code, and with `--against REF` against what was released at a git ref, too.
 */
async function schemas(): Promise<void> {
  const { check } = readArguments({}, ['check'])
  const found = readSchemas(FOLDER)
  const made = await schemaFiles(services, found)
  if (!check) {
    const changed = writeSchemas(FOLDER, made)
    console.log(`schemas/: ${countedFiles(made)}; ${changed} files changed`)
    return
  }
  const wrong = differences(made, found)
  console.log(`schemas/: ${countedFiles(made)}; ${wrong.length} files are not as the code has them`)
  if (wrong.length > 0) throw new UsageError(`${wrong.join('\n')}\nnpm run schemas writes them`)
}

await runCommand(schemas)
