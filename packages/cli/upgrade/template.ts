import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import type { Json } from './merge.ts'

/** The folder of Tidemark's own files in a project. A newer version replaces them. */
export const OWN_FOLDER = 'infra/tidemark'
/** The file that records the version of a project. */
export const STAMP = `${OWN_FOLDER}/version.json`
export const HOST = 'host.json'
export const SETTINGS = 'local.settings.sample.json'

/** The files of a project besides its code, in one version of the package `tidemark-infra`. */
export interface Template {
  readonly version: string
  /** The texts of Tidemark's own files, by their paths in a project. */
  readonly own: ReadonlyMap<string, string>
  /** The texts of the files that a project begins with. From then on they belong to the project. */
  readonly started: ReadonlyMap<string, string>
  /** The texts of `host.json` and of the sample of the local settings. */
  readonly host: string
  readonly settings: string
  /** The scripts of `package.json`. */
  readonly scripts: Readonly<Record<string, string>>
}

/** The template that a project was created from or last upgraded to. It reveals the adopter's edits. */
export interface Stamp {
  readonly version: string
  /** The SHA-256 of each file, by its path in the project. */
  readonly files: Readonly<Record<string, string>>
  readonly host: Json
  /** The names of the settings in the sample. */
  readonly settings: readonly string[]
  readonly scripts: Readonly<Record<string, string>>
}

/**
 * Reads the template of a version.
 * @param folder the folder of the package. In the repository the files that a project begins with are those
 * of the root, which is a project like any other.
 */
export function readTemplate(folder: string): Template {
  const project = existsSync(join(folder, 'project')) ? join(folder, 'project') : join(folder, '../..')
  const read = (path: string): string => readFileSync(join(project, path), 'utf8')
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'))
  const { files, scripts } = readProjectFiles(folder)
  return {
    version,
    own: new Map(ownFiles(join(folder, 'tidemark'))),
    started: new Map(files.map((path) => [path, read(path)])),
    host: read(HOST),
    settings: read(SETTINGS),
    scripts,
  }
}

/** The files and scripts that `project.json` of the package lists. */
export function readProjectFiles(folder: string): {
  readonly files: readonly string[]
  readonly scripts: Readonly<Record<string, string>>
} {
  return JSON.parse(readFileSync(join(folder, 'project.json'), 'utf8'))
}

function ownFiles(folder: string): readonly (readonly [path: string, text: string])[] {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
  if (files.length === 0) throw new Error(`${folder} has no files`)
  return files
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted()
    .map((file) => [`${OWN_FOLDER}/${relative(folder, file).replaceAll('\\', '/')}`, readFileSync(file, 'utf8')])
}

export function buildStamp({ version, own, started, host, settings, scripts }: Template): Stamp {
  return {
    version,
    files: Object.fromEntries([...own, ...started].map(([path, text]) => [path, hashText(text)])),
    host: JSON.parse(host),
    settings: Object.keys(JSON.parse(settings).Values),
    scripts,
  }
}

/** Ignores line ends, because Git may write a file with those of the machine. */
export function hashText(text: string): string {
  return createHash('sha256').update(text.replaceAll('\r\n', '\n')).digest('hex')
}

/** The text of the stamp file. */
export function stampText(stamp: Stamp): string {
  return `${JSON.stringify(stamp, null, 2)}\n`
}
