import { availableParallelism } from 'node:os'
import { extname } from 'node:path'
import { Worker } from 'node:worker_threads'
import { type CheckedSegment, checkSegment, type StoredSegment } from './segment.ts'

/** More threads than this wait for the one that keeps the results. */
const MAX_THREADS = 4
/** Up to this many segments are checked before a thread is worth its start. */
const FEW = 2
/** What a segment leaves behind is collected soon, instead of letting each thread grow by a hundred MB. */
const YOUNG = { maxYoungGenerationSizeMb: 16 }

/**
 * Checks segments in parallel.
 * @yields the results in the order of the segments. At most two segments for each thread are in memory.
 */
export async function* checkSegments(
  service: string,
  segments: AsyncIterable<StoredSegment>,
  threads = Math.min(availableParallelism(), MAX_THREADS),
): AsyncIterable<CheckedSegment> {
  const workers: Thread[] = []
  const pending: Promise<CheckedSegment>[] = []
  let count = 0
  try {
    for await (const segment of segments) {
      count += 1
      if (threads < 2 || count <= FEW) {
        yield checkSegment(service, segment)
        continue
      }
      const worker = workers[count % threads] ?? new Thread(service)
      workers[count % threads] = worker
      const checked = worker.check(segment)
      // Awaited below, in order. Until then a failure must not count as unhandled.
      checked.catch(() => {})
      pending.push(checked)
      if (pending.length >= 2 * threads) yield (await pending.shift()) as CheckedSegment
    }
    for (const checked of pending) yield await checked
  } finally {
    await Promise.all(workers.map((worker) => worker.end()))
  }
}

/** A thread that checks segments in the order in which it gets them. */
class Thread {
  readonly #worker: Worker
  readonly #waiting: PromiseWithResolvers<CheckedSegment>[] = []

  constructor(service: string) {
    const file = new URL(`./segment-worker${extname(import.meta.url)}`, import.meta.url)
    this.#worker = new Worker(file, { workerData: { service }, resourceLimits: YOUNG })
    this.#worker.on('message', (checked: CheckedSegment) => this.#waiting.shift()?.resolve(checked))
    this.#worker.on('error', (error) => {
      for (const each of this.#waiting.splice(0)) each.reject(error)
    })
  }

  check(segment: StoredSegment): Promise<CheckedSegment> {
    const answer = Promise.withResolvers<CheckedSegment>()
    this.#waiting.push(answer)
    this.#worker.postMessage(segment)
    return answer.promise
  }

  async end(): Promise<void> {
    await this.#worker.terminate()
  }
}
