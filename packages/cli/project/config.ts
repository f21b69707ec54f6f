import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Config } from 'tidemark'
import { UsageError } from '../command-line/arguments.ts'
import { CONFIG, needProject, PROJECT } from './project.ts'

needProject()

const { default: config } = (await import(pathToFileURL(join(PROJECT, CONFIG)).href).catch(explained)) as {
  readonly default: Config
}

/** The services of the project. */
export const { services } = config

/** A name that a newer version has renamed stops every command. Names the command that fixes it. */
function explained(error: unknown): never {
  const { message } = error as Error
  if (error instanceof SyntaxError && /'tidemark[^']*' does not provide an export named/.test(message))
    throw new UsageError(`${message}. If this tidemark is newer, tidemark upgrade writes its new names`)
  throw error
}
