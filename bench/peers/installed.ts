import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { StartError } from '../../packages/kit/errors.ts'

/**
 * Installs a peer's packages by its lock file into its own folder, unless they are there.
 * @returns the main packages with their versions.
 * @throws StartError if they cannot be installed.
 */
export async function installed(folder: string): Promise<Readonly<Record<string, string>>> {
  const { dependencies } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  if (isThere(folder, dependencies)) return dependencies
  process.stderr.write('npm ci, for the peer alone …\n')
  const npm = spawn('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], {
    cwd: folder,
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  const [code] = await once(npm, 'exit')
  if (code !== 0) throw new StartError(`the peer's packages were not installed: npm ci in ${folder} ended with ${code}`)
  return dependencies
}

function isThere(folder: string, dependencies: Readonly<Record<string, string>>): boolean {
  return Object.entries(dependencies).every(([name, version]) => {
    try {
      return JSON.parse(readFileSync(join(folder, 'node_modules', name, 'package.json'), 'utf8')).version === version
    } catch {
      return false
    }
  })
}
