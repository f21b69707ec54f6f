import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { TestContext } from 'node:test'
import rhea from 'rhea'
import { type PublishedEvent, type PublishingProperties, readPublished } from '../log/event-message.ts'
import { EventCursor, type LogChunk } from '../log/log-record.ts'
import { PartitionLog } from '../log/partition-log.ts'
import type { StartPosition } from '../log/start-position.ts'
import { TailCache } from '../log/tail-cache.ts'
import { temporaryFolder } from './emulator.ts'

/** An event as a consumer receives it. */
export interface Stored {
  readonly sequence: number
  readonly offset: number
  readonly time: number
  readonly body: string
}

export interface OpenOptions {
  readonly segmentBytes?: number
  /** Size of the tail cache; with 0 every read is from disk. */
  readonly tailBytes?: number
}

export async function newFolder(t: TestContext): Promise<string> {
  const folder = await temporaryFolder()
  t.after(() => folder.remove())
  return join(folder.path, 'orders', '0')
}

export function openLog(folder: string, options: OpenOptions = {}): Promise<PartitionLog> {
  const { segmentBytes, tailBytes = 32 * 1024 * 1024 } = options
  return PartitionLog.open(folder, {
    tail: new TailCache(tailBytes),
    ...(segmentBytes === undefined ? {} : { segmentBytes }),
  })
}

export async function withLog<T>(
  folder: string,
  use: (log: PartitionLog) => T | Promise<T>,
  options?: OpenOptions,
): Promise<T> {
  const log = await openLog(folder, options)
  try {
    return await use(log)
  } finally {
    await log.close()
  }
}

/** An event as a producer sends it. */
export function event(body: string): PublishedEvent {
  const payload = rhea.message.encode({ body: rhea.message.data_section(Buffer.from(body)) })
  return readPublished(payload, 0).events[0] as PublishedEvent
}

export const names = (from: number, to: number): string[] =>
  Array.from({ length: to - from }, (_, i) => `event ${from + i}`)

/** Bodies `event <from>` to `event <to - 1>`, filled up to `size`. */
export const numbered = (from: number, to: number, size = 0): PublishedEvent[] =>
  names(from, to).map((name) => event(name.padEnd(size)))

/** Appends events. The promise settles as the append does. */
export function append(
  log: PartitionLog,
  events: readonly PublishedEvent[],
  producer?: PublishingProperties,
): Promise<void> {
  const bytes = events.reduce((sum, { start, end }) => sum + end - start, 0)
  return new Promise((resolve, reject) => {
    log.append({ events, bytes, producer, settled: (error) => (error ? reject(error) : resolve()) })
  })
}

/** @throws Error if an event's bytes have another sequence number, offset or time than the log. */
export function storedIn(chunk: LogChunk): Stored[] {
  const events: Stored[] = []
  const cursor = new EventCursor(chunk)
  while (cursor.next()) {
    const { sequence, offset, time, start, end } = cursor
    const { message_annotations: said, body } = rhea.message.decode(chunk.bytes.subarray(start, end))
    if (said?.['x-opt-sequence-number'] !== sequence || said?.['x-opt-offset'] !== String(offset))
      throw new Error(`event ${sequence} at ${offset} has ${JSON.stringify(said)}`)
    if (said['x-opt-enqueued-time'].getTime() !== time)
      throw new Error(`event ${sequence} of ${time} has ${JSON.stringify(said)}`)
    events.push({ sequence, offset, time, body: body.content.toString().trimEnd() })
  }
  return events
}

/** Reads all events from the record at `position` on. */
export async function readAll(log: PartitionLog, position = 0): Promise<Stored[]> {
  const events: Stored[] = []
  for (let next = position; ; ) {
    const chunk = await log.read(next)
    if (!chunk) return events
    events.push(...storedIn(chunk))
    next = chunk.next
  }
}

/** Returns the first event of a consumer that starts there. */
export async function firstFrom(log: PartitionLog, start: StartPosition): Promise<Stored | undefined> {
  for (let next = await log.seek(start); ; ) {
    const chunk = await log.read(next)
    const found = chunk && storedIn(chunk).find((event) => event[start.key] >= start.min)
    if (found || !chunk) return found
    next = chunk.next
  }
}

export const bodies = (events: readonly Stored[]): string[] => events.map(({ body }) => body)

/** Paths of the segments, the oldest first. */
export async function listSegments(folder: string): Promise<string[]> {
  return (await readdir(folder)).sort().map((name) => join(folder, name))
}
