import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../../../', import.meta.url))

/** As much of a manifest as says what a package names. */
interface Manifest {
  readonly version: string
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
}

/** Puts a packed file where npm would. @returns its manifest. */
export function unpack(file: string, target: string): Manifest {
  mkdirSync(target, { recursive: true })
  execFileSync('tar', ['-xzf', file, '-C', target, '--strip-components=1'])
  return manifestIn(target)
}

export function manifestIn(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
}

/** What packages name is linked into a folder from the repository's own, and nothing else. No network is asked. */
export function linkDependencies(folder: string, manifests: readonly Manifest[]): void {
  const names = manifests.flatMap(({ dependencies = {}, devDependencies = {}, peerDependencies = {} }) =>
    Object.keys({ ...dependencies, ...devDependencies, ...peerDependencies }),
  )
  for (const name of new Set(names)) {
    const target = join(folder, 'node_modules', name)
    if (existsSync(target)) continue
    mkdirSync(dirname(target), { recursive: true })
    symlinkSync(join(root, 'node_modules', name), target)
  }
}
