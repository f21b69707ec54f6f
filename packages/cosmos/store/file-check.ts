import { execFile } from 'node:child_process'
import type { DatabaseSync } from 'node:sqlite'
import { moduleFile } from '../../kit/module-file.ts'

const CHECK = moduleFile('./check-process.ts', import.meta.url)

/**
 * What is wrong with the data: its structure alone (about 1 ms a megabyte), or its indexes and the JSON of
 * its items as well (7 ms).
 * https://sqlite.org/pragma.html#pragma_integrity_check
 */
export function findDamage(sql: DatabaseSync, depth: 'structure' | 'whole'): string | undefined {
  const check = depth === 'whole' ? 'integrity_check' : 'quick_check'
  const [[found] = []] = sql.prepare(`PRAGMA ${check}(1)`).all().map(Object.values)
  if (found !== 'ok') return String(found).replace(/\s+/g, ' ')
  const counters = findCounterDamage(sql, depth)
  if (counters !== undefined || depth === 'structure') return counters
  const item = sql.prepare('SELECT number FROM items WHERE NOT json_valid(body) LIMIT 1').get()
  return item && `the item number ${item.number} is no JSON`
}

/**
 * What is wrong with the numbers that were given last: one that is gone, or below what there is, would be
 * given twice.
 */
function findCounterDamage(sql: DatabaseSync, depth: 'structure' | 'whole'): string | undefined {
  const rows = sql.prepare('SELECT name, value FROM counters').all()
  const given = new Map(rows.map(({ name, value }) => [name, value]))
  const selectMax = (column: string): number =>
    Number(sql.prepare(`SELECT max(${column}) AS most FROM items`).get()?.most ?? 0)
  // The highest number of an item is found at once, that of a write by reading them all.
  const used = { item: selectMax('number'), lsn: depth === 'whole' ? selectMax('lsn') : 0 }
  for (const [name, least] of Object.entries(used)) {
    const value = given.get(name)
    if (typeof value !== 'number' || value < least) return `its counter ${name} is not what it was`
  }
  return undefined
}

/**
 * Checks the whole of a data file that is in use, in a process of its own: that may take a while, and is
 * ended when it is not wanted any more.
 * @param damaged told what is wrong.
 * @returns ends it.
 */
export function checkInChildProcess(path: string, damaged: (what: string) => void): () => Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const child = execFile(process.execPath, [CHECK, path], (error, stdout) => {
    resolve()
    if (child.killed) return
    if (stdout !== '') damaged(stdout.trim())
    else if (error) console.error(`the data file could not be checked: ${error.message.trim()}`)
  })
  return () => {
    child.kill('SIGKILL')
    return promise
  }
}
