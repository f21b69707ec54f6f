import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { moduleFile } from '../kit/module-file.ts'
import { readSubjects, runCommand, UsageError } from './command-line/arguments.ts'
import { allOrNothing } from './new-service/all-or-nothing.ts'
import { DEPLOYED } from './new-service/azure-yaml.ts'
import { buildFiles, extendedList } from './new-service/files.ts'
import { parseNames } from './new-service/names.ts'
import { services } from './project/config.ts'
import { CONFIG, isCheckout, PROJECT } from './project/project.ts'
import { TOPOLOGY } from './project/topology-file.ts'

const ERRORS = 'docs/errors.md'

/**
 * `npm run new:service -- NAME [--aggregate NAME]`: adds a service that runs, with one aggregate, as a start
 * for your own. Writes all of it or nothing.
 */
async function newService(): Promise<void> {
  const { name, aggregate = 'entry' } = readSubjects(['name'], { aggregate: 'NAME' })
  const names = parseNames(name, aggregate)
  if (services.some((service) => service.name === name)) throw new UsageError(`there is already a service ${name}`)
  const owner = services.find(({ deciders }) => deciders.some(({ category }) => category === aggregate))
  if (owner)
    throw new UsageError(`${aggregate} is an aggregate of ${owner.name}: name another one with --aggregate NAME`)
  const files = buildFiles(names)
  const added = [...files.map(({ path }) => path), `src/${name}`, `schemas/${name}`]
  const there = added.find((path) => existsSync(join(PROJECT, path)))
  if (there !== undefined) throw new UsageError(`${there} already exists: nothing was written`)

  const absolute = (path: string): string => join(PROJECT, path)
  // Not every project documents its refusals.
  const changed = [CONFIG, TOPOLOGY, DEPLOYED, ERRORS].filter((path) => path !== ERRORS || existsSync(absolute(path)))
  allOrNothing(
    {
      added: added.map(absolute),
      changed: changed.map(absolute),
      schemas: absolute('schemas'),
    },
    () => {
      for (const { path, text } of files) {
        mkdirSync(dirname(absolute(path)), { recursive: true })
        writeFileSync(absolute(path), text)
      }
      writeFileSync(absolute(CONFIG), extendedList(readFileSync(absolute(CONFIG), 'utf8'), names))
      format(...files.map(({ path }) => path), CONFIG)
      for (const command of ['topology.ts', 'schemas.ts']) run(moduleFile(`./${command}`, import.meta.url))
    },
  )
  console.log(`wrote    ${files.map(({ path }) => path).join('\n         ')}`)
  console.log(`added    ${name} to ${changed.join(', ')} and schemas/`)
  const [docs, checks] = isCheckout
    ? [
        ' (docs/add-a-service.md)',
        [
          ' && npm run check',
          'npm run infra -- --write: writes snapshots of what is deployed; tests compare the template with them',
        ].join('\n         '),
      ]
    : ['', '']
  console.log(`next     make it yours${docs}, then npm run topology && npm run schemas${checks}
runs     npm start, and then
         curl localhost:7071/api/${name}/${aggregate} -H 'content-type: application/json' -d '{"title": "the first"}'
         curl localhost:7071/api/${name}/${aggregate}`)
}

/** Formats files with Biome, if the project uses it. */
function format(...files: readonly string[]): void {
  if (!existsSync(join(PROJECT, 'biome.json'))) return
  run(createRequire(join(PROJECT, 'package.json')).resolve('@biomejs/biome/bin/biome'), 'check', '--write', ...files)
}

function run(file: string, ...args: readonly string[]): void {
  const { status, stdout, stderr } = spawnSync(process.execPath, [file, ...args], { cwd: PROJECT, encoding: 'utf8' })
  if (status !== 0) throw new Error(`${file} failed, and all changes were undone:\n${stdout}${stderr}`)
}

await runCommand(newService)
