import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isDeepStrictEqual } from 'node:util'
import { createTwoFilesPatch } from 'diff'
import { readArguments, runCommand, UsageError } from './command-line/arguments.ts'
import { findBicep, NoBicep } from './infra/bicep.ts'
import { Compiler } from './infra/compiler.ts'
import { takeSnapshots } from './infra/snapshot.ts'
import { compileFiles, SAMPLE_ENVIRONMENT } from './infra/template.ts'

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
  const compiler = new Compiler(bicep, SAMPLE_ENVIRONMENT)
  try {
    const { files, messages } = await compileFiles(compiler, FOLDER)
    if (messages.length > 0)
      throw new UsageError([...messages, `failed: ${messages.length} diagnostics in ${files.length} files`].join('\n'))
    console.log(`infra/: ${files.length} files compiled and linted`)
    const wrong: string[] = []
    for (const [file, { content, resources }] of await takeSnapshots(compiler, FOLDER)) {
      const difference = write ? writeSnapshot(file, content) : compareSnapshot(file, content)
      if (difference) wrong.push(difference)
      else console.log(`infra/${file}: ${resources} resources`)
    }
    if (wrong.length > 0)
      throw new UsageError([...wrong, 'npm run infra -- --write writes the snapshots: review what changes'].join('\n'))
  } finally {
    await compiler.stop()
  }
}

/** Writes the file in the format that npm run check requires. */
function writeSnapshot(file: string, content: unknown): undefined {
  const path = join(FOLDER, file)
  writeFileSync(path, JSON.stringify(content, null, 2))
  execFileSync(process.execPath, [BIOME, 'format', '--write', path], { stdio: 'pipe' })
}

/** @returns the lines that differ; undefined if the file has this content. */
function compareSnapshot(file: string, content: unknown): string | undefined {
  const path = join(FOLDER, file)
  const committed: unknown = existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : {}
  if (isDeepStrictEqual(committed, content)) return undefined
  const lines = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`
  return createTwoFilesPatch(`infra/${file}`, 'what it deploys now', lines(committed), lines(content))
}

await runCommand(infra)
