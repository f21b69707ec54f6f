import { readFileSync } from 'node:fs'
import { link, mkdir, readFile, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { StartError } from './errors.ts'

const held = new Set<string>()

/**
 * Takes a data folder for this process, so that two servers never append to the same files. A lock whose
 * process is gone is taken over. Where the folder is not there, it is made for its owner's eyes alone.
 * @returns gives the folder back.
 * @throws StartError when the folder is in use or cannot be written.
 */
export async function lockFolder(folder: string): Promise<() => Promise<void>> {
  const lock = join(folder, 'lock')
  const mine = `${lock}.${process.pid}`
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    await writeFile(mine, `${process.pid}\n`, { mode: 0o600 })
  } catch (error) {
    throw new StartError(`the data folder ${folder} cannot be written: ${(error as Error).message}`)
  }
  try {
    // A link is made with its content or not at all: no one reads a lock that is half written.
    while (!(await tryLink(mine, lock))) {
      const pid = Number.parseInt(await readFile(lock, 'utf8').catch(ignoreMissing), 10)
      if (held.has(lock) || (pid !== process.pid && isAlive(pid)))
        throw new StartError(
          `the data folder ${folder} is in use by process ${pid}: stop it, or use another folder (if that process is another program, remove ${lock})`,
        )
      await unlink(lock).catch(ignoreMissing)
    }
  } finally {
    await unlink(mine)
  }
  held.add(lock)
  return async () => {
    held.delete(lock)
    await unlink(lock).catch(ignoreMissing)
  }
}

/**
 * The living process that has a data folder; undefined: none has.
 * @throws StartError when that cannot be read.
 */
export async function findHolder(folder: string): Promise<number | undefined> {
  try {
    const pid = Number.parseInt(await readFile(join(folder, 'lock'), 'utf8'), 10)
    return isAlive(pid) ? pid : undefined
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw new StartError(`the data folder ${folder} cannot be read: ${message}`)
  }
}

async function tryLink(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/** Another process took the lock away in between: the next try decides. */
function ignoreMissing(error: NodeJS.ErrnoException): string {
  if (error.code !== 'ENOENT') throw error
  return ''
}

function isAlive(pid: number): boolean {
  if (!(pid > 0)) return false
  try {
    process.kill(pid, 0)
    return !isZombie(pid)
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH'
  }
}

/**
 * Ended, but not yet fetched by its parent, as it stays in containers whose first process does not: proc(5),
 * state Z.
 */
function isZombie(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.startsWith('Z') ?? false
  } catch {
    // No /proc here, or the process is gone by now: its signal said that it was there.
    return false
  }
}
