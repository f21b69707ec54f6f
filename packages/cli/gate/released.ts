import { execFileSync } from 'node:child_process'
import { UsageError } from '../command-line/arguments.ts'
import type { SchemaFiles } from '../schemas/schema-files.ts'

const FOLDER = 'schemas/'
const LARGEST = 256 * 1024 * 1024

/**
 * The files of `schemas/` as they were at a git ref.
 * @param repository any folder in the repository.
 * @throws UsageError if there is no such ref, or it has no `schemas/`.
 */
export function releasedSchemas(
  repository: string,
  ref: string,
): { readonly commit: string; readonly files: SchemaFiles } {
  const git = (args: readonly string[], input = ''): Buffer =>
    execFileSync('git', args, { cwd: repository, input, maxBuffer: LARGEST, stdio: ['pipe', 'pipe', 'pipe'] })
  const commit = findCommit(git, ref)
  const listed = git(['ls-tree', '-r', '-z', '--full-tree', '--name-only', commit, '--', FOLDER])
  const paths = listed.toString().split('\0').filter(Boolean)
  if (paths.length === 0) throw new UsageError(`${ref} has no ${FOLDER}: name a commit that has it`)
  const texts = parseBlobs(git(['cat-file', '--batch'], paths.map((path) => `${commit}:${path}\n`).join('')))
  return { commit, files: new Map(paths.map((path, index) => [path.slice(FOLDER.length), texts[index] ?? ''])) }
}

type Git = (args: readonly string[], input?: string) => Buffer

function findCommit(git: Git, ref: string): string {
  try {
    return git(['rev-parse', '--verify', '--quiet', '--end-of-options', `${ref}^{commit}`])
      .toString()
      .trim()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') throw new UsageError('git is not on PATH')
    throw new UsageError(`git knows no commit ${ref} here: fetch it first`)
  }
}

/**
 * Parses the output of `git cat-file --batch`: for each blob a line that ends with its size, then the blob.
 */
function parseBlobs(answer: Buffer): readonly string[] {
  const texts: string[] = []
  for (let at = 0; at < answer.length; ) {
    const end = answer.indexOf('\n', at)
    const size = Number(answer.toString('utf8', at, end).split(' ')[2])
    texts.push(answer.toString('utf8', end + 1, end + 1 + size))
    at = end + 1 + size + 1
  }
  return texts
}
