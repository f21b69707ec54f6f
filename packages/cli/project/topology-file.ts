import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { buildTopology, type Topology } from 'tidemark/tools'
import { services } from './config.ts'
import { PROJECT } from './project.ts'

/** The resources that the local cloud creates and Bicep provisions. */
export const TOPOLOGY = 'infra/topology.json'

/** Writes the topology if there is none, as in a new project. */
export function ensureTopology(): void {
  if (existsSync(join(PROJECT, TOPOLOGY))) return
  writeTopology()
  console.log(`wrote ${TOPOLOGY}: the resources that the services need. Commit it with the sources`)
}

/** @returns what was written. */
export function writeTopology(): Topology {
  const file = join(PROJECT, TOPOLOGY)
  const made = buildTopology(services)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, `${JSON.stringify(made, null, 2)}\n`)
  return made
}
