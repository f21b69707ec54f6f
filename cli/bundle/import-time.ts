import { execFile } from 'node:child_process'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { settingsOf } from '../local-settings.ts'

const ONCE = fileURLToPath(new URL('./import-once.ts', import.meta.url))
const SAMPLE = fileURLToPath(new URL('../../local.settings.sample.json', import.meta.url))
const RUNS = 5

/**
 * How long an instance that has just started takes to load the functions of a folder, on this machine: the median of several processes that
 * have compiled nothing yet, with the sample's settings. Milliseconds.
 * @throws Error where they cannot be loaded.
 */
export async function importTime(folder: string): Promise<number> {
  const { NODE_COMPILE_CACHE: _, ...env } = process.env
  const times: number[] = []
  for (let run = 0; run < RUNS; run++) {
    const { stdout } = await promisify(execFile)(process.execPath, [ONCE, resolve(folder)], {
      env: { ...env, ...settingsOf(SAMPLE) },
    })
    times.push(Number(stdout.trim().split('\n').at(-1)))
  }
  return times.toSorted((a, b) => a - b)[RUNS >> 1] ?? Number.NaN
}
