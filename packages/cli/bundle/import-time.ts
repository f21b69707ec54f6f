import { execFile } from 'node:child_process'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { moduleFile } from '../../kit/module-file.ts'
import { UsageError } from '../command-line/arguments.ts'
import { readSettingsFile } from '../project/local-settings.ts'
import { PROJECT } from '../project/project.ts'

const ONCE = moduleFile('./import-once.ts', import.meta.url)
const SAMPLE = join(PROJECT, 'local.settings.sample.json')
const RUNS = 5
const GIVE_UP_AFTER_MS = 60_000
/**
 * Variables that a shell or azd may have set for another purpose. They would count as settings, or change how
 * Node starts.
 */
const DECIDES = /^(TIDEMARK_|CosmosConnection|EventHubConnection|ArchiveStorage|AzureWebJobs|WEBSITE_|NODE_)/i

/**
 * How long a new instance takes to load the functions of a folder on this machine, in milliseconds: the
 * median of several fresh processes, with the settings of the sample.
 * @throws UsageError if they cannot be loaded.
 */
export async function importTime(folder: string): Promise<number> {
  const env = Object.fromEntries(Object.entries(process.env).filter(([name]) => !DECIDES.test(name)))
  const times: number[] = []
  for (let run = 0; run < RUNS; run++) {
    const { stdout } = await promisify(execFile)(process.execPath, [ONCE, resolve(folder)], {
      env: { ...env, ...readSettingsFile(SAMPLE) },
      timeout: GIVE_UP_AFTER_MS,
    }).catch((error: Error & { stderr?: string }) => {
      throw new UsageError(error.stderr?.trim() || error.message)
    })
    times.push(Number(stdout.trim().split('\n').at(-1)))
  }
  return times.toSorted((a, b) => a - b)[RUNS >> 1] ?? Number.NaN
}
