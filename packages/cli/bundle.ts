import { join } from 'node:path'
import { importTime } from './bundle/import-time.ts'
import { bundleService } from './bundle/service-bundle.ts'
import { readArguments, runCommand } from './command-line/arguments.ts'
import { services } from './project/config.ts'
import { knownServices } from './project/known-services.ts'

const FOLDER = 'bundles'
const MEBIBYTE = 1024 * 1024

/**
 * `npm run bundle [-- --service NAME]`: bundles each service, or those named, into a folder of its own, ready
 * to deploy. Prints its size and how long a cold start takes to import it.
 */
async function bundle(): Promise<void> {
  const named = knownServices(readArguments({}, [], ['service']).service)
  for (const name of named.length > 0 ? named : services.map((service) => service.name)) {
    const folder = join(FOLDER, name)
    const { inputs, outputs } = await bundleService(name, folder)
    const bytes = Object.values(outputs).reduce((sum, output) => sum + output.bytes, 0)
    const size = `${Object.keys(inputs).length} modules in ${(bytes / MEBIBYTE).toFixed(1)} MiB`
    console.log(`${folder.padEnd(20)} ${size}, imported in ${Math.round(await importTime(folder))} ms`)
  }
}

await runCommand(bundle)
