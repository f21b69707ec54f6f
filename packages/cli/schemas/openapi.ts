import { join } from 'node:path'
import type { Service } from 'tidemark'
import { buildOpenApi, servedServices } from 'tidemark/azure-functions'
import { loadApp } from 'tidemark-functions-host/app'
import { readSettingsFile } from '../project/local-settings.ts'
import { PROJECT } from '../project/project.ts'
import type { JsonObject } from './json.ts'

let loaded: Promise<unknown> | undefined

/**
 * The OpenAPI document of services. Loads their functions once for the process, as a host does with the
 * sample's settings, and calls none of them.
 * @throws Error if one of them serves nothing.
 */
export async function mergeOpenApi(services: readonly Service[]): Promise<JsonObject> {
  const names = services.map(({ name }) => name)
  if (names.length > 0) loaded ??= loadWithSample(PROJECT, `functions/@(${names.join('|')}).ts`)
  await loaded
  const served = servedServices().filter(({ name }) => names.includes(name))
  const silent = names.filter((name) => !served.some((each) => each.name === name))
  if (silent.length > 0) throw new Error(`functions/${silent.join('.ts, functions/')}.ts: no routes are served`)
  return buildOpenApi(served)
}

/**
 * Loads functions with the sample's settings. Ignores the settings in the environment.
 * @param main the glob of their files in the project.
 */
export async function loadWithSample(project: string, main: string): Promise<void> {
  const sample = readSettingsFile(join(project, 'local.settings.sample.json'))
  const before = { ...process.env }
  for (const name of Object.keys(process.env))
    if (/^(TIDEMARK_|CosmosConnection|EventHubConnection|ArchiveStorage)/i.test(name)) delete process.env[name]
  Object.assign(process.env, sample)
  try {
    await loadApp(project, main)
  } finally {
    for (const name of Object.keys(sample)) delete process.env[name]
    Object.assign(process.env, before)
  }
}
