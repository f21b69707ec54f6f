import type { ViewSummary } from '../core/operations.ts'
import { listGenerationNumbers, type ViewPointer } from '../core/view-pointer.ts'

/** The generations that a pointer names, by number, with their roles, for operators. */
export function describeGenerations(pointer: ViewPointer): Pick<ViewSummary, 'live' | 'generations'> {
  const { live, previous, built } = pointer
  const generations = [...listGenerationNumbers(pointer)]
    .sort((a, b) => a - b)
    .map((number) => {
      if (number === live) return { number, role: 'live' as const }
      if (number === built) return { number, role: 'built' as const }
      if (number === previous?.generation) return { number, role: 'previous' as const, left: previous.left }
      return { number, role: 'writing' as const }
    })
  return { live, generations }
}
