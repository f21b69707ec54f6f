import { StreamCheck } from '../../verify/stream-check.ts'

/** What is wrong with the chain of a stream, a line each: nothing where it is whole. */
export function streamFaults(stream: string, items: readonly object[]): readonly string[] {
  const verified = new StreamCheck(stream)
  for (const item of items) verified.add({ ...item })
  return verified.finish().map(({ place, wrong, detail }) => `${place}: ${wrong}: ${detail}`)
}
