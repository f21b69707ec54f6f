import { Worker } from 'node:worker_threads'
import type { Violation } from './check/invariants.ts'
import type { Mutation } from './mutations.ts'

/** The history that noticed a mutation. */
export interface Caught {
  readonly seed: number
  readonly violation: Violation
  /** The sizes before and after its reduction, if it was reduced. */
  readonly smaller?: Smaller
}

/** The size of a history before and after its reduction, and whether the reduced one can be repeated. */
export interface Smaller {
  readonly from: Size
  readonly to: Size
  readonly isRepeatable: boolean
}

export interface Size {
  readonly faults: number
  readonly steps: number
}

/** The input of the thread with a mutated runtime. */
export interface Mutant {
  readonly mutation: Mutation
  readonly seeds: number
  /** Whether to reduce the history. */
  readonly shrinks: boolean
}

/**
 * Runs a mutated runtime in a thread of its own until a history notices the mutation.
 * @param seeds the last seed to run, starting with 1. The mutation's own is tried before.
 * @param shrinks whether to reduce that history.
 * @returns undefined if no history notices it. @throws Error unless the code to mutate occurs exactly once.
 */
export function catchMutant(mutation: Mutation, seeds: number, shrinks = false): Promise<Caught | undefined> {
  return new Promise((resolve, reject) => {
    const workerData: Mutant = { mutation, seeds, shrinks }
    const thread = new Worker(new URL('mutant-thread.ts', import.meta.url), { workerData })
    thread.once('message', resolve)
    thread.once('error', reject)
    thread.once('exit', () => reject(new Error(`the thread of ${mutation.name} ended without an answer`)))
  })
}
