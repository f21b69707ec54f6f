import { existsSync, globSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { runCommand } from '../command-line/arguments.ts'
import { PROJECT } from './project.ts'

/**
 * The last step of `npm run build`: removes files from `dist/` whose source is gone. The compiler leaves
 * them, and the Functions host would load a deleted function. The console's own build removes the console's
 * files.
 * @returns the removed files, as paths from the root.
 */
export function removeStale(root: string): readonly string[] {
  const stale = globSync('dist/**/*.js', { cwd: root, exclude: ['dist/console/**'] }).filter((path) => {
    const source = path.replace(/^dist[\\/]/, '').replace(/\.js$/, '.ts')
    return !/^(functions|src)[\\/]/.test(source) || !existsSync(join(root, source))
  })
  for (const path of stale) for (const file of [path, `${path}.map`]) rmSync(join(root, file), { force: true })
  return stale
}

/** Prints the removed files in one line. */
export function reportStale([first, ...more]: readonly string[]): void {
  if (first === undefined) return
  const what = more.length > 0 ? `${first} and ${more.length} more files: their sources are` : `${first}: its source is`
  console.log(`removed ${what} gone`)
}

if (import.meta.main) await runCommand(async () => reportStale(removeStale(PROJECT)))
