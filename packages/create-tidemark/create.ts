#!/usr/bin/env node
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, resolve } from 'node:path'
import { createInterface } from 'node:readline/promises'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { parseArgs } from 'node:util'
import { runCommand, UsageError } from '../cli/command-line/arguments.ts'
import { buildAzureYaml } from '../cli/new-service/azure-yaml.ts'
import { buildFiles, filled } from '../cli/new-service/files.ts'
import { type Names, parseNames } from '../cli/new-service/names.ts'
import { buildStamp, HOST, readTemplate, SETTINGS, STAMP, stampText } from '../cli/upgrade/template.ts'
import { IS_COMPILED } from '../kit/module-file.ts'

const USAGE = 'create-tidemark [FOLDER] [--service NAME] [--aggregate NAME] [--packages FOLDER]'
const TEMPLATE = fileURLToPath(new URL(IS_COMPILED ? '../template/' : './template/', import.meta.url))
/** The files of a project besides its code, in one version. `tidemark upgrade` upgrades them later. */
const INFRA = readTemplate(fileURLToPath(new URL('../infra/', import.meta.url)))
/**
 * Files with another name here. npm leaves out some dot files, and the last would be a source of the
 * repository.
 */
const RENAMED: Readonly<Record<string, string>> = {
  gitignore: '.gitignore',
  funcignore: '.funcignore',
  'tidemark.config.ts.txt': 'tidemark.config.ts',
}
/** The packages of a project besides Tidemark, in the versions it is tested with. */
const VERSIONS = { '@azure/functions': '^4.16.5', zod: '^4.6.7', typescript: '~6.0.3', '@types/node': '^24.19.2' }
/**
 * The dependencies of `tidemark-cli`. With `--packages` they come from the folder, in any version; otherwise
 * npm would ask a registry for them.
 */
const BROUGHT = ['tidemark-event-hubs', 'tidemark-cosmos', 'tidemark-functions-host', 'tidemark-infra']

interface Project extends Names {
  readonly folder: string
  /** The name of the package and of the environment in Azure. */
  readonly project: string
  /** A folder with the packed packages of Tidemark; undefined means the registry. */
  readonly packages: string | undefined
}

/** Creates a project on Tidemark. Asks for missing arguments if the terminal is interactive. */
async function create(): Promise<void> {
  const project = await askFor()
  if (existsSync(project.folder) && readdirSync(project.folder).length > 0)
    throw new UsageError(`${project.folder} already exists and is not empty: nothing was written`)
  const files = listProjectFiles(project)
  try {
    for (const { path, text } of files) {
      const file = join(project.folder, path)
      mkdirSync(dirname(file), { recursive: true })
      writeFileSync(file, text)
    }
  } catch (error) {
    rmSync(project.folder, { recursive: true, force: true })
    throw error
  }
  console.log(`wrote    ${project.folder}
next     cd ${project.folder}
         npm install
         npm start
         README.md explains the rest`)
}

async function askFor(): Promise<Project> {
  const { values, positionals } = read()
  if (positionals.length > 1) throw new UsageError(`name one folder: ${USAGE}`)
  const answers = process.stdin.isTTY ? createInterface({ input: process.stdin, output: process.stdout }) : undefined
  const ask = async (given: string | undefined, question: string, otherwise: string): Promise<string> => {
    if (given !== undefined) return given
    if (answers === undefined) throw new UsageError(`${question} is missing: ${USAGE}`)
    return (await answers.question(`${question} (${otherwise}): `)).trim() || otherwise
  }
  try {
    const folder = await ask(positionals[0], 'the folder', 'my-shop')
    const service = await ask(values.service, 'the first service', 'billing')
    const project = basename(resolve(folder)).toLowerCase()
    if (!/^[a-z][a-z0-9-]{0,63}$/.test(project))
      throw new UsageError(
        `${project} cannot be the name of a project: use lower-case letters, digits and dashes, a letter first`,
      )
    const names = parseNames(service, values.aggregate ?? 'entry')
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

function listProjectFiles(project: Project): readonly { readonly path: string; readonly text: string }[] {
  const templates = readdirSync(TEMPLATE, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(TEMPLATE.length).replaceAll('\\', '/'))
  if (templates.length === 0) throw new Error(`${TEMPLATE} has no files`)
  const written = templates.map((path) => {
    const text = filled(readFileSync(join(TEMPLATE, path), 'utf8'), project).replaceAll('__project__', project.project)
    return { path: RENAMED[path] ?? path, text: path === 'azure.yaml' ? buildAzureYaml(text, [project.service]) : text }
  })
  return [
    ...written,
    ...buildFiles(project),
    ...[...INFRA.own, ...INFRA.started].map(([path, text]) => ({ path, text })),
    { path: HOST, text: INFRA.host },
    { path: SETTINGS, text: INFRA.settings },
    { path: STAMP, text: stampText(buildStamp(INFRA)) },
    { path: 'package.json', text: `${JSON.stringify(manifest(project), null, 2)}\n` },
  ]
}

function manifest({ project, packages }: Project): object {
  const { version, scripts } = INFRA
  const chooseRange = (name: string): string =>
    packages === undefined ? `^${version}` : packedFile(packages, `${name}-${version}.tgz`)
  const brought = packages === undefined ? [] : BROUGHT.map((name) => [name, onlyPacked(packages, name)])
  const { '@azure/functions': functions, zod, ...dev } = VERSIONS
  return {
    name: project,
    version: '0.1.0',
    private: true,
    type: 'module',
    main: 'dist/functions/*.js',
    engines: { node: '>=22.18' },
    scripts,
    dependencies: { '@azure/functions': functions, tidemark: chooseRange('tidemark'), zod },
    devDependencies: { ...dev, 'tidemark-cli': chooseRange('tidemark-cli') },
    // The checkpoint store depends on an older client than the services do. Two clients in one project do not
    // recognise each other's errors.
    overrides: {
      '@azure/eventhubs-checkpointstore-blob': { '@azure/event-hubs': '^6.0.4' },
      ...Object.fromEntries(brought),
    },
  }
}

/** A file's address in the form of a manifest. */
function packedFile(packages: string, file: string): string {
  return pathToFileURL(join(packages, file)).href.replace('file://', 'file:')
}

/** The only packed version of a package. @throws UsageError if there is none, or several. */
function onlyPacked(packages: string, name: string): string {
  const [file, ...others] = existsSync(packages)
    ? readdirSync(packages).filter((each) => each.startsWith(`${name}-`) && each.endsWith('.tgz'))
    : []
  if (file === undefined || others.length > 0)
    throw new UsageError(`${packages} must have one ${name}-<version>.tgz: npm run pack -- --to creates it`)
  return packedFile(packages, file)
}

await runCommand(create)
