import type { RecordedEvent } from '../../core/event.ts'
import type { AnyView } from '../../core/view.ts'
import { HandlersFailed } from '../../runtime/consume.ts'
import { type ProjectDependencies, projection } from '../../runtime/project.ts'
import { viewEvents } from '../../runtime/view-events.ts'

/** Delivers events to views of one category, and throws the first failure. */
export function projecting(
  deps: Omit<ProjectDependencies, 'clock'> & Partial<Pick<ProjectDependencies, 'clock'>>,
  ...views: readonly AnyView[]
): (events: readonly RecordedEvent[]) => Promise<void> {
  // The time of the tests' events.
  const { handle } = projection({ clock: { now: () => '2026-01-01T00:00:00.000Z' }, ...deps }, views)
  const [first] = views
  return async (events) => {
    try {
      await handle(first ? events.filter(({ stream }) => viewEvents(first, deps.eventTypes).follows(stream)) : [], {
        trace: () => {},
      })
    } catch (error) {
      throw error instanceof HandlersFailed ? error.failures[0]?.cause : error
    }
  }
}
