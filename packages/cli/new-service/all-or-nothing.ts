import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { readSchemas, writeSchemas } from '../schemas/schema-folder.ts'

/**
 * Does something that writes, and where it fails leaves all as it was.
 * @param added paths, files or folders, that are not there yet.
 * @param changed files that are there.
 * @param schemas the folder of the schemas, where it writes those.
 */
export function allOrNothing(
  {
    added,
    changed,
    schemas,
  }: { readonly added: readonly string[]; readonly changed: readonly string[]; readonly schemas?: string },
  write: () => void,
): void {
  const before = changed.map((path) => ({ path, text: existsSync(path) ? readFileSync(path) : undefined }))
  const schemasBefore = schemas === undefined ? undefined : readSchemas(schemas)
  // Ctrl-C ends what is being run, which then fails, and all is put back.
  const ignore = (): void => {}
  process.on('SIGINT', ignore)
  try {
    write()
  } catch (error) {
    for (const path of added) rmSync(path, { recursive: true, force: true })
    for (const { path, text } of before) if (text !== undefined) writeFileSync(path, text)
    if (schemas !== undefined && schemasBefore !== undefined) writeSchemas(schemas, schemasBefore)
    throw error
  } finally {
    process.off('SIGINT', ignore)
  }
}
