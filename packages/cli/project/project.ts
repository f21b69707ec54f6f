import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { IS_COMPILED } from '../../kit/module-file.ts'
import { UsageError } from '../command-line/arguments.ts'

/** Lists the services of a project; a project is the folder that it stands in. */
export const CONFIG = 'tidemark.config.ts'

/** Whether these commands are part of a checkout of Tidemark, and no package. */
export const isCheckout = !IS_COMPILED

/** What they are part of then. */
const OWN = fileURLToPath(new URL('../../../', import.meta.url))

/**
 * The folder of the project that the working folder is in. Called from elsewhere: that of the checkout that
 * the commands are part of, or the working folder itself.
 */
export const PROJECT = projectAt(resolve('.')) ?? (isCheckout ? OWN : resolve('.'))

/** @throws UsageError where the working folder is in no project. */
export function needProject(): void {
  if (!existsSync(join(PROJECT, CONFIG)))
    throw new UsageError(`there is no ${CONFIG} here or in a folder above: npm create tidemark makes a project`)
}

function projectAt(folder: string): string | undefined {
  for (let at = folder; ; at = dirname(at)) {
    if (existsSync(join(at, CONFIG))) return at
    if (at === dirname(at)) return undefined
  }
}
