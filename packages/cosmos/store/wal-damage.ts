import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

// https://sqlite.org/fileformat2.html#the_write_ahead_log
const HEADER = 32
const FRAME_HEADER = 24
/** The lowest bit is the byte order of the checksums: 1 for the highest byte first. */
const MAGIC = 0x377f0682

/** A checksum: two words of 32 bits, over everything before it. */
type Checksum = readonly [number, number]

/**
 * Finds damage of a write-ahead log beyond what a crash may leave. SQLite silently drops everything after the
 * first frame with a wrong checksum. A commit is on disk before the next begins, so after such a frame there
 * may be one end of a commit. More than one means that acknowledged commits would be lost.
 */
export function findWalDamage(path: string): string | undefined {
  const file = openSync(path, 'r')
  try {
    return checkFrames(file, fstatSync(file).size)
  } finally {
    closeSync(file)
  }
}

function checkFrames(file: number, size: number): string | undefined {
  if (size <= HEADER) return undefined
  const header = read(file, 0, HEADER)
  const magic = header.getUint32(0)
  const littleEndian = (magic & 1) === 0
  const sum = computeChecksum(header, 0, HEADER - 8, [0, 0], littleEndian)
  // Written alone, before any frame: a crash cannot leave frames after half a header.
  if ((magic & ~1) !== MAGIC || !matchesWords(header, HEADER - 8, sum)) return 'its header is damaged'
  const salts: Checksum = [header.getUint32(16), header.getUint32(20)]
  const frameSize = FRAME_HEADER + header.getUint32(8)
  const frames = Math.floor((size - HEADER) / frameSize)
  const damaged = findDamagedFrame(file, frames, frameSize, sum, salts, littleEndian)
  let commits = 0
  for (let frame = damaged; frame < frames; frame++) {
    const head = read(file, HEADER + frame * frameSize, FRAME_HEADER)
    if (matchesWords(head, 8, salts) && head.getUint32(4) !== 0) commits += 1
  }
  return commits > 1 ? `its frame ${damaged + 1} of ${frames} is damaged, and commits follow it` : undefined
}

/** The first frame that does not continue the one before it; the number of frames when all do. */
function findDamagedFrame(
  file: number,
  frames: number,
  frameSize: number,
  start: Checksum,
  salts: Checksum,
  littleEndian: boolean,
): number {
  let sum = start
  for (let frame = 0; frame < frames; frame++) {
    const bytes = read(file, HEADER + frame * frameSize, frameSize)
    sum = computeChecksum(bytes, 0, 8, sum, littleEndian)
    sum = computeChecksum(bytes, FRAME_HEADER, frameSize, sum, littleEndian)
    if (!matchesWords(bytes, 8, salts) || !matchesWords(bytes, 16, sum)) return frame
  }
  return frames
}

function computeChecksum(
  bytes: DataView,
  start: number,
  end: number,
  before: Checksum,
  littleEndian: boolean,
): Checksum {
  let [first, second] = before
  for (let at = start; at < end; at += 8) {
    first = (first + bytes.getUint32(at, littleEndian) + second) >>> 0
    second = (second + bytes.getUint32(at + 4, littleEndian) + first) >>> 0
  }
  return [first, second]
}

/** Whether two words stand here. They have the highest byte first, whatever the order of the checksums. */
function matchesWords(bytes: DataView, at: number, [first, second]: Checksum): boolean {
  return bytes.getUint32(at) === first && bytes.getUint32(at + 4) === second
}

function read(file: number, position: number, length: number): DataView {
  const bytes = new Uint8Array(length)
  for (let done = 0; done < length; ) {
    const got = readSync(file, bytes, done, length - done, position + done)
    if (got === 0) throw new Error('the write-ahead log became shorter while it was read')
    done += got
  }
  return new DataView(bytes.buffer)
}
