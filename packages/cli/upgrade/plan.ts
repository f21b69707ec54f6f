import { globSync } from 'node:fs'
import { isDeepStrictEqual } from 'node:util'
import { UsageError } from '../command-line/arguments.ts'
import { type JsonObject, jsonText, type Merged, mergeJson } from './merge.ts'
import { type Rename, renamesBetween } from './renames.ts'
import {
  buildStamp,
  HOST,
  hashText,
  OWN_FOLDER,
  SETTINGS,
  STAMP,
  type Stamp,
  stampText,
  type Template,
} from './template.ts'
import { type Change, readText } from './write.ts'

/** The plan of an upgrade. */
export interface Plan {
  readonly changes: readonly Change[]
  /** The lines that describe the changes. */
  readonly lines: readonly string[]
  /** What is left to do by hand. */
  readonly left: readonly string[]
  /** Tidemark's files that the adopter edited, as they would be overwritten. */
  readonly edited: readonly Change[]
}

const NOTHING: Plan = { changes: [], lines: [], left: [], edited: [] }

/** The stamp of a project about which nothing is known: everything in it counts as the adopter's. */
export const UNKNOWN: Stamp = { version: '0.0.0', files: {}, host: {}, settings: [], scripts: {} }

/** Plans an upgrade. It only reads. */
export async function planUpgrade(
  project: string,
  stamp: Stamp,
  template: Template,
  renames: readonly Rename[],
): Promise<Plan> {
  const read = (path: string): string | undefined => readText(project, path)
  const parts = [
    ownFiles(read, stamp, template),
    startedFiles(read, stamp, template),
    hostJson(read, stamp, template),
    settings(read, stamp, template),
    scripts(read, stamp, template),
    await sources(project, renamesBetween(renames, stamp.version, template.version)),
    stampFile(read, stamp, template),
  ]
  return {
    changes: parts.flatMap(({ changes }) => changes),
    lines: parts.flatMap(({ lines }) => lines),
    left: parts.flatMap(({ left }) => left),
    edited: parts.flatMap(({ edited }) => edited),
  }
}

type Read = (path: string) => string | undefined

/** Tidemark's own files. One that the adopter edited stays if the new version does not change it. */
function ownFiles(read: Read, stamp: Stamp, { own }: Template): Plan {
  const paths = new Set([
    ...own.keys(),
    ...Object.keys(stamp.files).filter((path) => path.startsWith(`${OWN_FOLDER}/`)),
  ])
  const changes: Change[] = []
  const edited: Change[] = []
  const left: string[] = []
  for (const path of paths) {
    const [before, after] = [read(path), own.get(path)]
    if (isSame(before, after)) continue
    const change = { path, before, after }
    const old = stamp.files[path]
    if (before === undefined || hashText(before) === old) changes.push(change)
    else if (after !== undefined && hashText(after) === old) left.push(`kept     ${path}, which you have edited`)
    else edited.push(change)
  }
  return { ...NOTHING, changes, edited, lines: changes.map(formatChange), left }
}

/**
 * Files that belong to the adopter. An unedited file is replaced. An edited one stays, and the plan says what
 * to compare it with.
 */
function startedFiles(read: Read, stamp: Stamp, { started }: Template): Plan {
  const changes: Change[] = []
  const left: string[] = []
  for (const [path, after] of started) {
    const [before, old] = [read(path), stamp.files[path]]
    if (isSame(before, after) || hashText(after) === old) continue
    if (before === undefined ? old === undefined : hashText(before) === old) changes.push({ path, before, after })
    else left.push(`by hand  ${path} is yours, and Tidemark's has changed: compare it with ${installedAt(path)}`)
  }
  return { ...NOTHING, changes, lines: changes.map(formatChange), left }
}

function installedAt(path: string): string {
  return `node_modules/tidemark-infra/project/${path}`
}

function hostJson(read: Read, stamp: Stamp, template: Template): Plan {
  const before = read(HOST)
  if (before === undefined) return NOTHING
  return jsonPlan(HOST, before, mergeJson(stamp.host, JSON.parse(template.host), parsed(HOST, before)))
}

/** Adds missing settings. Existing values belong to this machine or to the adopter. */
function settings(read: Read, stamp: Stamp, template: Template): Plan {
  const before = read(SETTINGS)
  if (before === undefined) return NOTHING
  const mine = parsed(SETTINGS, before)
  const values = (mine.Values ?? {}) as JsonObject
  const next: JsonObject = JSON.parse(template.settings).Values
  const added = Object.entries(next).filter(([name]) => !(name in values) && !stamp.settings.includes(name))
  const changed = added.map(([name, value]) => `${name}: added, ${JSON.stringify(value)}`)
  const value = { ...mine, Values: { ...values, ...Object.fromEntries(added) } }
  return jsonPlan(SETTINGS, before, { value, changed, kept: [] })
}

function scripts(read: Read, stamp: Stamp, template: Template): Plan {
  const file = 'package.json'
  const before = read(file)
  if (before === undefined) throw new UsageError(`there is no ${file} beside the tidemark.config.ts of the project`)
  const mine = parsed(file, before)
  const merged = mergeJson(stamp.scripts, template.scripts, mine.scripts ?? {}, ['scripts'])
  return jsonPlan(file, before, { ...merged, value: { ...mine, scripts: merged.value ?? {} } })
}

function jsonPlan(path: string, before: string, { value, changed, kept }: Merged): Plan {
  return {
    changes: changed.length === 0 ? [] : [{ path, before, after: jsonText(value as JsonObject, before) }],
    lines: changed.map((line) => `merged   ${path}: ${line}`),
    left: kept.map((line) => `by hand  ${path}: ${line}`),
    edited: [],
  }
}

function parsed(path: string, text: string): JsonObject {
  try {
    return JSON.parse(text)
  } catch (error) {
    throw new UsageError(`${path} is not JSON: ${(error as Error).message}`)
  }
}

const NOT_SOURCES = new Set(['node_modules', 'dist', 'bundles'])

/** The sources of the project, with the new names. */
async function sources(project: string, renames: readonly Rename[]): Promise<Plan> {
  if (renames.length === 0) return NOTHING
  // The compiler takes a while to load.
  const { renameIn } = await import('./codemod.ts')
  const changes: Change[] = []
  const lines: string[] = []
  const isLeftOut = (path: string): boolean =>
    path.split(/[\\/]/).some((part) => NOT_SOURCES.has(part) || part.startsWith('.'))
  for (const path of globSync('**/*.{ts,tsx,mts,cts}', { cwd: project, exclude: isLeftOut }).toSorted()) {
    const before = readText(project, path) ?? ''
    let after = before
    for (const rename of renames) {
      // Skip most sources quickly: the compiler would read each again for every rename.
      if (!after.includes(rename.module) || !after.includes(rename.name)) continue
      const renamed = renameIn(after, path, rename)
      after = renamed.text
      if (renamed.places > 0)
        lines.push(`renamed  ${path}: ${rename.name} of ${rename.module} is ${rename.to}, ${renamed.places} places`)
    }
    if (after !== before) changes.push({ path: path.replaceAll('\\', '/'), before, after })
  }
  return { ...NOTHING, changes, lines }
}

/**
 * Comes last: it marks the project as upgraded. Compared by content, because a formatter may have changed it.
 */
function stampFile(read: Read, stamp: Stamp, template: Template): Plan {
  const next = buildStamp(template)
  if (isDeepStrictEqual(stamp, next)) return NOTHING
  return { ...NOTHING, changes: [{ path: STAMP, before: read(STAMP), after: stampText(next) }] }
}

function formatChange({ path, before, after }: Change): string {
  return `${before === undefined ? 'added   ' : after === undefined ? 'removed ' : 'updated '} ${path}`
}

function isSame(one: string | undefined, other: string | undefined): boolean {
  if (one === undefined || other === undefined) return one === other
  return one === other || hashText(one) === hashText(other)
}
