import { readFileSync } from 'node:fs'
import { UsageError } from '../command-line/arguments.ts'
import type { Names } from './names.ts'

interface NewFile {
  readonly path: string
  readonly text: string
}

const targets = {
  'contract.ts': ({ service }) => `src/${service}/contract.ts`,
  'events.ts': ({ service }) => `src/${service}/events.ts`,
  'aggregate.ts': ({ service, aggregate }) => `src/${service}/${aggregate}.ts`,
  'view.ts': ({ service, aggregate }) => `src/${service}/${aggregate}-view.ts`,
  'service.ts': ({ service }) => `src/${service}/service.ts`,
  'functions.ts': ({ service }) => `functions/${service}.ts`,
  'test.ts': ({ service }) => `src/${service}/${service}.test.ts`,
} as const satisfies Record<string, (names: Names) => string>

/**
 * The files of a new service.
 * @throws UsageError if two things in one of them would have the same name.
 */
export function buildFiles(names: Names): readonly NewFile[] {
  const { constant, aggregate } = names
  if (['', 'View', 'Events', 'Commands', 'Document'].some((more) => constant === aggregate + more))
    throw new UsageError(
      `${aggregate} and ${constant} would get the same name: choose another aggregate with --aggregate`,
    )
  const templates = Object.entries(targets).map(([name, target]) => ({ path: target(names), template: read(name) }))
  const words = new Set(templates.flatMap(({ template }) => template.match(/[A-Za-z]\w*/g) ?? []))
  for (const word of [constant, aggregate])
    if (words.has(word)) throw new UsageError(`${word} is a word in the code of a new service: choose another name`)
  return templates.map(({ path, template }) => ({ path, text: filled(template, names) }))
}

function read(name: string): string {
  return readFileSync(new URL(`./templates/${name}.txt`, import.meta.url), 'utf8')
}

/** Fills the names of a service into a template. */
export function filled(template: string, { service, constant, aggregate, type }: Names): string {
  return template
    .replaceAll('__service__', service)
    .replaceAll('__constant__', constant)
    .replaceAll('__aggregate__', aggregate)
    .replaceAll('__Type__', type)
}

const anyImport = /^import .* from '.*'\n/m
// On one line, or on one line for each service if that is too long.
const list = /services: \[\s*([^\]]*?),?\s*\]/m

/** Adds a service to `tidemark.config.ts`. @throws Error if the file does not have the expected form. */
export function extendedList(text: string, { service, constant }: Names): string {
  if (!anyImport.test(text) || !list.test(text))
    throw new Error('tidemark.config.ts has no list of services that can be extended')
  return text
    .replace(anyImport, (first) => `${first}import { ${constant} } from './src/${service}/service.ts'\n`)
    .replace(list, (_, services: string) => `services: [${services === '' ? '' : `${services}, `}${constant}]`)
}
