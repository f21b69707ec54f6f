import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { LRUCache } from 'lru-cache'

/** Texts of statements are few but for the queries that clients think of. */
const MAX_STATEMENTS = 200

/** The statements of a connection, each compiled once for as long as it is in use. */
export class Statements {
  readonly #sql: DatabaseSync
  readonly #known = new LRUCache<string, StatementSync>({ max: MAX_STATEMENTS })

  constructor(sql: DatabaseSync) {
    this.#sql = sql
  }

  prepare(text: string): StatementSync {
    const known = this.#known.get(text)
    if (known) return known
    const statement = this.#sql.prepare(text)
    this.#known.set(text, statement)
    return statement
  }
}
