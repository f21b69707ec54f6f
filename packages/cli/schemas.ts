import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { readArguments, runCommand, UsageError } from './command-line/arguments.ts'
import { compareSchemas } from './gate/compare.ts'
import { releasedSchemas } from './gate/released.ts'
import { services } from './project/config.ts'
import { PROJECT } from './project/project.ts'
import { withRefusals } from './schemas/refusals.ts'
import { buildSampleReader, countedFiles, differences, type SchemaFiles, schemaFiles } from './schemas/schema-files.ts'
import { readSchemas, writeSchemas } from './schemas/schema-folder.ts'

const FOLDER = join(PROJECT, 'schemas')
const ERRORS = join(PROJECT, 'docs/errors.md')

/**
 * `npm run schemas`: writes what the code declares to `schemas/`, and the refusals of its deciders to
 * docs/errors.md. With `--check` it compares them with the code instead. With `--against REF` it also
 * compares the code with the schemas released at a git ref.
 */
async function schemas(): Promise<void> {
  const { check, against } = readArguments({}, ['check'], ['against'])
  if (against.length > 1) throw new UsageError('--against takes one commit')
  if (against.length > 0 && !check) throw new UsageError('--against needs --check')
  const released = against.map((ref) => ({ ref, ...releasedSchemas(PROJECT, ref) }))
  const found = readSchemas(FOLDER)
  const made = await schemaFiles(services, found)
  // A clone may have the line ends of Windows.
  const errors = existsSync(ERRORS) ? readFileSync(ERRORS, 'utf8').replaceAll('\r\n', '\n') : undefined
  const documented = errors === undefined ? undefined : withRefusals(errors, services)
  if (!check) {
    const changed = writeSchemas(FOLDER, made)
    if (documented !== undefined && documented !== errors) writeFileSync(ERRORS, documented)
    console.log(`schemas/: ${countedFiles(made)}; ${changed} files changed`)
    return
  }
  const wrong = [
    ...differences(made, found),
    ...(documented === errors ? [] : ['docs/errors.md: the refusals of the domain']),
  ]
  console.log(`schemas/: ${countedFiles(made)}; ${wrong.length} files differ from the code`)
  const refused = released.flatMap(({ ref, commit, files }) => compared(`${ref} (${commit.slice(0, 12)})`, files, made))
  if (wrong.length > 0) throw new UsageError([...wrong, 'npm run schemas writes them', ...refused].join('\n'))
  if (refused.length > 0)
    throw new UsageError([...refused, `failed: ${refused.length} incompatible changes`].join('\n'))
}

/** Compares with a release, and prints the changes that are allowed. @returns those that are not. */
function compared(release: string, released: SchemaFiles, made: SchemaFiles): readonly string[] {
  const { refused, breaking, notices, counted } = compareSchemas(released, made, buildSampleReader(services))
  const { versions, samples, operations } = counted
  console.log(
    `since ${release}: compared ${versions} versions of events, ${samples} samples, ${operations} HTTP operations`,
  )
  for (const line of [...breaking, ...notices]) console.log(line)
  if (versions === 0 || samples === 0 || operations === 0) throw new UsageError('failed: there was nothing to compare')
  return refused
}

await runCommand(schemas)
