import { fileURLToPath } from 'node:url'

/** Whether this is the compiled code of a package, not a source of the repository. */
export const IS_COMPILED = !import.meta.url.endsWith('.ts')

/**
 * Returns a module's file, to run it in its own process: the source in the repository, the compiled file in a
 * package.
 * @param source the path as in an import. @param from the `import.meta.url` of the caller.
 */
export function moduleFile(source: string, from: string): string {
  const file = fileURLToPath(new URL(source, from))
  return IS_COMPILED ? file.replace(/\.ts$/, '.js') : file
}
