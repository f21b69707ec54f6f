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
 * What a shell or azd may have set for something else, and would be taken for a setting, or have Node start
 * otherwise.
 */
const DECIDES = /^(TIDEMARK_|CosmosConnection|EventHubConnection|AzureWebJobs|WEBSITE_|NODE_)/i

/**
 * How long an instance that has just started takes to load the functions of a folder, on this machine: the
 * median of several processes that have compiled nothing yet, with the sample's settings. Milliseconds.
 * @throws UsageError where they cannot be loaded.
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
