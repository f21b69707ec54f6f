/**
 * Runs a task for each item, at most `limit` at once. The first error stops the start of further ones and is
 * thrown.
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
  // Most batches have fewer items than there may be workers.
  const workers: Promise<void>[] = []
  while (!isEmpty && workers.length < limit) workers.push(worker())
  // All workers are awaited, so that nothing of a failed batch still runs when the batch comes again.
  const ends = await Promise.allSettled(workers)
  const failure = ends.find((end) => end.status === 'rejected')
  if (failure) throw failure.reason
}

/** How many streams, documents or commands are worked on at once. */
export const CONCURRENCY = 32
