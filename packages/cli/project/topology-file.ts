import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { buildTopology, type Topology } from 'tidemark/tools'
import { services } from './config.ts'
import { PROJECT } from './project.ts'

/** What the local cloud creates, and what Bicep provisions. */
export const TOPOLOGY = 'infra/topology.json'

/** A project that has just been made has none. */
export function ensureTopology(): void {
  if (existsSync(join(PROJECT, TOPOLOGY))) return
  writeTopology()
  console.log(`wrote ${TOPOLOGY}: what the services need to exist. It belongs to the sources`)
}

/** @returns what was written. */
export function writeTopology(): Topology {
  const file = join(PROJECT, TOPOLOGY)
  const made = buildTopology(services)
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, `${JSON.stringify(made, null, 2)}\n`)
  return made
}
