import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { packPackage } from '../pack.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))

export interface PackedManifest {
  readonly name: string
  readonly version: string
  readonly exports: Readonly<Record<string, string | { readonly types?: string; readonly default: string }>>
  readonly bin?: Readonly<Record<string, string>>
  readonly sideEffects?: readonly string[]
  readonly dependencies?: Readonly<Record<string, string>>
  readonly devDependencies?: Readonly<Record<string, string>>
  readonly peerDependencies?: Readonly<Record<string, string>>
  readonly [field: string]: unknown
}

/** The published files, and folders that contain nothing else of the repository. */
export class Packed {
  readonly folder = mkdtempSync(join(tmpdir(), 'tidemark-packed-'))
  readonly #files = new Map<string, string>()

  /**
   * @param folders folders of packages/, each packed once. `npm run check` checks their types, and the output
   * is the same.
   */
  async pack(...folders: readonly string[]): Promise<void> {
    for (const folder of folders)
      this.#files.set(folder, await packPackage(folder, join(this.folder, 'packed'), ['--noCheck']))
  }

  get folders(): readonly string[] {
    return [...this.#files.keys()]
  }

  /** The published file of a package. */
  readBytes(folder: string): Buffer {
    return readFileSync(this.#files.get(folder) ?? '')
  }

  /** Unpacks a package where npm would put it. */
  unpack(folder: string, target: string): PackedManifest {
    return unpack(this.#files.get(folder) ?? '', target)
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** Unpacks a packed file where npm would put it. */
export function unpack(file: string, target: string): PackedManifest {
  mkdirSync(target, { recursive: true })
  execFileSync('tar', ['-xzf', file, '-C', target, '--strip-components=1'])
  return manifestIn(target)
}

export function manifestIn(folder: string): PackedManifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
}

/** Links the repository's packages into a folder's node_modules. Existing ones stay. */
export function linkNamed(folder: string, names: Iterable<string>): void {
  for (const name of new Set(names)) {
    const target = join(folder, 'node_modules', name)
    if (existsSync(target)) continue
    mkdirSync(dirname(target), { recursive: true })
    symlinkSync(join(root, 'node_modules', name), target)
  }
}

type Named = Partial<Pick<PackedManifest, 'dependencies' | 'devDependencies' | 'peerDependencies'>>

/** The names of a package's dependencies. */
export const namesIn = ({ dependencies = {}, devDependencies = {}, peerDependencies = {} }: Named): readonly string[] =>
  Object.keys({ ...dependencies, ...devDependencies, ...peerDependencies })
