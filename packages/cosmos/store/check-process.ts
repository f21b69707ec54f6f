import { DatabaseSync } from 'node:sqlite'
import { findDamage } from './file-check.ts'

// Runs in a child process. Prints what is wrong with the given data file, or nothing.

const sql = new DatabaseSync(process.argv[2] ?? '', { readOnly: true })
process.stdout.write(findDamage(sql, 'whole') ?? '')
sql.close()
