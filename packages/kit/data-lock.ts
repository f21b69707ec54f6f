import { readFileSync } from 'node:fs'
import { link, mkdir, readFile, unlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { StartError } from './errors.ts'

const held = new Set<string>()

/**
 * Locks a data folder for this process, so that two servers never append to the same files. A lock of an
 * ended process is taken over. A missing folder is created, readable only by its owner.
 * @returns a function that unlocks the folder.
 * @throws StartError if the folder is in use or cannot be written.
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
    // A link appears with its whole content, so nobody reads a half-written lock.
    while (!(await tryLink(mine, lock))) {
      const pid = Number.parseInt(await readFile(lock, 'utf8').catch(ignoreMissing), 10)
      if (held.has(lock) || (pid !== process.pid && isAlive(pid)))
        throw new StartError(
          `the data folder ${folder} is in use by process ${pid}: ` +
            `stop it, or use another folder (if that process is another program, remove ${lock})`,
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
 * Returns the running process that has locked a data folder; undefined if there is none.
 * @throws StartError if the lock cannot be read.
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

/** Ignores a missing lock: another process removed it in between, and the next attempt decides. */
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
 * Whether a process has ended but its parent has not reaped it: proc(5), state Z. This lasts in containers
 * whose first process reaps nothing.
 */
function isZombie(pid: number): boolean {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.startsWith('Z') ?? false
  } catch {
    // There is no /proc, or the process is gone by now. The signal showed that it existed.
    return false
  }
}
