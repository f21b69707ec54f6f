/** Runs a task for each item, at most `limit` at once. The first error stops the start of further ones and is thrown. */
export async function forEachLimited<Item>(
  items: Iterable<Item>,
  limit: number,
  task: (item: Item) => Promise<void>,
): Promise<void> {
  const queue = items[Symbol.iterator]()
  let failed = false
  const worker = async (): Promise<void> => {
    for (let next = queue.next(); !failed && !next.done; next = queue.next()) {
      try {
        await task(next.value)
      } catch (error) {
        failed = true
        throw error
      }
    }
  }
  // All workers are awaited, so that nothing of a failed batch still runs when the batch comes again.
  const ends = await Promise.allSettled(Array.from({ length: limit }, worker))
  const failure = ends.find((end) => end.status === 'rejected')
  if (failure) throw failure.reason
}

/** How many streams, documents or commands are worked on at once. */
export const AT_ONCE = 32
