import { existsSync, globSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { runCommand } from '../command-line/arguments.ts'
import { PROJECT } from './project.ts'

/**
 * The last step of `npm run build`: removes from `dist/` what has no source any more. The compiler leaves it,
 * and the Functions host would load a function that was deleted. The console's files are not among them: what
 * builds them removes them.
 * @returns what was removed, from the root.
 */
export function removeStale(root: string): readonly string[] {
  const stale = globSync('dist/**/*.js', { cwd: root, exclude: ['dist/console/**'] }).filter((path) => {
    const source = path.replace(/^dist[\\/]/, '').replace(/\.js$/, '.ts')
    return !/^(functions|src)[\\/]/.test(source) || !existsSync(join(root, source))
  })
  for (const path of stale) for (const file of [path, `${path}.map`]) rmSync(join(root, file), { force: true })
  return stale
}

/** In one line. */
export function reportStale([first, ...more]: readonly string[]): void {
  if (first === undefined) return
  const what = more.length > 0 ? `${first} and ${more.length} more files: they have` : `${first}: it has`
  console.log(`removed ${what} no source any more`)
}

if (import.meta.main) await runCommand(async () => reportStale(removeStale(PROJECT)))
