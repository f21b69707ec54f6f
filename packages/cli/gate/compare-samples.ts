import { isDeepStrictEqual } from 'node:util'
import { isTidemarkError } from 'tidemark'
import type { JsonObject } from '../schemas/json.ts'
import type { ReadOn } from '../schemas/samples.ts'
import { at, type Documents } from './documents.ts'
import { nothingFound, type Report } from './report.ts'

const FILE = /^[^/]+\/samples\//

/**
 * Compares golden samples with those that were released: none is edited or removed, and each is read as it
 * was. Where there are newer versions since, as what those make of what it was read as then: a step that was
 * edited shows all the same.
 */
export function compareSamples(released: Documents, now: Documents, readOn: ReadOn): Report {
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
      else if (!isReadAsThen(file, [before, sample], [after, current], readOn))
        refused.push(`${name}: sample ${index + 1} is read as something else than at its release`)
    }
  }
  return { ...nothingFound, refused, counted: { ...nothingFound.counted, samples: counted } }
}

function isReadAsThen(
  file: string,
  [before, sample]: readonly [JsonObject, unknown],
  [after, current]: readonly [JsonObject, unknown],
  readOn: ReadOn,
): boolean {
  const [was, is] = [at(sample, 'read'), at(current, 'read')]
  if (before.readAs === after.readAs) return isDeepStrictEqual(was, is)
  // Of the newest version then: what the first step from it makes is new.
  if (was === undefined) return true
  try {
    return isDeepStrictEqual(readOn(file, Number(before.readAs), was), is)
  } catch (error) {
    if (isTidemarkError(error)) return false
    throw error
  }
}
