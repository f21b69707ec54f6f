import { type FileHandle, mkdir, open, readdir, unlink } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { syncFolder } from '../../kit/durable-files.ts'
import { StartError } from '../../kit/errors.ts'
import type { LastEvent } from './log-info.ts'
import {
  findMagic,
  intactLength,
  lastEventAt,
  MAX_RECORD,
  RECORD_HEADER,
  readHead,
  recordProducers,
} from './log-record.ts'
import { parseBase, Segment, segmentPath } from './log-segment.ts'
import { type KnownProducer, ProducerTable } from './producer-table.ts'
import { decodeHeader, MAX_HEADER, type SegmentHeader } from './segment-header.ts'
import { SegmentWriter } from './segment-writer.ts'

const BLOCK = 1024 * 1024
const NOTHING_YET: LastEvent = { sequence: -1, offset: -1, time: 0 }

/** A log recovered from disk. */
export interface RecoveredLog {
  /** All stored segments, the oldest first. New records go to the last one. */
  readonly segments: Segment[]
  readonly writer: SegmentWriter
  readonly last: LastEvent
  readonly producers: readonly KnownProducer[]
}

/** The name, header and size of a segment's file. */
interface FoundSegment {
  readonly path: string
  readonly base: number
  readonly size: number
  /** Undefined if it is torn or damaged. */
  readonly header: SegmentHeader | undefined
}

/**
 * Opens the log in `folder`, or creates it. It reads the headers of all segments, which must fit together. It
 * reads the last segment whole and cuts off a torn tail. Bytes after the last whole record come from a write
 * that was never acknowledged.
 * @param fast writes do not wait for the disk.
 * @throws StartError naming the file, if data that may have been acknowledged is missing or damaged.
 */
export async function recoverLog(folder: string, fast: boolean): Promise<RecoveredLog> {
  await mkdir(folder, { recursive: true })
  const found = await findSegments(folder)
  checkChain(found)
  const newest = found.at(-1)
  const torn = newest && !newest.header ? found.pop() : undefined
  if (torn) await refuseRecords(torn)
  const segments = found.map(({ path, header, size }) => new Segment(path, header as SegmentHeader, size))
  try {
    const active = segments.at(-1)
    if (!active && torn && torn.base > 0) throw damagedHeader(torn)
    const producers = new ProducerTable(found.at(-1)?.header?.producers ?? [])
    const last = active ? await recoverSegment(active, producers, torn !== undefined) : NOTHING_YET
    const state = { segments, last, producers: producers.entries() }
    if (active && !torn) return { ...state, writer: await SegmentWriter.open(active.path, fast) }
    active?.release()
    if (torn) await unlink(torn.path)
    const start = { base: active?.end ?? 0, before: last, producers: state.producers }
    const made = await SegmentWriter.create(folder, start, fast)
    segments.push(made.segment)
    if (!active && !fast) await syncFolder(dirname(folder))
    return { ...state, writer: made.writer }
  } catch (error) {
    for (const segment of segments) segment.close()
    throw error
  }
}

/**
 * Refuses a hub's folder in which each partition is one file. The emulator's first version wrote such
 * folders.
 * @throws StartError
 */
export async function refuseFormerLogs(hubFolder: string): Promise<void> {
  const former = (await readdir(hubFolder)).find((name) => /^\d{1,4}\.log$/.test(name))
  if (former !== undefined)
    throw new StartError(
      `${join(hubFolder, former)} was written by an earlier version: ` +
        `start with another data folder, or remove ${hubFolder}`,
    )
}

async function findSegments(folder: string): Promise<FoundSegment[]> {
  const found: FoundSegment[] = []
  for (const name of (await readdir(folder)).sort()) {
    const base = parseBase(name)
    if (base === undefined) continue
    const path = join(folder, name)
    const { header, size } = await withFile(path, async (file, bytes) => ({
      header: decodeHeader(await readBlock(file, 0, MAX_HEADER, bytes)),
      size: bytes,
    }))
    if (typeof header === 'number')
      throw new StartError(
        `${path} was written by another version (format ${header}): ` +
          `start with another data folder, or remove ${folder}`,
      )
    found.push({ path, base, size, header })
  }
  return found
}

/** Checks that every segment starts where the one before it ends. */
function checkChain(found: readonly FoundSegment[]): void {
  for (const [i, segment] of found.entries()) {
    const { path, base, header } = segment
    if (!header && i < found.length - 1) throw damagedHeader(segment)
    if (header && header.base !== base)
      throw recoveryError(path, `it starts at position ${header.base} of its log, not at the position in its name`)
    const previous = found[i - 1]
    if (!previous?.header) continue
    const end = previous.base + previous.size
    if (end !== base)
      throw recoveryError(
        path,
        `the segment before it, ${basename(previous.path)}, ends at position ${end}: ` +
          `it was cut, or ${basename(segmentPath('', end))} is missing`,
      )
    if (header && header.before.sequence <= previous.header.before.sequence)
      throw recoveryError(
        path,
        `it does not continue the sequence of ${basename(previous.path)}, the segment before it`,
      )
  }
}

/**
 * Reads all records of a log's last segment and cuts off its torn tail. A sealed segment must have none.
 * @returns the log's last event.
 */
async function recoverSegment(segment: Segment, producers: ProducerTable, sealed: boolean): Promise<LastEvent> {
  let last = segment.before
  const end = await segment.scan((position, head, bytes, at) => {
    for (const producer of recordProducers(bytes, at, head)) producers.set(producer)
    const offset = position - at + lastEventAt(bytes, at, head)
    last = { sequence: head.sequence + head.count - 1, offset, time: head.time }
  })
  if (end < segment.end) {
    await refuseDamage(segment, end, last.sequence + 1)
    if (sealed) throw recoveryError(segment.path, `the record at byte ${end - segment.base} is damaged`)
    const file = await open(segment.path, 'r+')
    try {
      await file.truncate(end - segment.base)
      await file.sync()
    } finally {
      await file.close()
    }
    segment.cut(end)
  }
  return last
}

/**
 * @throws StartError if a whole record follows the damage at `end`: it was acknowledged, and a cut would lose
 * it.
 */
async function refuseDamage(segment: Segment, end: number, sequence: number): Promise<void> {
  const damaged = end - segment.base
  await withFile(segment.path, async (file, size) => {
    // A torn record is always the last one, so no whole record can follow it.
    const next = await findRecord(file, damaged, size, (at, found) => at === damaged || found >= sequence)
    if (!next) return
    if (next.at === damaged)
      throw recoveryError(
        segment.path,
        `the record at byte ${damaged} starts with sequence number ${next.sequence}, not ${sequence}`,
      )
    const head = readHead(await readBlock(file, damaged, RECORD_HEADER, size), 0)
    const what = head?.sequence === sequence ? `the record of sequence number ${sequence}` : 'a record'
    throw recoveryError(
      segment.path,
      `${what} at byte ${damaged} is damaged, and a whole record follows at byte ${next.at}`,
    )
  })
}

/** Refuses records after a damaged header. A header torn by a crash has none: records follow only a synced header. */
async function refuseRecords(segment: FoundSegment): Promise<void> {
  await withFile(segment.path, async (file, size) => {
    if (await findRecord(file, 0, size, () => true)) throw damagedHeader(segment)
  })
}

/** Finds the first whole record at or after byte `start` of a file that `accept` allows. */
async function findRecord(
  file: FileHandle,
  start: number,
  size: number,
  accept: (at: number, sequence: number) => boolean,
): Promise<{ readonly at: number; readonly sequence: number } | undefined> {
  for (let from = start; from + RECORD_HEADER <= size; from += BLOCK) {
    const block = await readBlock(file, from, BLOCK + RECORD_HEADER, size)
    for (let at = findMagic(block, 0); at >= 0 && at < BLOCK; at = findMagic(block, at + 1)) {
      const head = readHead(block, at)
      if (!head || from + at + head.length > size || !accept(from + at, head.sequence)) continue
      if (intactLength(await readBlock(file, from + at, head.length, size)) === head.length)
        return { at: from + at, sequence: head.sequence }
    }
  }
  return undefined
}

function damagedHeader({ path }: FoundSegment): StartError {
  return recoveryError(path, 'its header is damaged')
}

function recoveryError(path: string, what: string): StartError {
  return new StartError(
    `${path}: ${what}: restore the file, or remove ${dirname(path)} to start with an empty partition`,
  )
}

async function withFile<T>(path: string, work: (file: FileHandle, size: number) => Promise<T>): Promise<T> {
  const file = await open(path, 'r')
  try {
    return await work(file, (await file.stat()).size)
  } finally {
    await file.close()
  }
}

async function readBlock(file: FileHandle, position: number, length: number, size: number): Promise<Buffer> {
  const buffer = Buffer.allocUnsafe(Math.max(0, Math.min(length, size - position, MAX_RECORD)))
  let read = 0
  while (read < buffer.length) {
    const { bytesRead } = await file.read(buffer, read, buffer.length - read, position + read)
    if (bytesRead === 0) break
    read += bytesRead
  }
  return buffer.subarray(0, read)
}
