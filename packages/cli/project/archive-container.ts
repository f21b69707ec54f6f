import { BlobServiceClient, type ContainerClient } from '@azure/storage-blob'
import { archiveContainer } from 'tidemark/tools'
import { UsageError } from '../command-line/arguments.ts'
import { archiveConnection } from './archive-account.ts'

/**
 * The blobs of a service's archive, as they are stored: for checks that share no code with the archive's reader.
 * @throws UsageError if there is no such cloud, or no such setting
 */
export async function openArchiveContainer(service: string, isInAzure: boolean): Promise<ContainerClient> {
  const connection = await archiveConnection(service, isInAzure)
  const account =
    'connectionString' in connection
      ? BlobServiceClient.fromConnectionString(connection.connectionString)
      : new BlobServiceClient(connection.serviceUri, connection.credential)
  const container = account.getContainerClient(archiveContainer(service))
  if (await container.exists()) return container
  throw new UsageError(`there is no blob container ${container.containerName}: provision it, or use --no-archive`)
}
