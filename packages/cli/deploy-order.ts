import { join } from 'node:path'
import { readArguments, runCommand, UsageError } from './command-line/arguments.ts'
import { readersFirst } from './deploy-order/order.ts'
import { findBreaks } from './gate/compare-events.ts'
import { parseDocuments } from './gate/documents.ts'
import { releasedSchemas } from './gate/released.ts'
import { services } from './project/config.ts'
import { PROJECT } from './project/project.ts'
import { readSchemas } from './schemas/schema-folder.ts'

/**
 * `npm run deploy:order -- --against REF`: prints the services, one per line, in an order in which no service
 * has to wait. If a version of an event breaks with what is deployed at REF, its followers come before its
 * writer (docs/contract.md). The reasons go to stderr.
 */
async function deployOrder(): Promise<void> {
  const { against } = readArguments({}, [], ['against'])
  const [ref, ...others] = against
  if (ref === undefined || others.length > 0) throw new UsageError('--against must name the deployed commit')
  const now = parseDocuments(readSchemas(join(PROJECT, 'schemas')))
  const versions = [...now.keys()].filter((file) => /^[^/]+\/contract\//.test(file)).length
  if (versions === 0) throw new UsageError('schemas/ has no version of an event')
  // GitHub names the state before the first push by zeros.
  const breaks = /^0+$/.test(ref) ? [] : findBreaks(parseDocuments(releasedSchemas(PROJECT, ref).files), now)
  console.error(`since ${ref}: ${breaks.length} of ${versions} versions of events break`)
  const { services: order, reasons } = readersFirst(
    services.map(({ name }) => name),
    breaks,
  )
  for (const reason of reasons) console.error(reason)
  for (const service of order) console.log(service)
}

await runCommand(deployOrder)
