import { lstatSync, mkdirSync, readdirSync, realpathSync, symlinkSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = realpathSync(fileURLToPath(new URL('../../', import.meta.url)))

/**
 * Links the packages into a copy of the repository: installed packages from the repository, workspaces from
 * the copy itself.
 */
export function linkPackages(copy: string): void {
  const [from, to] = [join(root, 'node_modules'), join(copy, 'node_modules')]
  mkdirSync(to)
  let own = 0
  for (const name of readdirSync(from)) {
    const source = join(from, name)
    const isOwn = lstatSync(source).isSymbolicLink()
    if (isOwn) own += 1
    symlinkSync(isOwn ? join(copy, relative(root, realpathSync(source))) : source, join(to, name))
  }
  if (own === 0) throw new Error('no workspace is linked in node_modules: npm ci')
}
