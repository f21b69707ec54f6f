import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Config } from 'tidemark'
import { UsageError } from './arguments.ts'
import { CONFIG, PROJECT } from './project.ts'

if (!existsSync(join(PROJECT, CONFIG)))
  throw new UsageError(`there is no ${CONFIG} here or in a folder above: npm create tidemark makes a project`)

const { default: config } = (await import(pathToFileURL(join(PROJECT, CONFIG)).href)) as { readonly default: Config }

/** The services of the project. */
export const { services } = config
