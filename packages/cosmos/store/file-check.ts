import { execFile } from 'node:child_process'
import type { DatabaseSync } from 'node:sqlite'
import { moduleFile } from '../../kit/module-file.ts'

const CHECK = moduleFile('./check-process.ts', import.meta.url)

/**
 * Finds damage of the data: of the structure only (about 1 ms per megabyte), or also of the indexes and the
 * items' JSON (7 ms).
 * https://sqlite.org/pragma.html#pragma_integrity_check
 */
export function findDamage(sql: DatabaseSync, depth: 'structure' | 'whole'): string | undefined {
  const check = depth === 'whole' ? 'integrity_check' : 'quick_check'
  const [[found] = []] = sql.prepare(`PRAGMA ${check}(1)`).all().map(Object.values)
  if (found !== 'ok') return String(found).replace(/\s+/g, ' ')
  const counters = findCounterDamage(sql, depth)
  if (counters !== undefined || depth === 'structure') return counters
  const item = sql.prepare('SELECT number FROM items WHERE NOT json_valid(body) LIMIT 1').get()
  return item && `the item number ${item.number} is not JSON`
}

/** Finds damage of the counters. A counter that is missing or too low would give a number twice. */
function findCounterDamage(sql: DatabaseSync, depth: 'structure' | 'whole'): string | undefined {
  const rows = sql.prepare('SELECT name, value FROM counters').all()
  const given = new Map(rows.map(({ name, value }) => [name, value]))
  const selectMax = (column: string): number =>
    Number(sql.prepare(`SELECT max(${column}) AS most FROM items`).get()?.most ?? 0)
  // An index finds the highest item number at once. For the highest LSN all items are read.
  const used = { item: selectMax('number'), lsn: depth === 'whole' ? selectMax('lsn') : 0 }
  for (const [name, least] of Object.entries(used)) {
    const value = given.get(name)
    if (typeof value !== 'number' || value < least) return `its counter ${name} is missing or too low`
  }
  return undefined
}

/**
 * Checks all of a data file in use. Runs in a child process, because it may take a while.
 * @param damaged is called with what is wrong.
 * @returns stops the check.
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
