import type { DatabaseSync, StatementSync } from 'node:sqlite'
import { LRUCache } from 'lru-cache'

/** There are few texts of statements, except for clients' queries. */
const MAX_STATEMENTS = 200

/** The statements of a connection, compiled once and cached. */
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
