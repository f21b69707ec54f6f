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

/** The files that are published, and folders where nothing else of the repository can be found. */
export class Packed {
  readonly folder = mkdtempSync(join(tmpdir(), 'tidemark-packed-'))
  readonly #files = new Map<string, string>()

  /**
   * @param folders of packages/, each packed once. Their types are held by `npm run check`: what is made is
   * the same.
   */
  async pack(...folders: readonly string[]): Promise<void> {
    for (const folder of folders)
      this.#files.set(folder, await packPackage(folder, join(this.folder, 'packed'), ['--noCheck']))
  }

  get folders(): readonly string[] {
    return [...this.#files.keys()]
  }

  /** What is published of a package, as it is. */
  readBytes(folder: string): Buffer {
    return readFileSync(this.#files.get(folder) ?? '')
  }

  /** Puts a package where npm would put it. */
  unpack(folder: string, target: string): PackedManifest {
    return unpack(this.#files.get(folder) ?? '', target)
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}

/** Puts a packed file where npm would put it. */
export function unpack(file: string, target: string): PackedManifest {
  mkdirSync(target, { recursive: true })
  execFileSync('tar', ['-xzf', file, '-C', target, '--strip-components=1'])
  return manifestIn(target)
}

export function manifestIn(folder: string): PackedManifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
}

/** Puts packages into a folder's node_modules: the repository's own, and no other. What is there already stays. */
export function linkNamed(folder: string, names: Iterable<string>): void {
  for (const name of new Set(names)) {
    const target = join(folder, 'node_modules', name)
    if (existsSync(target)) continue
    mkdirSync(dirname(target), { recursive: true })
    symlinkSync(join(root, 'node_modules', name), target)
  }
}

type Named = Partial<Pick<PackedManifest, 'dependencies' | 'devDependencies' | 'peerDependencies'>>

/** What a package depends on. */
export const namesIn = ({ dependencies = {}, devDependencies = {}, peerDependencies = {} }: Named): readonly string[] =>
  Object.keys({ ...dependencies, ...devDependencies, ...peerDependencies })
