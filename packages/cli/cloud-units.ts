import { azd } from './cloud-settings/azd-values.ts'
import { SCOPE, throughputUnits } from './cloud-settings/throughput-units.ts'
import { readArguments, runCommand, UsageError } from './command-line/arguments.ts'

/**
 * `npm run cloud:units`: stores the current throughput units of the namespace in azd's environment. So the
 * next provision does not reduce them: auto-inflate raises them, and a template cannot read the current
 * value. azd runs this before it provisions.
 */
async function cloudUnits(): Promise<void> {
  readArguments({}, [])
  const { AZURE_ENV_NAME: name, AZURE_SUBSCRIPTION_ID: subscription } = process.env
  if (!name) throw new UsageError('AZURE_ENV_NAME is not set: azd sets it for its hooks')
  const wrong = 'the throughput units in Azure are not known'
  // azd asks for a subscription only after its hooks. Without one, nothing has been provisioned yet.
  const units = subscription ? await throughputUnits(subscription, name, await token(wrong)) : 0
  await azd(['env', 'set', 'TIDEMARK_EVENT_HUBS_UNITS', String(units), '--environment', name], wrong)
  console.log(units === 0 ? 'Event Hubs: no namespace yet' : `Event Hubs: ${units} throughput units, which stay`)
}

async function token(wrong: string): Promise<string> {
  const output = await azd(['auth', 'token', '--output', 'json', '--scope', SCOPE], wrong)
  let found: unknown
  try {
    found = Object(JSON.parse(output)).token
  } catch {
    // Reported below.
  }
  if (typeof found !== 'string' || found === '') throw new UsageError(`${wrong}: azd returned no token`)
  return found
}

await runCommand(cloudUnits)
