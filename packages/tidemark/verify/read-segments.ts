import type { ContainerClient } from '@azure/storage-blob'
import type { StoredSegment } from './segment.ts'

/** How many segments are fetched before they are asked for. */
const AHEAD = 2

/**
 * The segments of an archive as they are stored, by ascending number.
 * @param container the service's archive, such as `archive-ordering`.
 * @param after the segment after which to start. Default: the first one is read first.
 * @example
 * ```ts
 * import { BlobServiceClient } from '@azure/storage-blob'
 * import { readSegments } from 'tidemark/verify'
 *
 * export async function size(storage: string): Promise<number> {
 *   const container = BlobServiceClient.fromConnectionString(storage).getContainerClient('archive-entries')
 *   let total = 0
 *   for await (const { bytes } of readSegments(container)) total += bytes.byteLength
 *   return total
 * }
 * ```
 */
export async function* readSegments(container: ContainerClient, after = 0): AsyncIterable<StoredSegment> {
  const fetching: Promise<StoredSegment>[] = []
  // Listed in the order of their names: https://learn.microsoft.com/rest/api/storageservices/list-blobs
  for await (const { name } of container.listBlobsFlat({ prefix: 'segments/' })) {
    const digits = /^segments\/(\d{12})\.ndjson\.gz$/.exec(name)?.[1]
    if (digits === undefined || Number(digits) <= after) continue
    const fetched = container
      .getBlobClient(name)
      .downloadToBuffer()
      .then((bytes) => ({ number: Number(digits), bytes }))
    // Awaited below, in order. Until then a failure must not count as unhandled.
    fetched.catch(() => {})
    fetching.push(fetched)
    if (fetching.length > AHEAD) yield (await fetching.shift()) as StoredSegment
  }
  for (const fetched of fetching) yield await fetched
}
