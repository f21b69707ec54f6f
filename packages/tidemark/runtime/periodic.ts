import type { Clock } from '../core/ports.ts'
import type { Trace } from '../core/reaction.ts'

/** Something that a service does again and again. */
export interface PeriodicTask {
  /** The shortest time between two runs of it. Milliseconds; 0: every time. */
  readonly every: number
  run(trace: Trace): Promise<unknown>
}

/**
 * A timer is not exact to the millisecond: a task is due once nearly all of its time is over, or every other
 * call would be too early for it.
 */
const DUE_AFTER = 0.9

/**
 * Does each task that is due, one after another. One that fails keeps no other from being done.
 * @returns what a timer calls. It throws the first failure, after all tasks.
 */
export function periodicWork(clock: Clock, tasks: readonly PeriodicTask[]): (trace: Trace) => Promise<void> {
  const done = new Map<PeriodicTask, number>()
  return async (trace) => {
    let failure: { readonly error: unknown } | undefined
    for (const task of tasks) {
      const now = clock.elapsed()
      if (now - (done.get(task) ?? Number.NEGATIVE_INFINITY) < DUE_AFTER * task.every) continue
      done.set(task, now)
      try {
        await task.run(trace)
      } catch (error) {
        failure ??= { error }
      }
    }
    if (failure) throw failure.error
  }
}
