import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readArguments, runCommand, UsageError } from './arguments.ts'
import { findBicep, NoBicep } from './infra/bicep.ts'
import { bicepFiles, countOfResources, diagnosticsOf, shapeFiles, snapshot, snapshotOf } from './infra/template.ts'

const FOLDER = fileURLToPath(new URL('../infra', import.meta.url))

/**
 * `npm run infra [-- --write]`: compiles and lints the template, and holds the snapshot of each shape against what it deploys now; with --write
 * it writes the snapshots, to be reviewed as a diff.
 */
async function infra(): Promise<void> {
  const { write } = readArguments({}, ['write'])
  const bicep = await findBicep().catch((error: unknown) => {
    throw error instanceof NoBicep ? new UsageError(error.message) : error
  })
  console.log(`bicep ${bicep.version}`)
  const wrong = [...(await diagnosticsOf(bicep, FOLDER))]
  const files = bicepFiles(FOLDER).length
  if (wrong.length > 0)
    throw new UsageError([...wrong, `failed: ${wrong.length} diagnostics in ${files} files`].join('\n'))
  console.log(`infra/: ${files} files compiled and linted`)
  for (const file of shapeFiles(FOLDER)) {
    const path = join(FOLDER, file)
    const difference = await snapshot(bicep, path, write ? 'overwrite' : 'validate')
    if (difference) wrong.push(difference)
    else console.log(`infra/${snapshotOf(file)}: ${await countOfResources(snapshotOf(path))} resources`)
  }
  if (wrong.length > 0)
    throw new UsageError([...wrong, 'npm run infra -- --write writes the snapshots: review what changes'].join('\n'))
}

await runCommand(infra)
