import type { ViewGeneration, ViewState } from './ports.ts'
import { listGenerationNumbers, listWriteTargets, type ViewPointer } from './view-pointer.ts'

/** Resolves the generations that a pointer names. */
export function toViewState(pointer: ViewPointer, generation: (number: number) => ViewGeneration): ViewState {
  const { live, cursorsIn } = pointer
  const writeTargets = listWriteTargets(pointer)
  const others = [...listGenerationNumbers(pointer)].filter(
    (number) => number !== live && !writeTargets.includes(number),
  )
  return {
    live: generation(live),
    writeTargets: writeTargets.map(generation),
    others: others.map(generation),
    ...(cursorsIn === undefined ? {} : { cursorsIn }),
  }
}

/** Every generation that a view's pointer names, without duplicates. */
export function listGenerations({ live, writeTargets, others }: ViewState): readonly ViewGeneration[] {
  const byNumber = new Map([live, ...writeTargets, ...others].map((generation) => [generation.number, generation]))
  return [...byNumber.values()]
}
