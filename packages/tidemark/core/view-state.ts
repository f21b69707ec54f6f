import type { ViewGeneration, ViewState } from './ports.ts'
import { listGenerationNumbers, listWriteTargets, type ViewPointer } from './view-pointer.ts'

/** What a pointer says, with the generations that it names. */
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

/** Every generation that a view's pointer names, each once. */
export function listGenerations({ live, writeTargets, others }: ViewState): readonly ViewGeneration[] {
  const byNumber = new Map([live, ...writeTargets, ...others].map((generation) => [generation.number, generation]))
  return [...byNumber.values()]
}
