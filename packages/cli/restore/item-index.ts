import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync, type StatementSync } from 'node:sqlite'

const TABLES = `
  PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA locking_mode = EXCLUSIVE; PRAGMA cache_size = -65536;
  CREATE TABLE items (item TEXT PRIMARY KEY, content TEXT NOT NULL, seen INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
  CREATE TABLE ends (stream TEXT PRIMARY KEY, version INTEGER NOT NULL, hash TEXT NOT NULL) WITHOUT ROWID;
  BEGIN;`

/** The last event of a stream. */
interface Head {
  readonly version: number
  readonly hash: string
}

/** The hash that a stream's first event follows. */
const NONE = '0'.repeat(64)

/** What a restore knows of archived items, in a file of the temporary folder. */
export class ItemIndex {
  readonly #folder = mkdtempSync(join(tmpdir(), 'tidemark-restore-'))
  readonly #sql = new DatabaseSync(join(this.#folder, 'items.sqlite'))
  readonly #add: StatementSync
  readonly #find: StatementSync
  readonly #see: StatementSync
  readonly #reach: StatementSync
  readonly #end: StatementSync
  size = 0

  constructor() {
    this.#sql.exec(TABLES)
    this.#add = this.#sql.prepare('INSERT OR IGNORE INTO items (item, content) VALUES (?, ?)')
    this.#find = this.#sql.prepare('SELECT content, seen FROM items WHERE item = ?')
    this.#see = this.#sql.prepare('UPDATE items SET seen = 1 WHERE item = ? AND seen = 0')
    this.#reach = this.#sql.prepare(
      `INSERT INTO ends VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET version = excluded.version, hash = excluded.hash
        WHERE excluded.version > version`,
    )
    this.#end = this.#sql.prepare('SELECT version, hash FROM ends WHERE stream = ?')
  }

  add(item: string, content: string): string {
    if (this.#add.run(item, content).changes === 0) return this.content(item) ?? content
    this.size += 1
    return content
  }

  content(item: string): string | undefined {
    return this.#find.get(item)?.content as string | undefined
  }

  see(item: string): boolean {
    return this.#see.run(item).changes === 1
  }

  isSeen(item: string): boolean {
    return this.#find.get(item)?.seen === 1
  }

  reach(stream: string, { version, hash }: Head): void {
    this.#reach.run(stream, version, hash)
  }

  end(stream: string): Head {
    const { version = 0, hash = NONE } = this.#end.get(stream) ?? {}
    return { version: Number(version), hash: String(hash) }
  }

  close(): void {
    this.#sql.close()
    rmSync(this.#folder, { recursive: true, force: true })
  }
}
