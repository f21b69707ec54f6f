import { TidemarkError } from '../core/errors.ts'
import type { ParkingStore } from '../core/parking.ts'
import type { Archive, Clock, HubReader, ProgressStore, ViewStores } from '../core/ports.ts'
import { followingName, listFollowingViews, listViewSources, type Service } from '../core/service.ts'
import type { AnyMultiServiceView } from '../core/view.ts'
import { sourceHistory } from './archive-search.ts'
import type { Handler } from './consume.ts'
import { once } from './once.ts'
import { sourceProjection } from './project.ts'
import { type RebuildDependencies, readDiscards } from './rebuild.ts'
import { type HistorySource, sourceHistories } from './source-reader.ts'
import type { ViewCodes } from './view-codes.ts'

/** What views over several services need of their service's ports. */
export interface SourceViewPorts {
  /** The archive of a service that a view follows. Absent: no view follows services. */
  readonly sourceArchive?: (service: string) => Archive
  /** The hub of a service. */
  hub(service: string): HubReader
  progress(consumer: string): ProgressStore
  /** The dead-letter store of a consumer. */
  parking(consumer: string): ParkingStore
}

interface SourceViewDependencies {
  readonly service: Service
  readonly ports: SourceViewPorts
  readonly views: () => ViewStores
  readonly codes: () => ViewCodes
  readonly clock: Clock
}

/** Wires up the views of a service that follow other services: each of those has an archive and a hub. */
export class SourceViews {
  readonly #deps: SourceViewDependencies
  readonly #history = once(() => sourceHistory((source) => this.#openArchive(source)))

  constructor(deps: SourceViewDependencies) {
    this.#deps = deps
  }

  /** The views that follow a hub, by the categories that they follow there. */
  handlers(hub: string): readonly Handler[] {
    const { service, views, clock, codes } = this.#deps
    const followed = listFollowingViews(service, hub).flatMap((view) =>
      view.sources.filter((source) => source.service === hub).map(({ category }) => ({ view, category })),
    )
    const deps = { history: this.#history(), views: views(), clock, codes: codes() }
    return [...Map.groupBy(followed, ({ category }) => category)].map(([category, its]) => {
      const followers = its.map(({ view }) => view)
      const names = followers.map(({ name }) => name)
      // What the hub no longer has is in the archive, where a rebuild reads it.
      return { names, category, startsAt: 'first', ...sourceProjection(deps, followers) }
    })
  }

  /** What a rebuild of a view reads instead of the own log, and what its consumers store: there is one for each hub. */
  rebuildDeps(view: AnyMultiServiceView): Required<Pick<RebuildDependencies, 'progress' | 'parking' | 'sources'>> {
    const { service, ports } = this.#deps
    const consumers = listViewSources({ views: [view] }).map((hub) => followingName(service.name, hub))
    return {
      progress: { read: async () => (await Promise.all(consumers.map((each) => ports.progress(each).read()))).flat() },
      parking: {
        discards: async () => (await Promise.all(consumers.map((each) => ports.parking(each).discards()))).flat(),
      },
      sources: { history: this.#history(), list: (each) => this.#listSources(each) },
    }
  }

  /**
   * What looks at the past of a view reads instead of the own log.
   * @param readsHubs false: only the archives, which have each event once.
   */
  historyDeps(view: AnyMultiServiceView, readsHubs: boolean) {
    const { parking } = this.rebuildDeps(view)
    return {
      history: sourceHistories(this.#listSources(view), readsHubs),
      readDiscards: () => readDiscards({ parking, clock: this.#deps.clock }, view),
    }
  }

  #listSources(view: AnyMultiServiceView): readonly HistorySource[] {
    return listViewSources({ views: [view] }).map((source) => ({
      service: source,
      archive: this.#openArchive(source),
      openHub: () => this.#deps.ports.hub(source),
    }))
  }

  #openArchive(source: string): Archive {
    const { service, ports } = this.#deps
    if (ports.sourceArchive) return ports.sourceArchive(source)
    throw new TidemarkError('internal', `${service.name} has no way to read the archive of ${source}`)
  }
}
