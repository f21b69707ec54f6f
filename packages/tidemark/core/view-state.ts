import type { ViewGeneration, ViewState } from './ports.ts'
import { generationsOf, type ViewPointer, writtenOf } from './view-pointer.ts'

/** What a pointer says, with the generations that it names. */
export function stateOf(pointer: ViewPointer, generation: (number: number) => ViewGeneration): ViewState {
  const { live, cursorsIn } = pointer
  const written = writtenOf(pointer)
  const others = [...generationsOf(pointer)].filter((number) => number !== live && !written.includes(number))
  return {
    live: generation(live),
    written: written.map(generation),
    others: others.map(generation),
    ...(cursorsIn === undefined ? {} : { cursorsIn }),
  }
}

/** Every generation that a view's pointer names, each once. */
export function generationsIn({ live, written, others }: ViewState): readonly ViewGeneration[] {
  const byNumber = new Map([live, ...written, ...others].map((generation) => [generation.number, generation]))
  return [...byNumber.values()]
}
