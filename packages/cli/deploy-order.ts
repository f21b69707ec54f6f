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
 * `npm run deploy:order -- --against REF`: the services, one a line, in an order in which nobody has to wait:
 * whoever follows an event of which a version breaks with what is deployed at REF, before whoever writes it
 * (docs/contract.md). Why stands on stderr.
 */
async function deployOrder(): Promise<void> {
  const { against } = readArguments({}, [], ['against'])
  const [ref, ...others] = against
  if (ref === undefined || others.length > 0) throw new UsageError('--against names the commit that is deployed')
  const now = parseDocuments(readSchemas(join(PROJECT, 'schemas')))
  const versions = [...now.keys()].filter((file) => /^[^/]+\/contract\//.test(file)).length
  if (versions === 0) throw new UsageError('schemas/ has no version of an event')
  // GitHub's name for what was there before the first push.
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
