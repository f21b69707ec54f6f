/**
 * Which of a view's generations is used for what. Generations are numbered from 1, and no number is ever used
 * again: the highest one stays named, or said by `highest`, until a higher one is.
 */
export interface ViewPointer {
  /** The one that queries read. */
  readonly live: number
  /** The one that they read before, and until when: RFC 3339. */
  readonly previous?: { readonly generation: number; readonly left: string }
  /** The one that a replay builds, or built when it ended early. */
  readonly building?: number
  /** Those that projections write, in this order, during a handover. Absent: the live one alone. */
  readonly written?: readonly number[]
  /** The one that was built and waits to be promoted: it is written, and lacks nothing that the live one has. */
  readonly built?: number
  /** The highest number that was used, of a generation that is gone. */
  readonly highest?: number
  /** The view whose documents have the cursors of this one. Absent: they are items of its own. */
  readonly cursorsIn?: string
  /** Unique to the write that made it so: an unanswered write is told by it from another's. */
  readonly stamp?: string
}

/** What holds where no pointer was ever written. */
export const FIRST_POINTER: ViewPointer = { live: 1 }

/** The generations that projections write, in this order. */
export function listWriteTargets({ live, written = [live] }: ViewPointer): readonly number[] {
  return written
}

/** Every generation that is used for something. */
export function listGenerationNumbers(pointer: ViewPointer): ReadonlySet<number> {
  const { live, previous, building } = pointer
  const named = [live, previous?.generation, building, ...listWriteTargets(pointer)]
  return new Set(named.filter((generation) => generation !== undefined))
}

/** The highest number that was ever used. */
export function findHighestGeneration(pointer: ViewPointer): number {
  return Math.max(pointer.highest ?? 0, ...listGenerationNumbers(pointer))
}

/** Begins a new generation, whatever was going on before. */
export function startRebuild(pointer: ViewPointer): ViewPointer & { readonly building: number } {
  const { highest: _, ...kept } = finishRebuild(pointer)
  return { ...kept, building: findHighestGeneration(pointer) + 1 }
}

/**
 * Whether a view had its cursors in another's documents, and will have them elsewhere: then those of the live
 * generation are lost.
 */
export function movesCursors({ cursorsIn: before }: ViewPointer, cursorsIn: string | undefined): boolean {
  return before !== undefined && before !== cursorsIn
}

/**
 * Projections write a generation before the live one: what the live one has, this one has too.
 * @param cursorsIn the view whose documents have the cursors from now on. Where they were in another's, those
 * of the live generation are lost with that one, and it is not written any more.
 */
export function startDualWrite(pointer: ViewPointer, target: number, cursorsIn?: string): ViewPointer {
  if (pointer.written?.includes(target)) return pointer
  const { cursorsIn: _, ...kept } = pointer
  const moved = movesCursors(pointer, cursorsIn)
  return {
    ...kept,
    ...(cursorsIn === undefined ? {} : { cursorsIn }),
    written: moved ? [target] : [target, pointer.live],
  }
}

/** Nothing is built, nor being built. */
export function abandonBuild(pointer: ViewPointer): ViewPointer {
  const { building: _, ...kept } = finishRebuild(pointer)
  return { ...kept, highest: findHighestGeneration(pointer) }
}

/** The target has all that the live generation has, and waits. */
export function awaitPromotion(pointer: ViewPointer, target: number): ViewPointer {
  return { ...pointer, built: target }
}

/**
 * Queries read a generation that projections write; both go on being written, for those who still read the
 * other. One that was not written any more is no generation to go back to: nothing tells how far it has come.
 */
export function promoteGeneration(pointer: ViewPointer, target: number, now: string): ViewPointer {
  const { building, previous: _, built: __, ...kept } = pointer
  return {
    ...kept,
    ...(building === undefined || building === target ? {} : { building }),
    live: target,
    ...(listWriteTargets(pointer).includes(pointer.live) ? { previous: { generation: pointer.live, left: now } } : {}),
  }
}

/** Projections write the live generation alone. */
export function finishRebuild(pointer: ViewPointer): ViewPointer {
  const { written: _, built: __, ...kept } = pointer
  return kept
}
