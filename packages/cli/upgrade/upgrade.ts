import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { isDeepStrictEqual } from 'node:util'
import { createTwoFilesPatch } from 'diff'
import { UsageError } from '../command-line/arguments.ts'
import { type Plan, planUpgrade, UNKNOWN } from './plan.ts'
import { compareVersions, renames } from './renames.ts'
import { buildStamp, readTemplate, STAMP, type Stamp, type Template } from './template.ts'
import { type Change, finishUnfinished, isUnfinished, makeChanges, readText } from './write.ts'

const BROKEN_OFF = 'an upgrade was interrupted'

interface Options {
  /** Shows what would be done, and writes nothing. */
  readonly check: boolean
  /** Overwrites edits in Tidemark's files, and accepts a project without a stamp. */
  readonly force: boolean
}

/** Where `tidemark-infra` is installed. */
const INFRA = dirname(fileURLToPath(import.meta.resolve('tidemark-infra/package.json')))

/**
 * Upgrades a project to the installed version of Tidemark. Makes all changes or none.
 * @returns whether nothing is left to do.
 * @throws UsageError if the necessary changes cannot be determined.
 */
export async function upgrade(
  project: string,
  { check, force }: Options,
  say: (line: string) => void,
): Promise<boolean> {
  const template = installedTemplate(project)
  if (isUnfinished(project)) {
    if (check) {
      say(`${BROKEN_OFF}: tidemark upgrade finishes it`)
      return false
    }
    for (const path of finishUnfinished(project)) say(`finished ${path}`)
  }
  const stamp = readStamp(project) ?? unknownStamp(force)
  const { version } = template
  if (compareVersions(version, stamp.version) < 0)
    throw new UsageError(`the project is at ${stamp.version}, but the older ${version} is installed: npm install`)
  const plan = await planUpgrade(project, stamp, template, renames)
  if (check) return checked(plan, stamp, version, say)
  if (plan.edited.length > 0 && !force) return refused(plan.edited, say)
  const done = isDone(plan)
  // The stamp is the last of the changes.
  if (!done) makeChanges(project, [...plan.edited, ...plan.changes])
  for (const { path } of plan.edited) say(`replaced ${path}, including your edits`)
  for (const line of [...plan.lines, ...plan.left]) say(line)
  say(
    done
      ? `nothing to do: the project is at ${version}, as installed`
      : `the project is at ${version} now${stamp === UNKNOWN ? '' : `, and was at ${stamp.version}`}`,
  )
  return true
}

/** Whether the plan changes nothing in the project. */
function isDone({ changes, edited }: Plan): boolean {
  return changes.length === 0 && edited.length === 0
}

function checked(plan: Plan, stamp: Stamp, version: string, say: (line: string) => void): boolean {
  const { changes, edited, lines, left } = plan
  const done = isDone(plan)
  say(`infra/tidemark is at ${stamp.version}, ${version} is installed`)
  for (const change of [...edited, ...changes.filter(({ path }) => path !== STAMP)]) say(formatPatch(change))
  for (const { path } of edited) say(`edited   ${path}: tidemark upgrade --force would overwrite it`)
  for (const line of [...lines, ...left]) say(line)
  if (edited.length > 0) say('tidemark upgrade changes nothing before that is settled')
  else say(done ? 'nothing to do' : 'tidemark upgrade does this')
  return done
}

/**
 * Shows the differences. Writes no copies beside the files, because they would be forgotten, and Git has what
 * `--force` overwrites.
 */
function refused(edited: readonly Change[], say: (line: string) => void): boolean {
  for (const change of edited) say(formatPatch(change))
  for (const { path } of edited) say(`edited   ${path}: it is Tidemark's, and has your changes, shown above`)
  say('nothing was written: undo your changes, or let tidemark upgrade --force overwrite them')
  return false
}

function formatPatch({ path, before = '', after = '' }: Change): string {
  return createTwoFilesPatch(`a/${path}`, `b/${path}`, before, after, undefined, undefined, { context: 3 }).trimEnd()
}

/** @throws UsageError if the packages have different versions, because they would not fit each other. */
function installedTemplate(project: string): Template {
  const template = readTemplate(INFRA)
  const resolve = createRequire(join(project, 'package.json')).resolve
  let framework: string
  try {
    framework = resolve('tidemark/package.json')
  } catch {
    throw new UsageError('tidemark is not installed in the project: npm install')
  }
  const { version } = JSON.parse(readFileSync(framework, 'utf8'))
  if (version !== template.version) {
    const newer = compareVersions(version, template.version) > 0 ? version : template.version
    throw new UsageError(
      `tidemark ${version} and tidemark-cli ${template.version} are installed: ` +
        `npm install tidemark@${newer} tidemark-cli@${newer}`,
    )
  }
  return template
}

/**
 * Why a project is not at the installed version; undefined if it is.
 * @throws UsageError if its stamp is not what `upgrade` writes.
 */
export function whyBehind(project: string): string | undefined {
  if (isUnfinished(project)) return BROKEN_OFF
  const [stamp, template] = [readStamp(project), readTemplate(INFRA)]
  if (stamp === undefined) return `there is no ${STAMP}`
  if (isDeepStrictEqual(stamp, buildStamp(template))) return undefined
  return stamp.version === template.version
    ? `created from another build of ${stamp.version} than is installed`
    : `at ${stamp.version}, ${template.version} is installed`
}

/** @returns undefined if the project has none. @throws UsageError if it is not what `upgrade` writes. */
function readStamp(project: string): Stamp | undefined {
  const text = readText(project, STAMP)
  if (text === undefined) return undefined
  try {
    const stamp = JSON.parse(text) as Partial<Stamp>
    if (typeof stamp.version === 'string' && stamp.files && stamp.host !== undefined && stamp.settings && stamp.scripts)
      return stamp as Stamp
  } catch {
    // Reported below, as is an incomplete stamp.
  }
  throw new UsageError(
    `${STAMP} is not as Tidemark wrote it: restore it from Git, or delete it and run the command again`,
  )
}

function unknownStamp(force: boolean): Stamp {
  if (force) return UNKNOWN
  throw new UsageError(
    `there is no ${STAMP}, so your edits are not known: tidemark upgrade --force overwrites Tidemark's files`,
  )
}
