// Reads the archive of a service: `tidemark/archive`. docs/archive.md describes its format.

import { BlobArchive } from './blobs/archive.ts'
import type { BlobConnection } from './core/archive.ts'
import { archiveContainer } from './core/service.ts'
import { type ArchivedSegment, readArchive } from './runtime/archive.ts'

/**
 * Reads a service's whole archive from its blobs, oldest segment first. Only one segment is in memory at a time.
 * Each is checked against its own roots and the segment before it. Whether segments were removed at the end is
 * not checked.
 * @param connection a connection string, or the address of a storage account's blobs and an identity.
 * @throws TidemarkError while it is read: `archive-gap`, `archive-broken`, `archive-changed` or
 *   `archive-unreadable` with the number of the wrong segment; `container-missing`, `unavailable`.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { openArchive } from 'tidemark/archive'
 *
 * // The streams that an archive has.
 * async function listStreams(connectionString: string): Promise<ReadonlySet<string>> {
 *   const streams = new Set<string>()
 *   for await (const { lines } of openArchive('entries', { connectionString }))
 *     for (const line of lines) streams.add(JSON.parse(line.toString()).stream)
 *   return streams
 * }
 * await assert.rejects(listStreams('UseDevelopmentStorage=no'))
 * ```
 */
export function openArchive(service: string, connection: BlobConnection): AsyncIterable<ArchivedSegment> {
  return readArchive(service, new BlobArchive(connection, archiveContainer(service)))
}
