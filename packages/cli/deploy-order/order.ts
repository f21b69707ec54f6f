import type { Break } from '../gate/compare-events.ts'

export interface Order {
  readonly services: readonly string[]
  /** Why, one line each: also where no order spares everybody. */
  readonly reasons: readonly string[]
}

/** Whoever follows what breaks before whoever writes it; otherwise as they were declared. */
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
            ? `${follower} holds ${event} of ${next} until it is deployed: each breaks what the other follows`
            : `${follower} before ${next}: ${event}`,
        )
  }
  return { services, reasons }
}
