import { DatabaseSync } from 'node:sqlite'
import { findDamage } from './file-check.ts'

// A process of its own: prints what is wrong with the data file that it is given, and nothing where nothing is.

const sql = new DatabaseSync(process.argv[2] ?? '', { readOnly: true })
process.stdout.write(findDamage(sql, 'whole') ?? '')
sql.close()
