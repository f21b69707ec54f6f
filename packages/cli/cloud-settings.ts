import { azdValues } from './cloud-settings/azd-values.ts'
import { parseEnvironment, settingsFor, writeSettings } from './cloud-settings/settings-files.ts'
import { readArguments, runCommand } from './command-line/arguments.ts'
import { knownServices } from './project/known-services.ts'

const FOLDER = 'bundles'

/**
 * `npm run cloud:settings [-- --service NAME] [--force]`: writes `bundles/<service>/local.settings.json`.
 * With it a service on a laptop uses the environment in Azure, under the developer's own sign-in. Each
 * service has its own file, because it has its own host storage. azd runs this after it has provisioned.
 */
async function cloudSettings(): Promise<void> {
  const { force, service } = readArguments({}, ['force'], ['service'])
  const named = knownServices(service)
  const environment = parseEnvironment(await azdValues())
  const chosen = named.length > 0 ? named : environment.services.map(({ name }) => name)
  for (const name of chosen) {
    const file = `${FOLDER}/${name}/local.settings.json`
    console.log(`${file} ${await writeSettings(file, settingsFor(environment, name), force)}`)
  }
  console.log(`then: npm run bundle -- --service ${chosen[0]}, and func start in ${FOLDER}/${chosen[0]}`)
}

await runCommand(cloudSettings)
