import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { UsageError } from '../command-line/arguments.ts'
import { allOrNothing } from '../new-service/all-or-nothing.ts'
import { OWN_FOLDER } from './template.ts'

/** A change of a file. An undefined text means that there is no file. */
export interface Change {
  /** Relative to the project. */
  readonly path: string
  readonly before: string | undefined
  readonly after: string | undefined
}

/** The journal of all changes. It is written before the first one, and removed after the last. */
const JOURNAL = `${OWN_FOLDER}/unfinished.json`

/**
 * Makes all changes, or none if one fails. If the process is killed midway, the journal remains, and
 * `finishUnfinished` makes the rest.
 */
export function makeChanges(project: string, changes: readonly Change[]): void {
  const files = changes.map(({ path, before }) => ({ file: join(project, path), isThere: before !== undefined }))
  const named = (isThere: boolean): string[] => files.filter((each) => each.isThere === isThere).map(({ file }) => file)
  const journal = join(project, JOURNAL)
  replace(journal, JSON.stringify(changes.map(({ path, before = null, after = null }) => ({ path, before, after }))))
  try {
    allOrNothing({ added: [...named(false), ...files.map(({ file }) => beside(file))], changed: named(true) }, () => {
      for (const change of changes) make(project, change)
    })
  } catch (error) {
    // Undoing can fail too. The journal then remains as a record.
    if (changes.every(({ path, before }) => readText(project, path) === before)) rmSync(journal)
    throw error
  }
  rmSync(journal)
}

/** Whether an upgrade was interrupted. */
export function isUnfinished(project: string): boolean {
  return existsSync(join(project, JOURNAL))
}

/**
 * Finishes an interrupted upgrade.
 * @returns the paths of all its files.
 * @throws UsageError if one of them was edited since. Then nothing is written.
 */
export function finishUnfinished(project: string): readonly string[] {
  const changes = readJournal(project)
  for (const { path, before, after } of changes) {
    const now = readText(project, path)
    if (now !== before && now !== after)
      throw new UsageError(
        `an upgrade was interrupted, and ${path} was edited since: restore it, or delete ${JOURNAL} to keep all files`,
      )
  }
  for (const change of changes) make(project, change)
  rmSync(join(project, JOURNAL))
  return changes.map(({ path }) => path)
}

function readJournal(project: string): readonly Change[] {
  const read = JSON.parse(readFileSync(join(project, JOURNAL), 'utf8')) as readonly {
    readonly path: string
    readonly before: string | null
    readonly after: string | null
  }[]
  return read.map(({ path, before, after }) => ({ path, before: before ?? undefined, after: after ?? undefined }))
}

/** The text of a file of the project; undefined if there is none. */
export function readText(project: string, path: string): string | undefined {
  const file = join(project, path)
  return existsSync(file) ? readFileSync(file, 'utf8') : undefined
}

function make(project: string, { path, after }: Change): void {
  const file = join(project, path)
  if (after === undefined) rmSync(file, { force: true })
  else if (readText(project, path) !== after) replace(file, after)
}

/** Replaces a file by a rename, so that it is never there in part. */
function replace(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true })
  const mode = existsSync(file) ? statSync(file).mode : undefined
  writeFileSync(beside(file), text, { flush: true, ...(mode === undefined ? {} : { mode }) })
  renameSync(beside(file), file)
}

function beside(file: string): string {
  return `${file}.tidemark-upgrade`
}
