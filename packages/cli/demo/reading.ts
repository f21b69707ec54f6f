import type { Container } from '@azure/cosmos'
import type { Client } from './client.ts'
import type { RawItem } from './raw-fold.ts'

const CONCURRENCY = 16

/** Every item of a log: commits and receipts. */
export async function readRawLog(log: Container): Promise<RawItem[]> {
  const { resources } = await log.items.readAll({ maxItemCount: 1000 }).fetchAll()
  return resources
}

/** The stream positions that commands returned but the log lacks, of streams with this prefix. */
export function findLost(prefix: string, positions: Iterable<string>, versions: ReadonlyMap<string, number>): string[] {
  return [...positions].flatMap((position) => {
    const at = position.lastIndexOf('@')
    const missing = (versions.get(position.slice(0, at)) ?? 0) < Number(position.slice(at + 1))
    return position.startsWith(prefix) && missing ? [`a command returned ${position}, but it is not in the log`] : []
  })
}

/** Every document of a list. */
export async function readAllPages(client: Client, path: string): Promise<Record<string, unknown>[]> {
  const items: Record<string, unknown>[] = []
  for (let continuation = ''; ; ) {
    const { body } = await client.get(path + continuation)
    items.push(...body.items)
    if (body.continuation === undefined) return items
    continuation = `&continuation=${body.continuation}`
  }
}

export async function inParallel<Item>(items: Iterable<Item>, task: (item: Item) => Promise<void>): Promise<void> {
  const queue = items[Symbol.iterator]()
  const worker = async (): Promise<void> => {
    for (let next = queue.next(); !next.done; next = queue.next()) await task(next.value)
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, worker))
}
