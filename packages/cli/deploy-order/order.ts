import type { Break } from '../gate/compare-events.ts'

interface Order {
  readonly services: readonly string[]
  /** The reasons, one line each. Some name a service that has to wait in any order. */
  readonly reasons: readonly string[]
}

/** Puts the followers of breaking events before their writers. Otherwise keeps the declared order. */
export function readersFirst(names: readonly string[], breaks: readonly Break[]): Order {
  const left = new Set(names)
  const services: string[] = []
  const reasons: string[] = []
  while (left.size > 0) {
    const isReady = (name: string): boolean =>
      breaks.every(({ writer, followers }) => writer !== name || !followers.some((follower) => left.has(follower)))
    const [first = ''] = left
    const next = [...left].find(isReady) ?? first
    left.delete(next)
    services.push(next)
    for (const { event, followers } of breaks.filter(({ writer }) => writer === next))
      for (const follower of followers)
        reasons.push(
          left.has(follower)
            ? `${follower} waits at ${event} of ${next} until it is deployed: each breaks an event the other follows`
            : `${follower} before ${next}: ${event}`,
        )
  }
  return { services, reasons }
}
