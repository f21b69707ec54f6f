/**
 * The roles of a view's generations. Generations are numbered from 1, and numbers are never reused. So the
 * highest number stays in a role, or in `highest`, until a higher one is used.
 */
export interface ViewPointer {
  /** The generation that queries read. */
  readonly live: number
  /** The generation that queries read before, and when they stopped: RFC 3339. */
  readonly previous?: { readonly generation: number; readonly left: string }
  /** The generation that a rebuild is building, or was building when it ended early. */
  readonly building?: number
  /**
   * The generations that projections write, in this order, during a dual-write. Absent: the live one alone.
   */
  readonly written?: readonly number[]
  /**
   * The generation that waits to be promoted. Projections write it, and it has everything the live one has.
   */
  readonly built?: number
  /** The highest number used so far, if that generation is gone. */
  readonly highest?: number
  /** The view whose documents store this view's cursors. Absent: they are separate items. */
  readonly cursorsIn?: string
  /**
   * Unique to the write that stored this pointer. After a write without an answer, it shows whose write
   * succeeded.
   */
  readonly stamp?: string
}

/** The pointer of a view whose pointer was never written. */
export const FIRST_POINTER: ViewPointer = { live: 1 }

/** The generations that projections write, in this order. */
export function listWriteTargets({ live, written = [live] }: ViewPointer): readonly number[] {
  return written
}

/** Every generation that has a role. */
export function listGenerationNumbers(pointer: ViewPointer): ReadonlySet<number> {
  const { live, previous, building } = pointer
  const named = [live, previous?.generation, building, ...listWriteTargets(pointer)]
  return new Set(named.filter((generation) => generation !== undefined))
}

/** The highest generation number used so far. */
export function findHighestGeneration(pointer: ViewPointer): number {
  return Math.max(pointer.highest ?? 0, ...listGenerationNumbers(pointer))
}

/** Starts a new generation and ends any dual-write or build in progress. */
export function startRebuild(pointer: ViewPointer): ViewPointer & { readonly building: number } {
  const { highest: _, ...kept } = finishRebuild(pointer)
  return { ...kept, building: findHighestGeneration(pointer) + 1 }
}

/**
 * Whether a view's cursors move out of another view's documents. The cursors of the live generation are then
 * lost.
 */
export function movesCursors({ cursorsIn: before }: ViewPointer, cursorsIn: string | undefined): boolean {
  return before !== undefined && before !== cursorsIn
}

/**
 * Starts a dual-write: projections write the target before the live generation, so the target has everything
 * the live one has.
 * @param cursorsIn the view whose documents store the cursors from now on. If the cursors move out of another
 *   view's documents, those of the live generation are lost, and projections stop writing it.
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

/** Drops the built or unfinished generation. */
export function abandonBuild(pointer: ViewPointer): ViewPointer {
  const { building: _, ...kept } = finishRebuild(pointer)
  return { ...kept, highest: findHighestGeneration(pointer) }
}

/** Marks the target as complete: it has everything the live generation has and waits to be promoted. */
export function awaitPromotion(pointer: ViewPointer, target: number): ViewPointer {
  return { ...pointer, built: target }
}

/**
 * Makes queries read the target. Projections keep writing both generations, for instances that still read the
 * old one. A generation that was no longer written cannot be rolled back to: its progress is unknown.
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

/** Ends the dual-write: projections write the live generation alone. */
export function finishRebuild(pointer: ViewPointer): ViewPointer {
  const { written: _, built: __, ...kept } = pointer
  return kept
}
