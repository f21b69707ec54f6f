import { globSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { inspect } from 'node:util'
import { StartError } from '../kit/errors.ts'
import { supplyCoreModule } from './core-module.ts'
import { describe } from './log.ts'
import { OWN_FOLDERS } from './own-folders.ts'
import type { ProgrammingModel } from './protocol.ts'
import { type RegisteredFunction, registrations } from './registrations.ts'

interface App {
  readonly model: ProgrammingModel
  readonly functions: readonly RegisteredFunction[]
  /** The capabilities that the worker reports to the host. `app.setup` can add some. */
  readonly capabilities: Readonly<Record<string, string | undefined>>
}

/**
 * Loads the function files that a glob matches, and returns what they registered.
 * @param main the glob; undefined: `main` of package.json, as in the Functions host.
 * @throws StartError if no file matches, a file cannot be loaded, or a registration is refused.
 */
export async function loadApp(root: string, main: string | undefined): Promise<App> {
  supplyCoreModule()
  const glob = main ?? (await readMain(join(root, 'package.json')))
  const files = globSync(glob, { cwd: root }).sort()
  if (files.length === 0) throw new StartError(`no file matches ${glob} in ${root}: build the functions first`)
  for (const file of files) {
    const path = resolve(root, file)
    try {
      await import(pathToFileURL(path).href)
    } catch (error) {
      if (error instanceof StartError) throw error
      // For an error in the developer's own code, print the stack to show the place. Other errors have a
      // code, and their message is enough.
      if (!(error instanceof Error && 'code' in error) || error instanceof SyntaxError)
        console.error(formatStack(error))
      throw new StartError(`${path} cannot be loaded: ${describe(error)}`)
    }
  }
  registrations.close()
  const { model, functions } = registrations
  if (!model || functions.length === 0)
    throw new StartError(`${files.length} files match ${glob}, but none registers a function`)
  const capabilities = (await model.getCapabilities?.({})) ?? {}
  if (capabilities.HttpUri !== undefined)
    throw new StartError('app.setup({ enableHttpStream: true }) is not supported by the local host: leave it out')
  return { model, functions, capabilities }
}

/** Formats an error with its stack, without the frames of Node and of the host. */
function formatStack(error: unknown): string {
  const text = (error instanceof SyntaxError && error.stack) || inspect(error)
  const isOthers = (line: string): boolean =>
    /^ +at /.test(line) && ['node:internal/', ...OWN_FOLDERS].some((each) => line.includes(each))
  return text
    .split('\n')
    .filter((line) => !isOthers(line))
    .join('\n')
}

async function readMain(path: string): Promise<string> {
  let main: unknown
  try {
    main = JSON.parse(await readFile(path, 'utf8')).main
  } catch (error) {
    throw new StartError(`${path} cannot be read: ${(error as Error).message}`)
  }
  if (typeof main !== 'string' || main === '')
    throw new StartError(`${path}: main must be the glob of the function files`)
  return main
}
