/** Something that happens at a time. */
interface Moment {
  readonly time: number
  /** The planned order, which decides between two at the same time. */
  readonly order: number
  readonly happens: () => void
}

/**
 * The number of moments between two turns of the event loop. The turn lets through what waits for one, such
 * as the write of a snapshot.
 */
const MOMENTS_A_TURN = 64

/**
 * Virtual time: moments in order. Each starts when all work of the one before has come to rest. Nothing else
 * runs meanwhile, so the same moments give the same history.
 */
export class Timeline {
  /** Milliseconds since 1970. */
  now = Date.UTC(2026, 0, 1)
  /** The number of moments that have passed. */
  passed = 0
  readonly #heap: Moment[] = []
  #planned = 0

  /** @param milliseconds counted from now; 0 still comes after all running work. */
  after(milliseconds: number, happens: () => void): void {
    this.#planned += 1
    this.#push({ time: this.now + milliseconds, order: this.#planned, happens })
  }

  /** Lets time pass until `isOver`, or until no moment is left. @param isOver called before each moment. */
  async run(isOver: () => boolean): Promise<void> {
    for (;;) {
      await (this.passed % MOMENTS_A_TURN === 0 ? turn() : rest())
      if (isOver()) return
      let next = this.#pop()
      if (next === undefined) {
        await turn()
        next = this.#pop()
        if (next === undefined) return
      }
      this.passed += 1
      this.now = next.time
      next.happens()
    }
  }

  #push(moment: Moment): void {
    const heap = this.#heap
    let at = heap.length
    heap.push(moment)
    while (at > 0) {
      const above = (at - 1) >> 1
      const parent = heap[above] as Moment
      if (!isBefore(moment, parent)) break
      heap[at] = parent
      at = above
    }
    heap[at] = moment
  }

  #pop(): Moment | undefined {
    const heap = this.#heap
    const [first] = heap
    const last = heap.pop()
    if (first === undefined || last === undefined || heap.length === 0) return first
    let at = 0
    for (;;) {
      let below = 2 * at + 1
      if (below >= heap.length) break
      if (below + 1 < heap.length && isBefore(heap[below + 1] as Moment, heap[below] as Moment)) below += 1
      if (!isBefore(heap[below] as Moment, last)) break
      heap[at] = heap[below] as Moment
      at = below
    }
    heap[at] = last
    return first
  }
}

function isBefore(one: Moment, other: Moment): boolean {
  return one.time < other.time || (one.time === other.time && one.order < other.order)
}

/** Resolves when no promise continues. Ticks come after all microtasks, including those that microtasks add. */
function rest(): Promise<void> {
  return new Promise((resolve) => queueMicrotask(() => process.nextTick(resolve)))
}

/** Like `rest`, and also after everything that waited for the event loop's next turn. */
function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(() => setImmediate(resolve)))
}
