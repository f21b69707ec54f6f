import { resolve } from 'node:path'
import { DefaultAzureCredential } from '@azure/identity'
import { blobConnection } from '../../kit/connection-strings.ts'
import { emulatorKey } from '../../kit/emulator-keys.ts'
import { readyCloud } from '../../local-cloud/running-cloud.ts'
import { UsageError } from '../command-line/arguments.ts'
import { dataFolder, localPorts, readSettingsFile } from './local-settings.ts'
import { PROJECT } from './project.ts'

/** How to reach the archive of a service. */
export type ArchiveConnection =
  | { readonly connectionString: string }
  | { readonly serviceUri: string; readonly credential: DefaultAzureCredential }

/**
 * The archive in the running local cloud, or in Azure under the caller's own sign-in. The address in Azure comes
 * from the settings that `npm run cloud:settings` wrote for the service.
 * @throws UsageError if there is no such setting
 */
export async function archiveConnection(service: string, isInAzure: boolean): Promise<ArchiveConnection> {
  if (isInAzure) {
    const file = `bundles/${service}/local.settings.json`
    const serviceUri = readSettingsFile(file, ': npm run cloud:settings writes it').ArchiveStorage__blobServiceUri
    if (serviceUri === undefined || !URL.canParse(serviceUri))
      throw new UsageError(`${file} names no archive in Azure: npm run cloud:settings -- --service ${service} --force`)
    return { serviceUri, credential: new DefaultAzureCredential() }
  }
  return localArchives()
}

/** The archives in the running local cloud. */
export async function localArchives(): Promise<{ readonly connectionString: string }> {
  const cloud = await readyCloud(resolve(PROJECT, dataFolder()))
  const ofEmulator = (): string =>
    blobConnection(`http://127.0.0.1:${localPorts().blob}`, emulatorKey('blob', undefined))
  return { connectionString: cloud?.settings.ArchiveStorage ?? ofEmulator() }
}
