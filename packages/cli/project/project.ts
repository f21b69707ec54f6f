import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { IS_COMPILED } from '../../kit/module-file.ts'
import { UsageError } from '../command-line/arguments.ts'

/** The file that lists the services of a project. Its folder is the project. */
export const CONFIG = 'tidemark.config.ts'

/** Whether these commands are part of a checkout of Tidemark, not a package. */
export const isCheckout = !IS_COMPILED

/** The root of that checkout. */
const OWN = fileURLToPath(new URL('../../../', import.meta.url))

/**
 * The folder of the project that contains the working folder. Outside of a project: the checkout that these
 * commands are part of, or else the working folder itself.
 */
export const PROJECT = projectAt(resolve('.')) ?? (isCheckout ? OWN : resolve('.'))

/** @throws UsageError if the working folder is not in a project. */
export function needProject(): void {
  if (!existsSync(join(PROJECT, CONFIG)))
    throw new UsageError(`there is no ${CONFIG} here or in a folder above: npm create tidemark creates a project`)
}

function projectAt(folder: string): string | undefined {
  for (let at = folder; ; at = dirname(at)) {
    if (existsSync(join(at, CONFIG))) return at
    if (at === dirname(at)) return undefined
  }
}
