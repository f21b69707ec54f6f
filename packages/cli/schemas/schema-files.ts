import { type Service, TidemarkError } from 'tidemark'
import { eventReader } from 'tidemark/tools'
import { buildAsyncApi } from './asyncapi.ts'
import { buildEventSchema, type DeclaredEvent, declaredEvents, versionName } from './event-schema.ts'
import { formatJson, isObject, type JsonObject } from './json.ts'
import { mergeOpenApi } from './openapi.ts'
import { buildSamples, type ReadOn } from './samples.ts'

/** Files below `schemas/`, each with its text. */
export type SchemaFiles = ReadonlyMap<string, string>

/**
 * The files of `schemas/`, generated from the services' declarations:
 * - `<service>/events/<Type>.v<N>.json`: each version of the private events;
 * - `<service>/contract/<Type>.v<N>.json`: each version of the public events;
 * - `<service>/samples/…`: golden samples of both. The contract has its own if the two events differ;
 * - `<service>/asyncapi.json`, `openapi.json`.
 * @param before the current files of `schemas/`: the data of their samples stay.
 */
export async function schemaFiles(services: readonly Service[], before: SchemaFiles): Promise<SchemaFiles> {
  const files = new Map<string, string>()
  for (const service of services) {
    const { name } = service
    for (const declared of declaredEvents(service))
      for (const { version } of declared.type.versions) {
        const { role, type, translated } = declared
        const file = `${versionName(type, version)}.json`
        const schema = buildEventSchema(name, declared, version)
        files.set(`${name}/${role}/${file}`, formatJson(schema))
        if (role === 'contract' && !translated) continue
        const samples = samplesFile(name, declared, version)
        files.set(samples, formatJson(buildSamples(type, schema, parsed(before.get(samples)))))
      }
    files.set(`${name}/asyncapi.json`, formatJson(buildAsyncApi(service, services)))
  }
  return files.set('openapi.json', formatJson(await mergeOpenApi(services)))
}

function samplesFile(service: string, { role, type }: DeclaredEvent, version: number): string {
  return `${service}/samples/${role === 'contract' ? 'contract/' : ''}${versionName(type, version)}.json`
}

/**
 * Reads the data of samples with the current code of the services.
 * @returns a function that throws TidemarkError if the data cannot be read.
 */
export function buildSampleReader(services: readonly Service[]): ReadOn {
  const types = new Map(
    services.flatMap((service) =>
      declaredEvents(service)
        .filter(({ role, translated }) => role === 'events' || translated)
        .flatMap((declared) =>
          declared.type.versions.map(
            ({ version }) => [samplesFile(service.name, declared, version), declared.type] as const,
          ),
        ),
    ),
  )
  return (file, schemaVersion, data) => {
    const type = types.get(file)
    if (type === undefined)
      throw new TidemarkError('event-unknown', `the code declares no event with samples in ${file}`)
    return eventReader([type], 'foreign').read({ type: type.name, schemaVersion, data }, file)
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
