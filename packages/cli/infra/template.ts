import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Compiler } from './compiler.ts'

/**
 * Environment variables for parameter files: those that azd always sets, and those of optional resources, so
 * that the snapshots include them. All shapes have the same environment name, and so the same ids.
 */
export const SAMPLE_ENVIRONMENT = {
  AZURE_ENV_NAME: 'prod',
  AZURE_LOCATION: 'westeurope',
  AZURE_PRINCIPAL_ID: '00000000-0000-0000-0000-000000000002',
  TIDEMARK_SHAPE: 'prod',
  TIDEMARK_API_CLIENT_ID: '00000000-0000-0000-0000-000000000003',
  TIDEMARK_ALERT_EMAIL: 'operators@example.com',
  TIDEMARK_OTLP_ENDPOINT: 'https://collector.example:4318',
}

/** A compiled Bicep file. */
export interface Compiled {
  /** Its path, relative to the folder. */
  readonly file: string
  /** Its JSON; undefined if it has errors, or is a parameter file. */
  readonly contents: string | undefined
}

/**
 * Compiles and lints all Bicep files in and below a folder, including parameter files.
 * @returns the files, and Bicep's messages in one line each; none if nothing is wrong.
 */
export async function compileFiles(
  compiler: Compiler,
  folder: string,
): Promise<{ readonly files: readonly Compiled[]; readonly messages: readonly string[] }> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.bicep(param)?$/.test(name),
  )
  const files: Compiled[] = []
  const messages = new Set<string>()
  for (const file of names.toSorted()) {
    const path = join(folder, file)
    const isTemplate = file.endsWith('.bicep')
    const compiled = isTemplate ? await compiler.compile(path) : await compiler.compileParameters(path)
    files.push({ file, contents: 'contents' in compiled ? compiled.contents : undefined })
    // A template repeats the messages of its modules.
    for (const { source, range, level, code, message } of compiled.diagnostics)
      messages.add(`${source}(${range.start.line + 1},${range.start.char + 1}) : ${level} ${code}: ${message}`)
    if (!compiled.success && compiled.diagnostics.length === 0) messages.add(`${path}: Bicep failed without a message`)
  }
  return { files, messages: [...messages] }
}
