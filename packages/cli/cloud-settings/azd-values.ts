import { execFile } from 'node:child_process'
import { UsageError } from '../command-line/arguments.ts'

/** The outputs of infra/main.bicep, by the names that azd stores them under. */
export type AzdValues = Readonly<Record<string, string | undefined>>

/** All are required: a single one may belong to something else. */
export const REQUIRED = ['EVENT_HUBS_NAMESPACE', 'COSMOS_ENDPOINT', 'ARCHIVE_ENDPOINT', 'SERVICES'] as const

const GIVE_UP_AFTER_MS = 60_000

/**
 * The values of azd's environment. A hook has them as environment variables; otherwise asks azd.
 * @throws UsageError if there is no environment.
 */
export async function azdValues(): Promise<AzdValues> {
  if (REQUIRED.every((name) => process.env[name])) return process.env
  const stdout = await azd(['env', 'get-values', '--output', 'json'], 'the environment in Azure is not known')
  try {
    return Object(JSON.parse(stdout))
  } catch {
    throw new UsageError(`azd env get-values did not print JSON: ${firstLine(stdout)}`)
  }
}

/** Runs a command of azd. @returns its output. @throws UsageError with `whatIsWrong` and the reason. */
export async function azd(args: readonly string[], whatIsWrong: string): Promise<string> {
  const { error, stdout, stderr } = await new Promise<{ error: Error | null; stdout: string; stderr: string }>(
    (resolve) =>
      execFile('azd', args, { timeout: GIVE_UP_AFTER_MS }, (error, stdout, stderr) =>
        resolve({ error, stdout, stderr }),
      ),
  )
  if (error === null) return stdout
  const why = 'code' in error && error.code === 'ENOENT' ? 'there is no azd on PATH' : firstLine(stderr)
  throw new UsageError(`${whatIsWrong}: ${why}`)
}

function firstLine(text: string): string {
  return text.trim().split('\n')[0] || 'azd printed nothing'
}
