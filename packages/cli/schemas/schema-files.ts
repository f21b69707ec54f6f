import { type EventType, type Service, TidemarkError } from 'tidemark'
import { eventReader, findEventFaults } from 'tidemark/tools'
import { buildAsyncApi } from './asyncapi.ts'
import { type DeclaredEvent, declaredEvents, versionName } from './event-schema.ts'
import { formatJson, isObject, type JsonObject } from './json.ts'
import { mergeOpenApi } from './openapi.ts'
import { listMergedSchemas, listStoredVersions, type SchemaFiles } from './released-events.ts'
import { buildSamples, type ReadOn } from './samples.ts'

export type { SchemaFiles } from './released-events.ts'

/**
 * The files of `schemas/`, generated from the services' declarations:
 * - `<service>/events/<Type>.v<N>.json`: each version of the private events;
 * - `<service>/contract/<Type>.v<N>.json`: each version of the public events;
 * - `<Type>.v<N>-v<M>.json` beside them: the schema that merged versions are read with;
 * - `<service>/samples/…`: golden samples of both. The contract has its own if the two events differ;
 * - `<service>/asyncapi.json`, `openapi.json`.
 * @param before the current files of `schemas/`. The data of their samples stay, and so do the schemas of
 *   former names, retired types and merged versions.
 * @throws Error if two declarations have one name.
 */
export async function schemaFiles(services: readonly Service[], before: SchemaFiles): Promise<SchemaFiles> {
  return new Map([...eventFiles(services, before), ['openapi.json', formatJson(await mergeOpenApi(services))]])
}

/** The files about events: all but `openapi.json`, which needs the function apps. @throws Error as `schemaFiles` */
export function eventFiles(services: readonly Service[], before: SchemaFiles): SchemaFiles {
  const files = new Map<string, string>()
  for (const service of services) {
    const { name } = service
    checkNames(service)
    for (const declared of declaredEvents(service)) {
      const { role, type, translated } = declared
      for (const [file, schema] of listMergedSchemas(name, declared))
        files.set(`${name}/${role}/${file}`, formatJson(schema))
      for (const stored of listStoredVersions(name, declared, before)) {
        const file = `${versionName(stored, stored.version)}.json`
        files.set(`${name}/${role}/${file}`, formatJson(stored.schema))
        if (role === 'contract' && !translated) continue
        const samples = `${name}/${samplesFolder(role)}${file}`
        files.set(samples, formatJson(buildSamples(type, stored.schema, parsed(before.get(samples)))))
      }
    }
    files.set(`${name}/asyncapi.json`, formatJson(buildAsyncApi(service, services, before)))
  }
  return files
}

function samplesFolder(role: DeclaredEvent['role']): string {
  return role === 'contract' ? 'samples/contract/' : 'samples/'
}

/** @throws Error with one line for each name that stands for two event types. */
function checkNames(service: Service): void {
  const faults = (['events', 'contract'] as const).flatMap((role) =>
    findEventFaults(`the ${role} of ${service.name}`, listTypes(service, role)),
  )
  if (faults.length > 0) throw new Error(faults.join('\n'))
}

function listTypes(service: Service, role: DeclaredEvent['role']): readonly EventType[] {
  return declaredEvents(service).flatMap((declared) => (declared.role === role ? [declared.type] : []))
}

/**
 * Reads the data of samples with the current code of the services.
 * @returns a function that throws TidemarkError if the data cannot be read.
 */
export function buildSampleReader(services: readonly Service[]): ReadOn {
  const readers = new Map(
    services.flatMap((service) =>
      (['events', 'contract'] as const).map((role): readonly [string, ReturnType<typeof eventReader>] => [
        `${service.name}/${samplesFolder(role)}`,
        eventReader(listTypes(service, role), 'foreign'),
      ]),
    ),
  )
  return (file, content) => {
    const reader = readers.get(file.slice(0, file.lastIndexOf('/') + 1))
    if (reader === undefined) throw new TidemarkError('event-unknown', `no service has samples in ${file}`)
    return reader.readAll(content, file).map(({ type, data }) => ({ type, data }))
  }
}

function parsed(text: string | undefined): JsonObject | undefined {
  if (text === undefined) return undefined
  const value: unknown = JSON.parse(text)
  return isObject(value) ? value : undefined
}

/** One line for each file that differs from the code. */
export function differences(made: SchemaFiles, found: SchemaFiles): string[] {
  return [...new Set([...made.keys(), ...found.keys()])].toSorted().flatMap((file) => {
    const [should, is] = [made.get(file), found.get(file)]
    if (should === is) return []
    if (is === undefined) return [`schemas/${file} is missing`]
    return [should === undefined ? `schemas/${file} is not declared in the code` : `schemas/${file} differs`]
  })
}

/** The number of files of each kind, as text. */
export function countedFiles(files: SchemaFiles): string {
  const count = (pattern: RegExp): number => [...files.keys()].filter((file) => pattern.test(file)).length
  return [
    `${count(/\/events\//)} versions of private events`,
    `${count(/\/contract\/[^/]+$/) - count(/\/samples\/contract\//)} of public events`,
    `${count(/\/samples\//)} with samples`,
    `${count(/asyncapi\.json$/)} AsyncAPI documents`,
    `${count(/^openapi\.json$/)} OpenAPI document`,
  ].join(', ')
}
