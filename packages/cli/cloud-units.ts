import { azd } from './cloud-settings/azd-values.ts'
import { SCOPE, throughputUnits } from './cloud-settings/throughput-units.ts'
import { readArguments, runCommand, UsageError } from './command-line/arguments.ts'

/**
 * `npm run cloud:units`: notes in azd's environment how many throughput units the namespace in Azure has, so
 * that the provision which comes next takes none of them back: auto-inflate raises them, and a template
 * cannot ask what is there. azd runs this before it provisions.
 */
async function cloudUnits(): Promise<void> {
  readArguments({}, [])
  const { AZURE_ENV_NAME: name, AZURE_SUBSCRIPTION_ID: subscription } = process.env
  if (!name) throw new UsageError('AZURE_ENV_NAME is not set: azd sets it for its hooks')
  const wrong = 'the throughput units in Azure are not known'
  // azd asks for a subscription only after its hooks: where it has none yet, nothing is there either.
  const units = subscription ? await throughputUnits(subscription, name, await token(wrong)) : 0
  await azd(['env', 'set', 'TIDEMARK_EVENT_HUBS_UNITS', String(units), '--environment', name], process.env, wrong)
  console.log(
    units === 0 ? 'Event Hubs: no namespace yet' : `Event Hubs: ${units} throughput units, none is taken back`,
  )
}

async function token(wrong: string): Promise<string> {
  const output = await azd(['auth', 'token', '--output', 'json', '--scope', SCOPE], process.env, wrong)
  let found: unknown
  try {
    found = Object(JSON.parse(output)).token
  } catch {
    // Said below.
  }
  if (typeof found !== 'string' || found === '') throw new UsageError(`${wrong}: azd has no token`)
  return found
}

await runCommand(cloudUnits)
