import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/**
 * The version to restore, and the oldest one accepted from PATH, so that `snapshot` always writes the same.
 */
export const BICEP_VERSION = '0.49.2'

const PROJECT = fileURLToPath(new URL('bicep.csproj', import.meta.url))
const PLATFORMS: Readonly<Record<string, string>> = { linux: 'linux', darwin: 'osx', win32: 'win' }

/** There is no Bicep CLI, and none could be restored. The message says in one line what to do. */
export class NoBicep extends Error {}

/** There is no dotnet client to restore it with, either. */
export class NoDotnet extends NoBicep {}

/** The Bicep CLI. */
export interface Bicep {
  readonly file: string
  readonly version: string
}

/**
 * Finds the Bicep CLI on PATH. Otherwise the dotnet client restores the package Azure.Bicep.CommandLine, at a
 * pinned version, into the machine's package cache.
 * https://learn.microsoft.com/azure/azure-resource-manager/bicep/install
 * @throws NoBicep
 */
export async function findBicep(environment: NodeJS.ProcessEnv = process.env): Promise<Bicep> {
  const onPath = await readVersion('bicep', environment)
  if (onPath !== undefined && isAtLeast(onPath, BICEP_VERSION)) return { file: 'bicep', version: onPath }
  const file = await restored(environment)
  const version = await readVersion(file, environment)
  if (version === undefined) throw new NoBicep(`${file} does not run`)
  return { file, version }
}

async function restored(env: NodeJS.ProcessEnv): Promise<string> {
  const name = `Azure.Bicep.CommandLine.${PLATFORMS[process.platform]}-${process.arch}`
  const folders = await run('dotnet', ['nuget', 'locals', 'global-packages', '--list', '--force-english-output'], env)
  const packages = /^global-packages: (.+)$/m.exec(folders.stdout)?.[1]
  if (packages === undefined)
    throw new NoDotnet(
      `there is no bicep ${BICEP_VERSION} or newer on PATH, and no dotnet to restore ${name}: install one of them`,
    )
  const folder = join(packages.trim(), name.toLowerCase(), BICEP_VERSION)
  const file = join(folder, 'tools', process.platform === 'win32' ? 'bicep.exe' : 'bicep')
  // The metadata file is written last. Without it another process is still unpacking, and the tool may be
  // incomplete. A restore waits for that process.
  // https://learn.microsoft.com/nuget/consume-packages/managing-the-global-packages-and-cache-folders
  if (existsSync(join(folder, '.nupkg.metadata')) && existsSync(file)) return file

  const scratch = await mkdtemp(join(tmpdir(), 'tidemark-bicep-'))
  try {
    const properties = [
      `-p:BicepPackage=${name}`,
      `-p:BicepVersion=${BICEP_VERSION}`,
      `-p:BaseIntermediateOutputPath=${scratch}/`,
    ]
    const { code, stdout, stderr } = await run('dotnet', ['restore', PROJECT, '--nologo', ...properties], env)
    if (code !== 0 || !existsSync(file))
      throw new NoBicep(
        `there is no bicep ${BICEP_VERSION} or newer on PATH, and dotnet did not restore ${name}: ` +
          lastLine(stdout + stderr),
      )
    return file
  } finally {
    await rm(scratch, { recursive: true, force: true })
  }
}

async function readVersion(file: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const { code, stdout } = await run(file, ['--version'], env)
  return code === 0 ? /(\d+\.\d+\.\d+)/.exec(stdout)?.[1] : undefined
}

function isAtLeast(version: string, least: string): boolean {
  return version.localeCompare(least, 'en', { numeric: true }) >= 0
}

function lastLine(text: string): string {
  return text.trim().split('\n').at(-1) ?? ''
}

/** Runs a program. Its code is -1 if the program does not exist. */
function run(
  file: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<{ code: number; stdout: string; stderr: string }> {
  return new Promise((resolve) =>
    execFile(file, args, { env }, (error, stdout, stderr) =>
      resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : -1, stdout, stderr }),
    ),
  )
}
