#!/usr/bin/env node
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { runCommand, UsageError } from '../cli/arguments.ts'
import { azureYamlOf } from '../cli/new-service/azure-yaml.ts'
import { filesOf, filled } from '../cli/new-service/files.ts'
import { type Names, namesOf } from '../cli/new-service/names.ts'
import { IS_COMPILED } from '../kit/module-file.ts'
import { COPIED } from './copied.ts'

const USAGE = 'create-tidemark [FOLDER] [--service NAME] [--aggregate NAME] [--packages FOLDER]'
const TEMPLATE = fileURLToPath(new URL(IS_COMPILED ? '../template/' : './template/', import.meta.url))
/** What a project has as Tidemark's own has it: beside the template in the package, at the root in the repository. */
const OWN = fileURLToPath(new URL(IS_COMPILED ? '../own/' : '../../', import.meta.url))
/** npm leaves out some that begin with a dot, and one would be a source of the repository by its own name. */
const RENAMED: Readonly<Record<string, string>> = {
  gitignore: '.gitignore',
  funcignore: '.funcignore',
  'tidemark.config.ts.txt': 'tidemark.config.ts',
}
/** What a project is made of besides Tidemark, in the versions that it is tested with. */
const VERSIONS = { '@azure/functions': '^4.16.5', zod: '^4.6.7', typescript: '~6.0.3', '@types/node': '^24.19.2' }
/** Of Tidemark: with `--packages` the files of a folder, as `npm run pack` makes them. */
const TIDEMARK = ['tidemark', 'tidemark-cli']
/** What its command depends on besides: with `--packages` not of the registry either. */
const EMULATORS = ['tidemark-event-hubs', 'tidemark-cosmos', 'tidemark-functions-host']

interface Project extends Names {
  readonly folder: string
  /** Of the package, and of the environment in Azure. */
  readonly project: string
  /** A folder of packed files to take Tidemark from; undefined: the registry. */
  readonly packages: string | undefined
}

/** Makes a project on Tidemark. What it is not told it asks, where somebody can answer. */
async function create(): Promise<void> {
  const project = await asked()
  if (existsSync(project.folder) && readdirSync(project.folder).length > 0)
    throw new UsageError(`${project.folder} is there already, and is not empty: nothing was written`)
  const files = filesOfProject(project)
  try {
    for (const { path, text } of files) {
      const file = join(project.folder, path)
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, text)
    }
    for (const path of COPIED) cpSync(join(OWN, path), join(project.folder, path), { recursive: true })
  } catch (error) {
    rmSync(project.folder, { recursive: true, force: true })
    throw error
  }
  console.log(`wrote    ${project.folder}
next     cd ${project.folder}
         npm install
         npm start
         README.md tells the rest`)
}

async function asked(): Promise<Project> {
  const { values, positionals } = read()
  if (positionals.length > 1) throw new UsageError(`name one folder: ${USAGE}`)
  const answers = process.stdin.isTTY ? createInterface({ input: process.stdin, output: process.stdout }) : undefined
  const ask = async (given: string | undefined, question: string, otherwise: string): Promise<string> => {
    if (given !== undefined) return given
    if (answers === undefined) throw new UsageError(`${question} is not told: ${USAGE}`)
    return (await answers.question(`${question} (${otherwise}): `)).trim() || otherwise
  }
  try {
    const folder = await ask(positionals[0], 'the folder', 'my-shop')
    const service = await ask(values.service, 'the first service', 'billing')
    const project = basename(resolve(folder)).toLowerCase()
    if (!/^[a-z][a-z0-9-]{0,63}$/.test(project))
      throw new UsageError(
        `${project} cannot be the name of a project: lower-case letters, digits and dashes, a letter first`,
      )
    const names = namesOf(service, values.aggregate ?? 'entry')
    const packages = values.packages === undefined ? undefined : resolve(values.packages)
    return { ...names, folder: resolve(folder), project, packages }
  } finally {
    answers?.close()
  }
}

function read() {
  const options = { service: { type: 'string' }, aggregate: { type: 'string' }, packages: { type: 'string' } } as const
  try {
    return parseArgs({ options, allowPositionals: true })
  } catch (error) {
    throw new UsageError(`${(error as Error).message}. There are: ${USAGE}`)
  }
}

/** The files that are written for this project; what is copied as it is comes besides. */
function filesOfProject(project: Project): readonly { readonly path: string; readonly text: string }[] {
  const templates = readdirSync(TEMPLATE, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(TEMPLATE.length).replaceAll('\\', '/'))
  if (templates.length === 0) throw new Error(`${TEMPLATE} has no files`)
  const written = templates.map((path) => {
    const text = filled(readFileSync(join(TEMPLATE, path), 'utf8'), project).replaceAll('__project__', project.project)
    return { path: RENAMED[path] ?? path, text: path === 'azure.yaml' ? azureYamlOf(text, [project.service]) : text }
  })
  return [
    ...written,
    ...filesOf(project),
    { path: 'package.json', text: `${JSON.stringify(manifest(project), null, 2)}\n` },
  ]
}

function manifest({ project, packages }: Project): object {
  const { version } = JSON.parse(
    readFileSync(new URL(IS_COMPILED ? '../package.json' : './package.json', import.meta.url), 'utf8'),
  )
  const [tidemark = '', cli = ''] = TIDEMARK.map((name) =>
    packages === undefined ? `^${version}` : packedFile(packages, `${name}-${version}.tgz`),
  )
  const emulators = packages === undefined ? [] : EMULATORS.map((name) => [name, packedEmulator(packages, name)])
  const { '@azure/functions': functions, zod, ...dev } = VERSIONS
  return {
    name: project,
    version: '0.1.0',
    private: true,
    type: 'module',
    main: 'dist/functions/*.js',
    engines: { node: '>=22.18' },
    scripts: {
      start: 'tidemark start',
      dev: 'tidemark dev',
      build: 'tsc -p tsconfig.build.json',
      types: 'tsc -p tsconfig.json',
      test: 'node --test "src/**/*.test.ts" "test/**/*.test.ts"',
      new: 'tidemark new',
      // What the services say names these.
      cloud: 'tidemark cloud',
      parked: 'tidemark parked',
      verify: 'tidemark verify-raw',
      replay: 'tidemark replay',
      republish: 'tidemark republish',
      topology: 'tidemark topology',
      schemas: 'tidemark schemas',
      bundle: 'tidemark bundle',
      'cloud:settings': 'tidemark cloud-settings',
      'cloud:units': 'tidemark cloud-units',
    },
    dependencies: { '@azure/functions': functions, tidemark, zod },
    devDependencies: { ...dev, 'tidemark-cli': cli },
    // The checkpoint store asks for an older client than the services have: two of them do not know each other's errors.
    overrides: {
      '@azure/eventhubs-checkpointstore-blob': { '@azure/event-hubs': '^6.0.4' },
      ...Object.fromEntries(emulators),
    },
  }
}

/** As a manifest names a file. */
function packedFile(packages: string, file: string): string {
  return pathToFileURL(join(packages, file)).href.replace('file://', 'file:')
}

/** Each has a version of its own. @throws UsageError where it was not packed. */
function packedEmulator(packages: string, name: string): string {
  const [file, ...others] = existsSync(packages)
    ? readdirSync(packages).filter((each) => each.startsWith(`${name}-`) && each.endsWith('.tgz'))
    : []
  if (file === undefined || others.length > 0)
    throw new UsageError(`${packages} must have one ${name}-<version>.tgz: npm run pack -- --to makes it`)
  return packedFile(packages, file)
}

await runCommand(create)
