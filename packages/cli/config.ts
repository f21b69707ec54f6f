import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import type { Config } from 'tidemark'

const CONFIG = 'tidemark.config.ts'
const OWN = fileURLToPath(new URL('../../', import.meta.url))

/** The configuration of the project that the working folder is in; called from elsewhere, that of this command's own folder. */
function configFile(): string {
  for (let folder = resolve('.'); ; folder = dirname(folder)) {
    const file = join(folder, CONFIG)
    if (existsSync(file)) return file
    if (folder === dirname(folder)) return join(OWN, CONFIG)
  }
}

const { default: config } = (await import(pathToFileURL(configFile()).href)) as { readonly default: Config }

/** The services of the project. */
export const { services } = config
