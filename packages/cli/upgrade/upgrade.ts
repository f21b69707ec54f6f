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

const BROKEN_OFF = 'an upgrade was broken off in the middle'

interface Options {
  /** Says what would be done, and writes nothing. */
  readonly check: boolean
  /** Overwrites what was edited of Tidemark's files, and takes over a project that has no stamp. */
  readonly force: boolean
}

/** Where `tidemark-infra` is installed. */
const INFRA = dirname(fileURLToPath(import.meta.resolve('tidemark-infra/package.json')))

/**
 * Brings a project to the installed version of Tidemark, all of it or nothing.
 * @returns whether all is well: nothing is left to do that would have been done.
 * @throws UsageError where it cannot be known what is to be done.
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
    throw new UsageError(`the project is at ${stamp.version}, and ${version} is installed, which is older: npm install`)
  const plan = await planUpgrade(project, stamp, template, renames)
  const isDone = plan.changes.length === 0 && plan.edited.length === 0
  if (check) return checked(plan, stamp, version, isDone, say)
  if (plan.edited.length > 0 && !force) return refused(plan.edited, say)
  // The stamp is the last of the changes.
  if (!isDone) makeChanges(project, [...plan.edited, ...plan.changes])
  for (const { path } of plan.edited) say(`replaced ${path}, with what you had edited`)
  for (const line of [...plan.lines, ...plan.left]) say(line)
  say(
    isDone
      ? `nothing is to be done: the project is at ${version}, as installed`
      : `the project is at ${version} now${stamp === UNKNOWN ? '' : `, and was at ${stamp.version}`}`,
  )
  return true
}

function checked(
  { changes, edited, lines, left }: Plan,
  stamp: Stamp,
  version: string,
  isDone: boolean,
  say: (line: string) => void,
): boolean {
  say(`infra/tidemark is at ${stamp.version}, ${version} is installed`)
  for (const change of [...edited, ...changes.filter(({ path }) => path !== STAMP)]) say(formatPatch(change))
  for (const { path } of edited) say(`edited   ${path}: tidemark upgrade --force would overwrite it`)
  for (const line of [...lines, ...left]) say(line)
  if (edited.length > 0) say('tidemark upgrade does nothing of this before that is settled')
  else say(isDone ? 'nothing is to be done' : 'tidemark upgrade does this')
  return isDone
}

/**
 * Nothing is written beside them, where it would be forgotten: they are shown, and Git has what `--force`
 * overwrites.
 */
function refused(edited: readonly Change[], say: (line: string) => void): boolean {
  for (const change of edited) say(formatPatch(change))
  for (const { path } of edited) say(`edited   ${path}: it is Tidemark's, and has changes of yours, shown above`)
  say('nothing was written: take your changes out, or let tidemark upgrade --force overwrite them')
  return false
}

function formatPatch({ path, before = '', after = '' }: Change): string {
  return createTwoFilesPatch(`a/${path}`, `b/${path}`, before, after, undefined, undefined, { context: 3 }).trimEnd()
}

/** @throws UsageError where the packages are not of one version: what one brings would not fit the other. */
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
      `tidemark ${version} and tidemark-cli ${template.version} are installed: npm install tidemark@${newer} tidemark-cli@${newer}`,
    )
  }
  return template
}

/**
 * What is to be said of a project that is not at the installed version; undefined: it is.
 * @throws UsageError where its stamp is not what `upgrade` writes.
 */
export function whyBehind(project: string): string | undefined {
  if (isUnfinished(project)) return BROKEN_OFF
  const [stamp, template] = [readStamp(project), readTemplate(INFRA)]
  if (stamp === undefined) return `there is no ${STAMP}`
  if (isDeepStrictEqual(stamp, buildStamp(template))) return undefined
  return stamp.version === template.version
    ? `made of another ${stamp.version} than is installed`
    : `at ${stamp.version}, ${template.version} is installed`
}

/** @returns undefined where the project has none. @throws UsageError where it is not what `upgrade` writes. */
export function readStamp(project: string): Stamp | undefined {
  const text = readText(project, STAMP)
  if (text === undefined) return undefined
  try {
    const stamp = JSON.parse(text) as Partial<Stamp>
    if (typeof stamp.version === 'string' && stamp.files && stamp.host !== undefined && stamp.settings && stamp.scripts)
      return stamp as Stamp
  } catch {
    // Told below, as is one that misses something.
  }
  throw new UsageError(
    `${STAMP} is not as Tidemark wrote it: put it back from Git, or delete it and see what is said then`,
  )
}

function unknownStamp(force: boolean): Stamp {
  if (force) return UNKNOWN
  throw new UsageError(
    `there is no ${STAMP}, so nothing says what you have edited: tidemark upgrade --force writes Tidemark's files anew`,
  )
}
