import { describeNames, type EventType } from '../core/event.ts'
import { canonicalHash } from '../core/hash-chain.ts'
import { listFollowingViews, listReactions, type Service } from '../core/service.ts'

/** A hash that differs between builds with different handlers or event types. */
export function computeBuild(service: Service): string {
  const events = service.deciders.flatMap(({ events }) => events)
  const followed = listReactions(service).flatMap(({ name, events }) => [name, ...events.map(formatVersion)])
  const sources = listFollowingViews(service).flatMap((view) =>
    view.sources.flatMap(({ events }) => events.map(formatVersion)),
  )
  const views = [...service.views.map(({ name }) => name), ...sources]
  return canonicalHash([events.map(formatVersion), views, followed]).slice(0, 12)
}

function formatVersion(type: EventType): string {
  return `${type.name}.v${type.version}${describeNames(type)}`
}
