import { runCommand } from './arguments.ts'
import { TOPOLOGY, writeTopology } from './topology-file.ts'

/** `npm run topology`: writes what the services need to exist, as they declare it. */
async function topology(): Promise<void> {
  const { databases, eventHubs } = writeTopology()
  const containers = databases.flatMap((database) => database.containers)
  console.log(`${TOPOLOGY}: ${databases.length} databases, ${containers.length} containers, ${eventHubs.length} hubs`)
}

await runCommand(topology)
