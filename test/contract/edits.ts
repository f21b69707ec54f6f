import assert from 'node:assert/strict'
import { fileURLToPath } from 'node:url'
import { compareSchemas } from '../../packages/cli/gate/compare.ts'
import type { Report } from '../../packages/cli/gate/report.ts'
import { services } from '../../packages/cli/project/config.ts'
import { buildSampleReader, type SchemaFiles } from '../../packages/cli/schemas/schema-files.ts'
import { readSchemas } from '../../packages/cli/schemas/schema-folder.ts'

// biome-ignore lint/suspicious/noExplicitAny: a file's JSON, edited field by field.
type Json = any

/** Reads samples as the code does. */
export const readOn = buildSampleReader(services)

/** The committed files of `schemas/`. */
export const committedSchemas: SchemaFiles = readSchemas(fileURLToPath(new URL('../../schemas', import.meta.url)))

/** Edits a copy of a `schemas/` folder. */
export class Edits {
  readonly files: Map<string, string>

  constructor(files: SchemaFiles) {
    this.files = new Map(files)
  }

  /** Changes the JSON of a file in place. @throws Error if the file does not exist. */
  edit(file: string, change: (json: Json) => void): this {
    const json = JSON.parse(this.#text(file))
    change(json)
    this.files.set(file, JSON.stringify(json))
    return this
  }

  remove(...files: readonly string[]): this {
    for (const file of files) {
      this.#text(file)
      this.files.delete(file)
    }
    return this
  }

  /** Adds a file that is made from another. */
  add(file: string, from: string, change: (json: Json) => void): this {
    this.files.set(file, this.#text(from))
    return this.edit(file, change)
  }

  /** Adds the next version of an event, in the log and in the contract if it is in both. */
  nextVersion(event: string, change: 'additive' | 'breaking', edit: (json: Json) => void): this {
    const [service = '', type = ''] = event.split('/')
    const roles = ['events', 'contract'].filter((role) => this.files.has(`${service}/${role}/${type}.v1.json`))
    for (const role of roles) {
      let newest = 1
      while (this.files.has(`${service}/${role}/${type}.v${newest + 1}.json`)) newest += 1
      this.add(
        `${service}/${role}/${type}.v${newest + 1}.json`,
        `${service}/${role}/${type}.v${newest}.json`,
        (json) => {
          json['x-version'] = newest + 1
          json['x-change'] = change
          if (change === 'breaking') json['x-readable-from'] = newest + 1
          edit(json)
        },
      )
    }
    return this
  }

  #text(file: string): string {
    const text = this.files.get(file)
    if (text === undefined) throw new Error(`${file} does not exist`)
    return text
  }
}

/** The gate's report on an edit. */
export function gateAfter(released: SchemaFiles, edit: (edits: Edits) => unknown): Report {
  const edits = new Edits(released)
  edit(edits)
  return compareSchemas(released, edits.files, readOn)
}

/** Asserts that exactly one change is refused, by this line. */
export function assertRefused({ refused }: Report, expected: RegExp): void {
  assert.equal(refused.length, 1, refused.join('\n') || 'it passed')
  assert.match(refused[0] ?? '', expected)
}
