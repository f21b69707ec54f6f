import { execFile } from 'node:child_process'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'

/**
 * What is wrong with the data: its structure alone (about 1 ms a megabyte), or its indexes as well (6 ms), of which some are over what stands
 * in the JSON of items, so that it is read too.
 * https://sqlite.org/pragma.html#pragma_integrity_check
 */
export function dataDamage(sql: DatabaseSync, depth: 'structure' | 'whole'): string | undefined {
  const check = depth === 'whole' ? 'integrity_check' : 'quick_check'
  const [[found] = []] = sql.prepare(`PRAGMA ${check}(1)`).all().map(Object.values)
  return found === 'ok' ? undefined : String(found).replace(/\s+/g, ' ')
}

/**
 * Checks the whole of a data file that is in use, in a process of its own: that may take a while, and is ended when it is not wanted any more.
 * @param damaged told what is wrong.
 * @returns ends it.
 */
export function checkApart(path: string, damaged: (what: string) => void): () => Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const child = execFile(process.execPath, [fileURLToPath(import.meta.url), path], (error, told) => {
    resolve()
    if (child.killed) return
    if (told !== '') damaged(told.trim())
    else if (error) console.error(`the data file could not be checked: ${error.message.trim()}`)
  })
  return () => {
    child.kill('SIGKILL')
    return promise
  }
}

if (import.meta.main) {
  const sql = new DatabaseSync(process.argv[2] ?? '', { readOnly: true })
  process.stdout.write(dataDamage(sql, 'whole') ?? '')
  sql.close()
}
