import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { readSchemas, writeSchemas } from '../schemas/schema-folder.ts'

/**
 * Runs `write`, and undoes its changes if it fails.
 * @param added paths of files or folders that do not exist yet.
 * @param changed existing files.
 * @param schemas the folder of the schemas, if it writes these.
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
  // Ctrl-C ends the child process. That makes `write` fail, and everything is restored.
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
