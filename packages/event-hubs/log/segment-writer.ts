import { constants, write } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { syncFolder } from '../../kit/durable-files.ts'
import { Segment, segmentPath } from './log-segment.ts'
import { encodeHeader, type SegmentStart } from './segment-header.ts'

// Other platforms lack O_DSYNC, or it does not flush the disk's own cache as a sync does.
const SYNCED_WRITES = process.platform === 'linux' ? constants.O_DSYNC : 0

export class SegmentWriter {
  readonly #file: FileHandle
  readonly #fast: boolean

  private constructor(file: FileHandle, fast: boolean) {
    this.#file = file
    this.#fast = fast
  }

  /** @param fast true: writes settle before they are on disk. */
  static async open(path: string, fast: boolean): Promise<SegmentWriter> {
    return new SegmentWriter(await open(path, constants.O_WRONLY | (fast ? 0 : SYNCED_WRITES)), fast)
  }

  /** Creates a segment. Unless `fast`, it is on disk before the first record is written. */
  static async create(
    folder: string,
    start: SegmentStart,
    fast: boolean,
  ): Promise<{ readonly segment: Segment; readonly writer: SegmentWriter }> {
    const path = segmentPath(folder, start.base)
    const header = encodeHeader(start)
    const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (fast ? 0 : SYNCED_WRITES)
    const writer = new SegmentWriter(await open(path, flags, 0o600), fast)
    try {
      await writer.write(header, 0)
      if (!fast) {
        await writer.#file.sync()
        await syncFolder(folder)
      }
      return { segment: new Segment(path, { ...start, length: header.length }, header.length), writer }
    } catch (error) {
      await writer.close()
      throw error
    }
  }

  /** Writes `bytes` at byte `start` of the file. Settles when they are on disk. */
  async write(bytes: Buffer, start: number): Promise<void> {
    for (let done = 0; done < bytes.length; ) done += await this.#write(bytes, done, start + done)
    if (SYNCED_WRITES === 0 && !this.#fast) await this.#file.datasync()
  }

  close(): Promise<void> {
    return this.#file.close()
  }

  // FileHandle's own write would take a third more of the main thread's time.
  #write(bytes: Buffer, offset: number, position: number): Promise<number> {
    return new Promise((resolve, reject) => {
      write(this.#file.fd, bytes, offset, bytes.length - offset, position, (error, written) => {
        if (error) reject(error)
        else resolve(written)
      })
    })
  }
}
