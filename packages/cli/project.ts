import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/** Lists the services of a project; a project is the folder that it stands in. */
export const CONFIG = 'tidemark.config.ts'

/** What these commands are part of, where they run from a checkout of Tidemark. */
const OWN = fileURLToPath(new URL('../../', import.meta.url))

/** The folder of the project that the working folder is in; called from elsewhere, that of the checkout that the commands are part of. */
export const PROJECT = projectAt(resolve('.')) ?? OWN

function projectAt(folder: string): string | undefined {
  for (let at = folder; ; at = dirname(at)) {
    if (existsSync(join(at, CONFIG))) return at
    if (at === dirname(at)) return undefined
  }
}
