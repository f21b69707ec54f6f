import { execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { linkPackages } from './linked-packages.ts'

const root = fileURLToPath(new URL('../../', import.meta.url))
/** The folders that a build writes. */
const BUILT = ['dist', 'packages/tidemark/dist']

/**
 * A copy of the repository that a test may write to: all files that git tracks or would track, and the
 * packages.
 */
export class RepositoryCopy {
  readonly folder = mkdtempSync(join(tmpdir(), 'tidemark-copy-'))

  constructor() {
    const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: root })
    const files = listed
      .toString()
      .split('\0')
      .filter((file) => file !== '' && existsSync(join(root, file)))
    if (files.length < 100) throw new Error(`only ${files.length} files of the repository were found`)
    for (const file of files) {
      mkdirSync(dirname(join(this.folder, file)), { recursive: true })
      cpSync(join(root, file), join(this.folder, file))
    }
    linkPackages(this.folder)
  }

  /** Copies what `npm run build` and `npm run types` have written, so that they only do what a test changes. */
  copyBuild(): void {
    for (const folder of BUILT) {
      if (!existsSync(join(root, folder))) throw new Error(`${folder} is missing: npm run build`)
      cpSync(join(root, folder), join(this.folder, folder), { recursive: true })
    }
  }

  path(file: string): string {
    return join(this.folder, file)
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true })
  }
}
