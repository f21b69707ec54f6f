import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { runCommand } from './command-line/arguments.ts'
import { buildAzureYaml, DEPLOYED } from './new-service/azure-yaml.ts'
import { services } from './project/config.ts'
import { PROJECT } from './project/project.ts'
import { TOPOLOGY, writeTopology } from './project/topology-file.ts'

/** `npm run topology`: writes the resources that the services declare, and the list of deployed services. */
async function topology(): Promise<void> {
  const { databases, eventHubs } = writeTopology()
  const containers = databases.flatMap((database) => database.containers)
  console.log(`${TOPOLOGY}: ${databases.length} databases, ${containers.length} containers, ${eventHubs.length} hubs`)
  writeDeployed()
}

/** A project that is not deployed by azd has no azure.yaml. */
function writeDeployed(): void {
  const file = join(PROJECT, DEPLOYED)
  if (!existsSync(file)) return
  const text = readFileSync(file, 'utf8')
  const made = buildAzureYaml(
    text.replaceAll('\r\n', '\n'),
    services.map(({ name }) => name),
  )
  if (made !== text) writeFileSync(file, made)
  console.log(`${DEPLOYED}: ${services.length} services`)
}

await runCommand(topology)
