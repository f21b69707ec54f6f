import { isDeepStrictEqual } from 'node:util'
import { type EventContent, isTidemarkError } from 'tidemark'
import type { JsonObject } from '../schemas/json.ts'
import type { ReadOn } from '../schemas/samples.ts'
import { at, type Documents } from './documents.ts'
import { nothingFound, type Report } from './report.ts'

const FILE = /^[^/]+\/samples\//

/**
 * Compares golden samples with the released ones. None may be edited or removed, and each must be read as it
 * was at its release. If there are newer versions since, they upcast the released reading for the comparison.
 * So an edited upcaster is found too.
 */
export function compareSamples(released: Documents, now: Documents, readOn: ReadOn): Report {
  const refused: string[] = []
  let counted = 0
  for (const [file, before] of released) {
    if (!FILE.test(file)) continue
    const after = now.get(file)
    const name = `schemas/${file}`
    if (after === undefined) {
      refused.push(`${name} is removed: samples of a released version must stay`)
      continue
    }
    const samples = (at(after, 'samples') ?? []) as readonly unknown[]
    for (const [index, sample] of ((at(before, 'samples') ?? []) as readonly unknown[]).entries()) {
      counted += 1
      const current = samples[index]
      if (current === undefined || !isDeepStrictEqual(at(current, 'data'), at(sample, 'data')))
        refused.push(`${name}: sample ${index + 1} was edited or removed: data of a released version must not change`)
      else if (!isReadAsThen(file, [before, sample], [after, current], readOn))
        refused.push(`${name}: sample ${index + 1} is read differently than at its release`)
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
  const isOneType = at(sample, 'reads') === undefined && at(current, 'reads') === undefined
  if (isOneType && before.readAs === after.readAs) return isDeepStrictEqual(was, is)
  // It had the newest version then, so there was no upcast reading to compare with.
  if (isOneType && was === undefined) return true
  try {
    const now = listReads(before, sample).flatMap((content) => readOn(file, content))
    const reads = listReads(after, current).map(({ type, data }) => ({ type, data }))
    return isDeepStrictEqual(now, reads)
  } catch (error) {
    if (isTidemarkError(error)) return false
    throw error
  }
}

/** The events that a sample is read as, each in the version that was the newest. */
function listReads({ type, readAs }: JsonObject, sample: unknown): readonly EventContent[] {
  const reads = at(sample, 'reads')
  if (!Array.isArray(reads)) {
    const data = at(sample, 'read') ?? at(sample, 'data')
    return [{ type: String(type), schemaVersion: Number(readAs), data }]
  }
  return reads.map((each: unknown) => {
    const name = String(at(each, 'type'))
    return { type: name, schemaVersion: Number(at(readAs, name)), data: at(each, 'data') }
  })
}
