import { Failure } from '../api/failure.ts'
import type { Container } from '../resources/catalog.ts'
import type { Store } from '../store/store.ts'
import { type Json, stepInto } from '../values/json.ts'

// The value of an expired item is not taken.
const TAKEN = `
  SELECT items.number FROM unique_values JOIN items ON items.number = unique_values.item
  WHERE unique_values.container = ? AND unique_values.pk = ? AND key = ? AND value = ?
    AND (expires IS NULL OR expires > ?)`
const PUT = 'INSERT OR REPLACE INTO unique_values (container, pk, key, value, item) VALUES (?, ?, ?, ?, ?)'
const FORGET = 'DELETE FROM unique_values WHERE item = ?'

/**
 * A container's unique keys: within a logical partition only one item may have a value. A missing property
 * counts as null.
 * https://learn.microsoft.com/azure/cosmos-db/unique-keys
 */
export class UniqueKeys {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  /**
   * @param item the number of the item that gets the value; undefined for a new one.
   * @throws Failure 409
   */
  check({ number, uniqueKeys }: Container, pk: string, value: Json, item: number | undefined): void {
    if (uniqueKeys.length === 0) return
    for (const [key, paths] of uniqueKeys.entries()) {
      const taken = this.#store.prepare(TAKEN).get(number, pk, key, formatValues(paths, value), Date.now() / 1000)
      if (taken && taken.number !== item) throw new Failure(409, 'Conflict', 'Unique index constraint violation.')
    }
  }

  /** Stores an item's values. Runs after `check`, within the write that stores the item. */
  put({ number, uniqueKeys }: Container, pk: string, value: Json, item: number): void {
    if (uniqueKeys.length === 0) return
    this.#store.prepare(FORGET).run(item)
    for (const [key, paths] of uniqueKeys.entries())
      this.#store.prepare(PUT).run(number, pk, key, formatValues(paths, value), item)
  }
}

function formatValues(paths: readonly (readonly string[])[], value: Json): string {
  return JSON.stringify(paths.map((path) => path.reduce<unknown>(stepInto, value) ?? null))
}
