import { isDeepStrictEqual } from 'node:util'
import { at, type Documents } from './documents.ts'
import { nothingFound, type Report } from './report.ts'

const FILE = /^[^/]+\/samples\//

/** Compares golden samples with those that were released: none is edited or removed, and each is read as it was. */
export function compareSamples(released: Documents, now: Documents): Report {
  const refused: string[] = []
  let counted = 0
  for (const [file, before] of released) {
    if (!FILE.test(file)) continue
    const after = now.get(file)
    const name = `schemas/${file}`
    if (after === undefined) {
      refused.push(`${name} is removed: samples of a released version stay`)
      continue
    }
    const samples = (at(after, 'samples') ?? []) as readonly unknown[]
    for (const [index, sample] of ((at(before, 'samples') ?? []) as readonly unknown[]).entries()) {
      counted += 1
      const current = samples[index]
      if (current === undefined || !isDeepStrictEqual(at(current, 'data'), at(sample, 'data')))
        refused.push(`${name}: sample ${index + 1} was edited or removed: data of a released version stay as they are`)
      else if (before.readAs === after.readAs && !isDeepStrictEqual(at(current, 'read'), at(sample, 'read')))
        refused.push(`${name}: sample ${index + 1} is read as something else than at its release`)
    }
  }
  return { ...nothingFound, refused, counted: { ...nothingFound.counted, samples: counted } }
}
