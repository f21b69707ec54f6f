import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import type { Database } from '@azure/cosmos'
import type { EventType } from '../../core/event.ts'
import type { AnyView } from '../../core/view.ts'
import { CosmosEventFeed } from '../../cosmos/event-feed.ts'
import { CosmosEventStore } from '../../cosmos/event-store.ts'
import { CosmosViewGenerations } from '../../cosmos/view-generations.ts'
import { sourceHistory } from '../../runtime/archive-search.ts'
import { LiveViews } from '../../runtime/live-views.ts'
import { rebuildView, type ViewSources } from '../../runtime/rebuild.ts'

/**
 * Rebuilds a view of a service that nobody else runs.
 * @param list the histories that a view over several services is built from.
 * @returns how long it read the log, and how many documents it made. The promotion waits for other instances,
 *   however long the log.
 */
export async function rebuildAlone(
  database: Database,
  view: AnyView,
  eventTypes: readonly EventType[],
  list?: ViewSources['list'],
): Promise<{ readonly seconds: number; readonly documents: number }> {
  const clock = {
    now: () => new Date().toISOString(),
    elapsed: () => performance.now(),
    wait: (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds)),
  }
  const log = database.container('events')
  const generations = new CosmosViewGenerations({ exact: database, relaxed: database }, 3600)
  const deps = {
    ...{ log: new CosmosEventStore(log), feed: new CosmosEventFeed(log), generations, clock, eventTypes },
    views: new LiveViews(generations, clock),
    declared: [view],
    progress: { read: async () => [] },
    ...(list === undefined ? {} : { sources: { list, history: sourceHistory(() => assert.fail('a gap')) } }),
    ids: randomUUID,
  }
  let [began, ended] = [0, 0]
  const { live } = await rebuildView(deps, view, {
    begin() {
      began = performance.now()
    },
    read() {},
    stage(stage) {
      if (stage === 'handover') ended = performance.now()
    },
  })
  const query = `SELECT VALUE COUNT(1) FROM c WHERE c.kind = "document" AND c.generation = ${live}`
  const { resources } = await database.container(view.name).items.query<number>(query).fetchAll()
  return { seconds: (ended - began) / 1000, documents: resources[0] ?? 0 }
}
