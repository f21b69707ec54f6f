import type { FileHandle } from 'node:fs/promises'
import { StartError } from '../kit/errors.ts'
import { findMagic, isIntact, MAX_RECORD, RECORD_HEADER, type RecordHead, readHead } from './log-record.ts'

const BLOCK = 1024 * 1024

/**
 * Reads a log from its start, shows every record to `onRecord`, and cuts a torn tail: bytes after the last whole record are a
 * write that was never acknowledged.
 * @returns the length of the log.
 * @throws StartError when whole records follow damaged bytes: what was acknowledged would be lost by a cut.
 */
export async function recover(file: FileHandle, path: string, onRecord: (head: RecordHead) => void): Promise<number> {
  const { size } = await file.stat()
  let position = 0
  let sequence = 0
  let block: Buffer = Buffer.alloc(0)
  let blockStart = 0
  while (position < size) {
    let at = position - blockStart
    let head = readHead(block, at, position)
    if (!head || at + head.length > block.length) {
      block = await readBlock(file, position, Math.max(BLOCK, head?.length ?? 0), size)
      blockStart = position
      at = 0
      head = readHead(block, 0, position)
      if (head && head.length > block.length && position + head.length <= size) {
        block = await readBlock(file, position, head.length, size)
      }
    }
    const whole = head && at + head.length <= block.length && isIntact(block.subarray(at, at + head.length))
    if (!head || !whole || head.sequence !== sequence) {
      await refuseDamage(file, path, position, size, sequence)
      break
    }
    onRecord(head)
    position += head.length
    sequence += head.count
  }
  if (position < size) {
    await file.truncate(position)
    await file.sync()
  }
  return position
}

async function refuseDamage(
  file: FileHandle,
  path: string,
  damaged: number,
  size: number,
  sequence: number,
): Promise<void> {
  const first = await readBlock(file, damaged, RECORD_HEADER, size)
  const head = readHead(first, 0, damaged)
  // A torn record is the last one: nothing that was written after it can be whole.
  for (let from = damaged; from + RECORD_HEADER <= size; from += BLOCK) {
    const block = await readBlock(file, from, BLOCK + RECORD_HEADER, size)
    for (let at = findMagic(block, 0); at >= 0 && at < BLOCK; at = findMagic(block, at + 1)) {
      const next = readHead(block, at, from + at)
      if (!next || next.position + next.length > size) continue
      if (next.position > damaged && next.sequence < sequence) continue
      if (!isIntact(await readBlock(file, next.position, next.length, size))) continue
      const what =
        next.position === damaged
          ? `the record at byte ${damaged} starts with sequence number ${next.sequence}, not ${sequence}`
          : `${head?.sequence === sequence ? `the record of sequence number ${sequence}` : 'a record'} at byte ${damaged} is damaged, and a whole one follows at byte ${next.position}`
      throw new StartError(`${path}: ${what}: restore the file, or remove it to start the partition anew`)
    }
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
