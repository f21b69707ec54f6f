import { Worker } from 'node:worker_threads'
import type { Violation } from './check/invariants.ts'
import type { Mutation } from './mutations.ts'

/** The history that shows a mutation. */
export interface Caught {
  readonly seed: number
  readonly violation: Violation
  /** What is left of it, where it was made smaller. */
  readonly smaller?: Smaller
}

/**
 * How large a history was before it was made smaller, and after; and whether what is left shows the same when
 * it is repeated.
 */
export interface Smaller {
  readonly from: Size
  readonly to: Size
  readonly isRepeatable: boolean
}

export interface Size {
  readonly faults: number
  readonly steps: number
}

/** What the thread of a mutated runtime is told. */
export interface Mutant {
  readonly mutation: Mutation
  readonly seeds: number
  /** Whether the history that shows it is made smaller. */
  readonly shrinks: boolean
}

/**
 * Runs a mutated runtime, in a thread that loads it anew, until a history shows it.
 * @param seeds from 1 to this one.
 * @param shrinks whether that history is made smaller.
 * @returns undefined where none does. @throws Error where what is to be mutated does not stand there once.
 */
export function catchMutant(mutation: Mutation, seeds: number, shrinks = false): Promise<Caught | undefined> {
  return new Promise((resolve, reject) => {
    const workerData: Mutant = { mutation, seeds, shrinks }
    const thread = new Worker(new URL('mutant-thread.ts', import.meta.url), { workerData })
    thread.once('message', resolve)
    thread.once('error', reject)
    thread.once('exit', () => reject(new Error(`the thread of ${mutation.name} ended without a word`)))
  })
}
