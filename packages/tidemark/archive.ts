// Reads the archive of a service: `tidemark/archive`. docs/archive.md describes its format.

import { BlobArchive } from './blobs/archive.ts'
import type { BlobConnection } from './core/archive.ts'
import { archiveContainer } from './core/service.ts'
import type { EventHubsConnection } from './event-hubs/publisher.ts'
import { EventHubsReader, eventHubConsumer } from './event-hubs/reader.ts'
import { type ArchivedSegment, readArchive } from './runtime/archive.ts'
import { followHistory, type HistoryReader } from './runtime/follow-history.ts'

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

/**
 * Reads a service's whole history, each event once: first its archive, then its hub, which has what the archive
 * does not have yet. The caller has a cursor for each stream, as a view has. Only one page is in memory.
 * @param connections `eventHubs`: a connection string, or the namespace and an identity.
 * @param passed the version up to which the caller has a stream, 0 if it has nothing. Store it with the effect of
 *   each page, before you ask for the next.
 * @param offset of another reader, which this one continues.
 * @throws TidemarkError while it is read: as `openArchive`; `gap-unfilled` if an event is not in the hub any more
 *   and not in the archive yet.
 * @example
 * ```ts
 * import assert from 'node:assert/strict'
 * import { openHistory } from 'tidemark/archive'
 *
 * const versions = new Map<string, number>()
 * // What an archive and a hub have by now. The next call goes on from there.
 * async function countNew(blobs: string, eventHubs: string): Promise<number> {
 *   const connections = { blobs: { connectionString: blobs }, eventHubs: { connectionString: eventHubs } }
 *   const reader = openHistory('entries', connections, (stream) => versions.get(stream) ?? 0)
 *   let count = 0
 *   for (let page = await reader.next(); page; page = await reader.next()) {
 *     for (const { stream, version } of page) versions.set(stream, version)
 *     count += page.length
 *   }
 *   await reader.close()
 *   return count
 * }
 * await assert.rejects(countNew('UseDevelopmentStorage=no', 'Endpoint=no'))
 * ```
 */
export function openHistory(
  service: string,
  connections: { readonly blobs: BlobConnection; readonly eventHubs: EventHubsConnection },
  passed: (stream: string) => number | Promise<number>,
  offset?: string,
): HistoryReader {
  const source = {
    service,
    archive: new BlobArchive(connections.blobs, archiveContainer(service)),
    openHub: () => new EventHubsReader(eventHubConsumer(connections.eventHubs, service)),
  }
  return followHistory(source, passed, offset)
}
