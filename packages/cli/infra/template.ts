import { readdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import type { Bicep } from './bicep.ts'

/** What a snapshot is evaluated for: any will do, the same always. */
const SUBSCRIPTION = '00000000-0000-0000-0000-000000000001'
const LOCATION = 'westeurope'

/** What parameter files read from the environment, so that what is optional is in the snapshots as well. */
export const SAMPLE_ENVIRONMENT = {
  AZURE_PRINCIPAL_ID: '00000000-0000-0000-0000-000000000002',
  TIDEMARK_API_CLIENT_ID: '00000000-0000-0000-0000-000000000003',
  TIDEMARK_ALERT_EMAIL: 'operators@example.com',
  TIDEMARK_OTLP_ENDPOINT: 'https://collector.example:4318',
}

/** Besides, what azd always hands over. */
const LINT_ENVIRONMENT = {
  ...SAMPLE_ENVIRONMENT,
  AZURE_ENV_NAME: 'sample',
  AZURE_LOCATION: LOCATION,
  TIDEMARK_SHAPE: 'prod',
}

/** All Bicep files of a folder and those below it, by their paths in it. */
export function bicepFiles(folder: string): readonly string[] {
  const found = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  return found.filter((name) => name.endsWith('.bicep')).toSorted()
}

/** The parameter files of the shapes: each has a snapshot beside it of all that it deploys. */
export function shapeFiles(folder: string): readonly string[] {
  return readdirSync(folder)
    .filter((name) => /^main\.\w+\.bicepparam$/.test(name))
    .toSorted()
}

export function toSnapshotFile(parameterFile: string): string {
  return parameterFile.replace(/bicepparam$/, 'snapshot.json')
}

/**
 * Compiles and lints every file, those of parameters too. @returns what Bicep says of them, a warning too:
 * none where all is well.
 * https://learn.microsoft.com/azure/azure-resource-manager/bicep/bicep-cli
 */
export async function lintFiles(bicep: Bicep, folder: string): Promise<readonly string[]> {
  const found: string[] = []
  // A pattern is looked for in the working directory, and one process reads all: of many each would compile
  // what it shares with others.
  for (const pattern of ['**/*.bicep', '*.bicepparam']) {
    const { code, stdout, stderr } = await bicep.run(['lint', '--pattern', pattern], LINT_ENVIRONMENT, folder)
    const output = `${stdout}\n${stderr}`.split(/\r?\n/).filter((line) => line.trim() !== '')
    if (output.length === 0 && code !== 0) output.push(`${join(folder, pattern)}: bicep failed and said nothing`)
    found.push(...output)
  }
  return [...new Set(found)]
}

/**
 * Evaluates a parameter file, offline: every resource that it deploys with its values, loops and modules carried out.
 * @param mode overwrite: writes the snapshot beside the file. validate: holds the one that is there against it.
 * @returns what is wrong; undefined where all is well.
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
    : // Coloured even where nobody sees it.
      stripVTControlCharacters(`${stdout}${stderr}`).trim() || `${parameterFile}: bicep failed and said nothing`
}

/** How many resources a snapshot has. */
export async function countOfResources(snapshotFile: string): Promise<number> {
  const { predictedResources } = JSON.parse(await readFile(snapshotFile, 'utf8')) as { predictedResources: unknown[] }
  return predictedResources.length
}
