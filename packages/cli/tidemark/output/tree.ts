/** The fields of an event that a tree of causes needs. */
export interface Caused {
  readonly stream: string
  readonly version: number
  readonly time: string
  readonly causation: string
}

/** An event or a mere cause, with everything it caused. */
export interface Node<Event extends Caused> {
  /** `order-1@7`, or `command:<key>`. */
  readonly id: string
  /** Absent for a command, and for an event that no service returned. */
  readonly event?: Event
  readonly effects: readonly Node<Event>[]
}

/**
 * Events as trees: each below its cause, oldest first. A cause that is not among the events becomes a root.
 * Every event has one place, even if the causes form a cycle, which an intact log does not have.
 */
export function causationTrees<Event extends Caused>(events: readonly Event[]): readonly Node<Event>[] {
  const ordered = [...new Map(events.map((event) => [formatEventId(event), event])).values()].toSorted(byTime)
  const known = new Map(ordered.map((event) => [formatEventId(event), event]))
  const effects = Map.groupBy(ordered, ({ causation }) => causation)
  const placed = new Set<string>()

  function buildNode(id: string): Node<Event> {
    placed.add(id)
    const event = known.get(id)
    const below: Node<Event>[] = []
    for (const effect of effects.get(id) ?? [])
      if (!placed.has(formatEventId(effect))) below.push(buildNode(formatEventId(effect)))
    return { id, ...(event ? { event } : {}), effects: below }
  }

  const roots: Node<Event>[] = []
  for (const { causation } of ordered)
    if (!known.has(causation) && !placed.has(causation)) roots.push(buildNode(causation))
  // The remaining events form a cycle.
  for (const event of ordered) if (!placed.has(formatEventId(event))) roots.push(buildNode(formatEventId(event)))
  return roots
}

export function formatEventId({ stream, version }: Pick<Caused, 'stream' | 'version'>): string {
  return `${stream}@${version}`
}

/** A tree as lines, each with its guides. */
export function treeLines<Event extends Caused>(
  root: Node<Event>,
): readonly { readonly guide: string; readonly node: Node<Event> }[] {
  const lines: { readonly guide: string; readonly node: Node<Event> }[] = []
  function walk(node: Node<Event>, own: string, below: string): void {
    lines.push({ guide: own, node })
    for (const [index, effect] of node.effects.entries()) {
      const last = index === node.effects.length - 1
      walk(effect, `${below}${last ? '└─ ' : '├─ '}`, `${below}${last ? '   ' : '│  '}`)
    }
  }
  walk(root, '', '')
  return lines
}

function byTime(a: Caused, b: Caused): number {
  return a.time < b.time
    ? -1
    : a.time > b.time
      ? 1
      : a.stream < b.stream
        ? -1
        : a.stream > b.stream
          ? 1
          : a.version - b.version
}
