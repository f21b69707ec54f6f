import { fileURLToPath } from 'node:url'

/** Whether this is what a package has, and no source of the repository. */
export const IS_COMPILED = !import.meta.url.endsWith('.ts')

/**
 * The file of a module, for a process of its own: in the repository the source, in a package what is compiled of it.
 * @param source as an import would name it, @param from the `import.meta.url` of whoever names it.
 */
export function moduleFile(source: string, from: string): string {
  const file = fileURLToPath(new URL(source, from))
  return IS_COMPILED ? file.replace(/\.ts$/, '.js') : file
}
