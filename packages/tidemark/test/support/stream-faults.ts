import { StreamCheck } from '../../verify/stream-check.ts'

/** The faults of a stream's hash chain, one line each. */
export function streamFaults(stream: string, items: readonly object[]): readonly string[] {
  const verified = new StreamCheck(stream)
  for (const item of items) verified.add({ ...item })
  return verified.finish().map(({ place, wrong, detail }) => `${place}: ${wrong}: ${detail}`)
}
