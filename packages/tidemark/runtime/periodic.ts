import type { Clock } from '../core/ports.ts'
import type { Trace } from '../core/reaction.ts'

/** A task that a service repeats. */
interface PeriodicTask {
  /** The shortest time between two runs, in milliseconds. 0: at every call. */
  readonly every: number
  run(trace: Trace): Promise<unknown>
}

/**
 * Timers are not exact to the millisecond. So a task is due once most of its time has passed; otherwise every
 * other call would come too early.
 */
export const DUE_AFTER = 0.9

/**
 * Runs each task that is due, one after another. A failure does not stop the other tasks.
 * @returns the function that a timer calls. It throws the first failure, after all tasks.
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
