import { randomBytes } from 'node:crypto'
import { link, mkdir, unlink, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { StartError } from './errors.ts'

/** The mode of a file that only its owner may read and write. */
export const OWNER_ALONE = 0o600

/**
 * Creates a file that only its owner can read, if it does not exist. An existing file stays as it is.
 * @param what names the file in the error. @throws StartError if it cannot be written.
 */
export async function createPrivateFile(file: string, what: string, text: string): Promise<void> {
  const mine = `${file}.${randomBytes(4).toString('hex')}`
  try {
    await mkdir(dirname(file), { recursive: true, mode: 0o700 })
    await writeFile(mine, text, { mode: OWNER_ALONE })
    // If two processes start at the same moment, one creates the file. A link appears with its whole content.
    await link(mine, file).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error
    })
    await unlink(mine)
  } catch (error) {
    throw new StartError(`${what} ${file} cannot be written: ${(error as Error).message}`)
  }
}
