import { writeFileSync } from 'node:fs'
import { topologyOf } from 'tidemark/tools'
import { services } from './config.ts'

const file = 'infra/topology.json'
const topology = topologyOf(services)
writeFileSync(file, `${JSON.stringify(topology, null, 2)}\n`)
const containers = topology.databases.flatMap((database) => database.containers)
console.log(
  `${file}: ${topology.databases.length} databases, ${containers.length} containers, ${topology.eventHubs.length} hubs`,
)
