import { existsSync, globSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { runCommand } from './arguments.ts'

const ROOT = fileURLToPath(new URL('../../', import.meta.url))

/**
 * The last step of `npm run build`: removes from `dist/` what has no source any more. The compiler leaves it, and the Functions host would
 * load a function that was deleted.
 * The console's files are not among them: what builds them removes them.
 * @returns what was removed, from the root.
 */
export function removeStale(root: string): readonly string[] {
  const stale = globSync('dist/**/*.js', { cwd: root, exclude: ['dist/console/**'] }).filter((path) => {
    const source = path.replace(/^dist[\\/]/, '').replace(/\.js$/, '.ts')
    return !existsSync(join(root, source))
  })
  for (const path of stale) for (const file of [path, `${path}.map`]) rmSync(join(root, file), { force: true })
  return stale
}

if (import.meta.main)
  await runCommand(async () => {
    for (const path of removeStale(ROOT)) console.log(`removed ${path}: it has no source any more`)
  })
