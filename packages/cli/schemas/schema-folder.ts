import { mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { SchemaFiles } from './schema-files.ts'

/** All files below a folder; none if the folder does not exist yet. */
export function readSchemas(folder: string): SchemaFiles {
  try {
    return new Map(
      readdirSync(folder, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => join(entry.parentPath, entry.name))
        .map((path) => [path.slice(folder.length + 1).replaceAll('\\', '/'), readFileSync(path, 'utf8')] as const)
        .toSorted(([a], [b]) => (a < b ? -1 : 1)),
    )
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return new Map()
    throw error
  }
}

/**
 * Writes new and changed files, and removes all others, with the folders that become empty.
 * @returns the number of files it changed.
 */
export function writeSchemas(folder: string, files: SchemaFiles): number {
  const found = readSchemas(folder)
  const changed = [...files].filter(([file, text]) => found.get(file) !== text)
  for (const [file, text] of changed) {
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    writeFileSync(join(folder, file), text)
  }
  const stray = [...found.keys()].filter((file) => !files.has(file))
  for (const file of stray) {
    rmSync(join(folder, file))
    for (let at = dirname(file); at !== '.' && readdirSync(join(folder, at)).length === 0; at = dirname(at))
      rmdirSync(join(folder, at))
  }
  return changed.length + stray.length
}
