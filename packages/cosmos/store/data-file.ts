import { closeSync, fsyncSync, openSync, renameSync, rmSync, statSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { findDamage } from './file-check.ts'
import { findWalDamage } from './wal-damage.ts'

const MB = 1024 * 1024
/** Up to this size a file is checked as a whole before it is used. This takes less than 0.3 s. */
const WHOLE_BYTES = 32 * MB
/** Up to this size its structure is checked. */
const STRUCTURE_BYTES = 200 * MB

/** The tables of a file. */
interface Schema {
  /** From 1 on. Data of another version is not touched. */
  readonly version: number
  readonly sql: string
}

/** An open data file, and whether all of it has been checked. */
interface DataFile {
  readonly sql: DatabaseSync
  readonly checked: boolean
}

/**
 * Opens the data file, or creates it. A new one gets its name once it is complete and on disk. So a file
 * without tables is damaged, and is refused like any other damaged file.
 * @throws Error with one line that says what is wrong.
 */
export function openDataFile(path: string, schema: Schema): DataFile {
  const size = readSize(path)
  const walSize = readSize(`${path}-wal`)
  if (size === undefined) {
    if (walSize !== undefined) throw new Error(`${path} is missing, but its ${path}-wal is there: ${ADVICE}`)
    makeFile(path, schema)
  } else {
    if (size === 0) throw damageError(path, 'it is empty')
    const wal = walSize === undefined ? undefined : findWalDamage(`${path}-wal`)
    if (wal !== undefined) throw damageError(`${path}-wal`, wal)
  }
  const bytes = (size ?? 0) + (walSize ?? 0)
  checkFile(path, schema.version, bytes)
  return { sql: new DatabaseSync(path), checked: bytes <= WHOLE_BYTES }
}

/** Reads only: closing a file that was opened for writing would write the log into it. */
function checkFile(path: string, version: number, bytes: number): void {
  const sql = new DatabaseSync(path, { readOnly: true })
  try {
    checkVersion(path, sql, version)
    const depth = bytes > WHOLE_BYTES ? 'structure' : 'whole'
    const found = bytes > STRUCTURE_BYTES ? undefined : asDamage(path, () => findDamage(sql, depth))
    if (found !== undefined) throw damageError(path, found)
  } finally {
    sql.close()
  }
}

const ADVICE = 'restore both from a copy, or remove both to start afresh'

function damageError(path: string, what: string): Error {
  return new Error(`${path} is damaged, ${what}: restore it and the files beside it from a copy, or remove the folder`)
}

/** A file that cannot be read as a database at all is damaged. */
function asDamage<Result>(path: string, read: () => Result): Result {
  try {
    return read()
  } catch (error) {
    throw damageError(path, (error as Error).message.replace(/\s+/g, ' '))
  }
}

function checkVersion(path: string, sql: DatabaseSync, expected: number): void {
  const version = asDamage(path, () => Number(sql.prepare('PRAGMA user_version').get()?.user_version))
  if (version === 0) throw damageError(path, 'it has no tables')
  if (version > expected)
    throw new Error(`its data is of a newer version (${version}): use that version, or another folder`)
  if (version < expected)
    throw new Error(`its data is of an older version (${version}): start afresh, or use another folder`)
}

function makeFile(path: string, schema: Schema): void {
  const unnamed = `${path}.new`
  for (const left of [unnamed, `${unnamed}-journal`]) rmSync(left, { force: true })
  const sql = new DatabaseSync(unnamed)
  try {
    sql.exec(`BEGIN; ${schema.sql} PRAGMA user_version = ${schema.version}; COMMIT`)
  } finally {
    sql.close()
  }
  sync(unnamed)
  renameSync(unnamed, path)
  sync(dirname(path))
}

function sync(path: string): void {
  const file = openSync(path, 'r')
  try {
    fsyncSync(file)
  } finally {
    closeSync(file)
  }
}

function readSize(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.size
}
