import { readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import type { Bicep } from './bicep.ts'

/** The subscription and location for snapshots. Any will do, if they never change. */
const SUBSCRIPTION = '00000000-0000-0000-0000-000000000001'
const LOCATION = 'westeurope'

/** Environment variables for parameter files, so that the snapshots include optional resources. */
export const SAMPLE_ENVIRONMENT = {
  AZURE_PRINCIPAL_ID: '00000000-0000-0000-0000-000000000002',
  TIDEMARK_API_CLIENT_ID: '00000000-0000-0000-0000-000000000003',
  TIDEMARK_ALERT_EMAIL: 'operators@example.com',
  TIDEMARK_OTLP_ENDPOINT: 'https://collector.example:4318',
}

/** Also has the variables that azd always sets. */
const LINT_ENVIRONMENT = {
  ...SAMPLE_ENVIRONMENT,
  AZURE_ENV_NAME: 'sample',
  AZURE_LOCATION: LOCATION,
  TIDEMARK_SHAPE: 'prod',
}

/** All Bicep files in and below a folder, as paths relative to it. */
export function bicepFiles(folder: string): readonly string[] {
  const found = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  return found.filter((name) => name.endsWith('.bicep')).toSorted()
}

/** The parameter files of the shapes. Beside each stands a snapshot of all that it deploys. */
export function shapeFiles(folder: string): readonly string[] {
  return readdirSync(folder)
    .filter((name) => /^main\.\w+\.bicepparam$/.test(name))
    .toSorted()
}

export function toSnapshotFile(parameterFile: string): string {
  return parameterFile.replace(/bicepparam$/, 'snapshot.json')
}

/**
 * Compiles and lints every file, including parameter files.
 * @returns Bicep's errors and warnings; empty if there are none.
 * https://learn.microsoft.com/azure/azure-resource-manager/bicep/bicep-cli
 */
export async function lintFiles(bicep: Bicep, folder: string): Promise<readonly string[]> {
  const found: string[] = []
  // Bicep resolves a pattern in the working directory. One process reads all files: several would each
  // compile the files they share.
  for (const pattern of ['**/*.bicep', '*.bicepparam']) {
    const { code, stdout, stderr } = await bicep.run(['lint', '--pattern', pattern], LINT_ENVIRONMENT, folder)
    const output = `${stdout}\n${stderr}`.split(/\r?\n/).filter((line) => line.trim() !== '')
    if (output.length === 0 && code !== 0) output.push(`${join(folder, pattern)}: bicep failed without a message`)
    found.push(...output)
  }
  return [...new Set(found)]
}

/**
 * Evaluates a parameter file offline: every resource that it deploys, with values, loops and modules
 * resolved.
 * @param mode overwrite: writes the snapshot beside the file. validate: compares the existing one with it.
 * @returns what is wrong; undefined if nothing is.
 */
export async function snapshot(
  bicep: Bicep,
  parameterFile: string,
  mode: 'overwrite' | 'validate',
  environment: Readonly<Record<string, string>> = {},
): Promise<string | undefined> {
  const place = ['--subscription-id', SUBSCRIPTION, '--location', LOCATION]
  const { code, stdout, stderr } = await bicep.run(['snapshot', parameterFile, '--mode', mode, ...place], {
    ...SAMPLE_ENVIRONMENT,
    ...environment,
  })
  return code === 0
    ? undefined
    : // Bicep colours its output even without a terminal.
      stripVTControlCharacters(`${stdout}${stderr}`).trim() || `${parameterFile}: bicep failed without a message`
}

/** How many resources a snapshot has. */
export async function countOfResources(snapshotFile: string): Promise<number> {
  const { predictedResources } = JSON.parse(await readFile(snapshotFile, 'utf8')) as { predictedResources: unknown[] }
  return predictedResources.length
}
