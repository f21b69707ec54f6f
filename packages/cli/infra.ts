import { execFileSync } from 'node:child_process'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readArguments, runCommand, UsageError } from './command-line/arguments.ts'
import { findBicep, NoBicep } from './infra/bicep.ts'
import { bicepFiles, countOfResources, lintFiles, shapeFiles, snapshot, toSnapshotFile } from './infra/template.ts'

const BIOME = fileURLToPath(new URL('../../node_modules/@biomejs/biome/bin/biome', import.meta.url))
const FOLDER = fileURLToPath(new URL('../../infra', import.meta.url))

/**
 * `npm run infra [-- --write]`: compiles and lints the template, and compares the snapshot of each shape with
 * what it deploys now. With --write it writes the snapshots, to be reviewed as a diff.
 */
async function infra(): Promise<void> {
  const { write } = readArguments({}, ['write'])
  const bicep = await findBicep().catch((error: unknown) => {
    throw error instanceof NoBicep ? new UsageError(error.message) : error
  })
  console.log(`bicep ${bicep.version}`)
  const wrong = [...(await lintFiles(bicep, FOLDER))]
  const files = bicepFiles(FOLDER).length
  if (wrong.length > 0)
    throw new UsageError([...wrong, `failed: ${wrong.length} diagnostics in ${files} files`].join('\n'))
  console.log(`infra/: ${files} files compiled and linted`)
  for (const file of shapeFiles(FOLDER)) {
    const path = join(FOLDER, file)
    const difference = await snapshot(bicep, path, write ? 'overwrite' : 'validate')
    if (write && !difference) await tidy(toSnapshotFile(path))
    if (difference) wrong.push(difference)
    else console.log(`infra/${toSnapshotFile(file)}: ${await countOfResources(toSnapshotFile(path))} resources`)
  }
  if (wrong.length > 0)
    throw new UsageError([...wrong, 'npm run infra -- --write writes the snapshots: review what changes'].join('\n'))
}

/**
 * Sorts the outputs and formats the file. Bicep writes outputs in any order, so that a snapshot could differ
 * without a change, and in a format that npm run check refuses.
 */
async function tidy(file: string): Promise<void> {
  const { outputs, ...others } = JSON.parse(await readFile(file, 'utf8')) as { outputs: object }
  const sorted = Object.fromEntries(Object.entries(outputs).toSorted(([a], [b]) => (a < b ? -1 : 1)))
  await writeFile(file, JSON.stringify({ ...others, outputs: sorted }, null, 2))
  execFileSync(process.execPath, [BIOME, 'format', '--write', file], { stdio: 'pipe' })
}

await runCommand(infra)
