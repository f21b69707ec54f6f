import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, globSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { buildTopology } from 'tidemark/tools'
import { UsageError } from '../../command-line/arguments.ts'
import { services } from '../../project/config.ts'
import { differences, schemaFiles } from '../../schemas/schema-files.ts'
import { readSchemas } from '../../schemas/schema-folder.ts'
import { whyBehind } from '../../upgrade/upgrade.ts'
import { type Finding, firstLine } from './finding.ts'

/** The major version of Azure Functions Core Tools that the app needs. */
const CORE_TOOLS = '4'
const SHOWN = 3
const WAIT_MS = 10_000

interface Manifest {
  readonly engines: { readonly node: string }
  readonly dependencies: Readonly<Record<string, string>>
  readonly devDependencies: Readonly<Record<string, string>>
}

/** Checks the versions of Node, the packages and the Functions host. */
export function versions(root: string): readonly Finding[] {
  const manifest = read<Manifest>(root, 'package.json')
  return [node(manifest), packages(root, manifest), coreTools()]
}

function node({ devDependencies }: Manifest): Finding {
  const [here, pinned] = [process.versions.node, devDependencies.node]
  const what = { area: 'versions', what: 'Node' }
  if (pinned === undefined || parseMajor(here) === parseMajor(pinned)) return { ...what, result: 'ok', detail: here }
  return {
    ...what,
    result: 'warning',
    detail: `${here}; npm's scripts, the tests and the apps in Azure run on ${parseMajor(pinned)}`,
    todo: 'use npx tidemark or npm run tidemark, which bring their own Node',
  }
}

function packages(root: string, { dependencies, devDependencies }: Manifest): Finding {
  const what = { area: 'versions', what: 'packages' }
  const named = Object.entries({ ...dependencies, ...devDependencies })
  // A range accepts any version here.
  const isThere = (name: string, version: string): boolean => {
    const there = installed(root, name)
    return /^\d+\.\d+\.\d+$/.test(version) ? there === version : there !== undefined
  }
  const others = named.filter(([name, version]) => !isThere(name, version)).map(([name]) => name)
  if (others.length === 0) return { ...what, result: 'ok', detail: `${named.length}, as package.json requires` }
  return { ...what, result: 'wrong', detail: `not as package.json requires: ${some(others)}`, todo: 'npm ci' }
}

function installed(root: string, name: string): string | undefined {
  const file = `node_modules/${name}/package.json`
  return existsSync(join(root, file)) ? read<{ readonly version: string }>(root, file).version : undefined
}

/** Checks what `func start` would run. `npm start` has its own host. */
function coreTools(): Finding {
  const what = { area: 'versions', what: 'Functions Core Tools' }
  const { error, stdout } = spawnSync('func', ['--version'], { encoding: 'utf8', timeout: WAIT_MS })
  if ((error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT')
    return { ...what, result: 'ok', detail: 'not installed: npm start does not need it' }
  const version = stdout?.trim().split('\n').at(-1) ?? ''
  if (error || !/^\d+\./.test(version))
    return { ...what, result: 'unseen', detail: `func --version: ${firstLine(error ?? 'it printed no version')}` }
  if (parseMajor(version) === CORE_TOOLS) return { ...what, result: 'ok', detail: version }
  return { ...what, result: 'wrong', detail: `${version}: the app needs ${CORE_TOOLS}`, todo: 'install version 4' }
}

/** Whether the project's template, such as `infra/tidemark/`, is of the installed version. */
export function template(root: string): readonly Finding[] {
  const what = { area: 'versions', what: 'infra/tidemark' }
  const todo = 'npx tidemark upgrade --check, then without --check: docs/new-project.md'
  try {
    const why = whyBehind(root)
    return [
      why === undefined
        ? { ...what, result: 'ok', detail: 'as installed' }
        : { ...what, result: 'warning', detail: why, todo },
    ]
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    return [{ ...what, result: 'wrong', detail: firstLine(error), todo }]
  }
}

/** Whether `dist/` matches the current sources. The compiler records the SHA-256 of each source it read. */
export function build(root: string): readonly Finding[] {
  const what = { area: 'build', what: 'dist/' }
  const todo = 'npm run build'
  const file = 'dist/.tsbuildinfo'
  if (!existsSync(join(root, file)))
    return [{ ...what, result: 'warning', detail: 'nothing is built: npm start builds, func start does not', todo }]
  const { fileNames = [], fileInfos = [] } = read<BuildInfo>(root, file)
  const built = new Map(
    fileNames.map((name, index) => {
      const info = fileInfos[index]
      return [relative(root, join(root, 'dist', name)), typeof info === 'string' ? info : info?.version] as const
    }),
  )
  // Tests are not built.
  const sources = globSync('{functions,src}/**/*.ts', { cwd: root, exclude: ['**/*.test.ts'] })
  const stale = sources.filter((path) => built.get(path) !== hashFile(join(root, path)))
  if (sources.length > 0 && stale.length === sources.length && [...built.keys()].some((path) => sources.includes(path)))
    return [{ ...what, result: 'unseen', detail: `${file} has a format that this command does not know` }]
  const left = globSync('dist/{functions,src}/**/*.js', { cwd: root }).filter(
    (path) => !existsSync(join(root, relative('dist', path).replace(/\.js$/, '.ts'))),
  )
  const unwritten = sources.filter((path) => !existsSync(join(root, 'dist', path.replace(/\.ts$/, '.js'))))
  const wrong = [...new Set([...stale, ...unwritten])]
  if (wrong.length + left.length === 0) return [{ ...what, result: 'ok', detail: `matches ${sources.length} sources` }]
  const parts = [
    ...(wrong.length > 0 ? [`built before ${some(wrong)} changed`] : []),
    ...(left.length > 0 ? [`${some(left)} no longer has a source`] : []),
  ]
  return [{ ...what, result: 'wrong', detail: parts.join('; '), todo }]
}

interface BuildInfo {
  readonly fileNames?: readonly string[]
  readonly fileInfos?: readonly (string | { readonly version?: string })[]
}

/** Whether `schemas/` and `infra/topology.json` match the code. */
export async function generated(root: string): Promise<readonly Finding[]> {
  const found = readSchemas(join(root, 'schemas'))
  const wrong = differences(await schemaFiles(services, found), found)
  const written = existsSync(join(root, 'infra/topology.json')) ? read(root, 'infra/topology.json') : undefined
  const topology = isDeepStrictEqual(written, JSON.parse(JSON.stringify(buildTopology(services))))
  const asDeclared = 'matches the code'
  return [
    wrong.length === 0
      ? { area: 'declarations', what: 'schemas/', result: 'ok', detail: asDeclared }
      : {
          ...{ area: 'declarations', what: 'schemas/', result: 'wrong', detail: some(wrong) },
          todo: 'npm run schemas, and review the difference: docs/contract.md',
        },
    topology
      ? { area: 'declarations', what: 'infra/topology.json', result: 'ok', detail: asDeclared }
      : {
          ...{ area: 'declarations', what: 'infra/topology.json', result: 'wrong' },
          ...{ detail: written ? 'does not match the code' : 'is missing', todo: 'npm run topology' },
        },
  ]
}

/** The first of several, and how many more there are. */
function some(all: readonly string[]): string {
  const more = all.length - SHOWN
  return `${all.slice(0, SHOWN).join(', ')}${more > 0 ? `, and ${more} more` : ''}`
}

function read<Value>(root: string, path: string): Value {
  return JSON.parse(readFileSync(join(root, path), 'utf8'))
}

function hashFile(path: string): string {
  return createHash('sha256').update(readFileSync(path)).digest('hex')
}

function parseMajor(version: string): string {
  return version.split('.')[0] ?? ''
}
