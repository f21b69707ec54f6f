import { execFile } from 'node:child_process'
import { UsageError } from '../command-line/arguments.ts'

/** Outputs of infra/main.bicep, by the names that azd keeps them under. */
export type AzdValues = Readonly<Record<string, string | undefined>>

/** All of them: one alone may be somebody else's. */
const REQUIRED = ['EVENT_HUBS_NAMESPACE', 'COSMOS_ENDPOINT', 'SERVICES'] as const

const GIVE_UP_AFTER_MS = 60_000

/**
 * The values of azd's environment: a hook has them as environment variables, anybody else asks azd.
 * @throws UsageError where there is no environment.
 */
export async function azdValues(environment: NodeJS.ProcessEnv = process.env): Promise<AzdValues> {
  if (REQUIRED.every((name) => environment[name])) return environment
  const stdout = await azd(
    ['env', 'get-values', '--output', 'json'],
    environment,
    'the environment in Azure is not known',
  )
  try {
    return Object(JSON.parse(stdout))
  } catch {
    throw new UsageError(`azd env get-values answered no JSON: ${firstLine(stdout)}`)
  }
}

/** What a command of azd prints. @throws UsageError that says what is wrong, and why. */
export async function azd(
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
  whatIsWrong: string,
): Promise<string> {
  const { error, stdout, stderr } = await new Promise<{ error: Error | null; stdout: string; stderr: string }>(
    (resolve) =>
      execFile('azd', args, { env: environment, timeout: GIVE_UP_AFTER_MS }, (error, stdout, stderr) =>
        resolve({ error, stdout, stderr }),
      ),
  )
  if (error === null) return stdout
  const why = 'code' in error && error.code === 'ENOENT' ? 'there is no azd on PATH' : firstLine(stderr)
  throw new UsageError(`${whatIsWrong}: ${why}`)
}

function firstLine(text: string): string {
  return text.trim().split('\n')[0] || 'azd says nothing'
}
