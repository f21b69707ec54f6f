/**
 * Runs a task for each item, at most `limit` at once. After the first error no further task is started, and
 * the error is thrown.
 */
export async function forEachLimited<Item>(
  items: Iterable<Item>,
  limit: number,
  task: (item: Item) => Promise<void>,
): Promise<void> {
  const queue = items[Symbol.iterator]()
  let failed = false
  let isEmpty = false
  const worker = async (): Promise<void> => {
    while (!failed) {
      const next = queue.next()
      isEmpty = next.done === true
      if (next.done) return
      try {
        await task(next.value)
      } catch (error) {
        failed = true
        throw error
      }
    }
  }
  // Starts no more workers than there are items; most batches have few.
  const workers: Promise<void>[] = []
  while (!isEmpty && workers.length < limit) workers.push(worker())
  // Awaits all workers, so that no task of a failed batch is still running when the batch is redelivered.
  const ends = await Promise.allSettled(workers)
  const failure = ends.find((end) => end.status === 'rejected')
  if (failure) throw failure.reason
}

/** How many streams, documents or commands are processed at once. */
export const CONCURRENCY = 32
