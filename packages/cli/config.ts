import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Config } from 'tidemark'
import { CONFIG, PROJECT } from './project.ts'

const { default: config } = (await import(pathToFileURL(join(PROJECT, CONFIG)).href)) as { readonly default: Config }

/** The services of the project. */
export const { services } = config
